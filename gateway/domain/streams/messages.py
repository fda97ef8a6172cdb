"""Follows a Messages stream (copilot-upstream.md §6.5).

Everything passes as the bytes it is: what Copilot adds (`copilot_usage`, `copilot_annotations`)
stands beside Anthropic's own fields and harms nobody. The stream is complete with `message_stop`.
"""

import msgspec

from gateway.domain import lenient_json
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.streams.failures import failure_in, failure_of
from gateway.domain.streams.framing import name_of
from gateway.domain.streams.likeness import Field
from gateway.domain.streams.reading import EventReader
from gateway.domain.streams.surrogates import marked
from gateway.domain.usage.reading import Meter

TEXTS = (Field(b'"text":"'), Field(b'"partial_json":"'), Field(b'"thinking":"'))
METERED = frozenset({"message_start", "message_delta"})
"""The events that say what was used (§6.5)."""


class _Event(msgspec.Struct, frozen=True):
    type: str = ""


_decode = msgspec.json.Decoder(_Event).decode


class MessagesFollower(EventReader):
    """See following.Follower."""

    def __init__(self, meter: Meter | None = None) -> None:
        super().__init__(TEXTS, (), meter or Meter(Protocol.MESSAGES))

    def _take(self, event: bytes, data: bytes) -> bytes:
        kind = name_of(event).decode("utf-8", "replace") or _type_of(data)
        if kind == "error":
            return self._fail(failure_of(data))
        if kind == "ping":
            return event
        if not kind:
            # A proxy on the way may write errors of its own kind.
            failure = failure_in(data)
            if failure is not None:
                return self._fail(failure)
        if kind in METERED:
            self._meter.note(marked(data))  # it reads what is marked, and not what is not
        if kind == "message_stop":
            self.is_complete = True
            self._end()
        else:
            self._likeness.learn(event, event)
        return self._pass(event)

    def _close(self) -> bytes:
        return b""


def _type_of(data: bytes) -> str:
    try:
        return _decode(data).type
    except UNREADABLE:
        pass
    try:
        return _decode(lenient_json.strict(data) or b"").type
    except UNREADABLE:
        return ""
