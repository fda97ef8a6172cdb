"""Follows a Responses stream (copilot-upstream.md §6.4).

Everything passes as the bytes it is, but for ids that change from event to event
(response_ids.py). The stream is complete with `response.completed` or `response.incomplete`; a
`[DONE]` behind that passes, and nothing else does.
"""

import msgspec

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.streams.failures import failure_of
from gateway.domain.streams.framing import with_data
from gateway.domain.streams.likeness import Field, Kind
from gateway.domain.streams.reading import DONE, EventReader
from gateway.domain.streams.response_ids import Event, StableIds, changed
from gateway.domain.streams.surrogates import restored
from gateway.domain.usage.reading import Meter

TEXTS = (Field(b'"delta":"'),)
OTHERS = (
    Field(b'"item_id":"', Kind.CHANGED),
    Field(b'"sequence_number":', Kind.NUMBER),
    Field(b'"obfuscation":"'),
)
COMPLETE = frozenset({"response.completed", "response.incomplete"})
FAILED = frozenset({"response.failed", "error"})
METERED = COMPLETE | FAILED
"""The events that may say what was used (§6.4)."""


class _Kind(msgspec.Struct, frozen=True):
    type: str = ""


_decode = msgspec.json.Decoder(Event).decode
_decode_kind = msgspec.json.Decoder(_Kind).decode


class ResponsesFollower(EventReader):
    """See following.Follower."""

    def __init__(self, meter: Meter | None = None) -> None:
        super().__init__(TEXTS, OTHERS, meter or Meter(Protocol.RESPONSES))
        self._ids = StableIds()

    def _take(self, event: bytes, data: bytes) -> bytes:
        if self.is_complete:
            return event if data.strip() == DONE else b""
        try:
            seen = _decode(data)
        except UNREADABLE:
            sent = self._take_marked(event, data)
            if sent is not None:
                return sent
            seen = Event(type=_type_of(data))
        if seen.type in METERED:
            self._meter.note(data)
        if seen.type in FAILED:
            return self._fail(failure_of(restored(data)))
        changes = self._ids.changes(data, seen)
        sent = with_data(event, changed(data, changes)) if changes else event
        if seen.type in COMPLETE:
            self.is_complete = True
        else:
            self._likeness.learn(event, sent)
        return self._pass(sent)

    def _close(self) -> bytes:
        return b""


def _type_of(data: bytes) -> str:
    """What may be known of an event in an unknown form."""
    try:
        return _decode_kind(data).type
    except UNREADABLE:
        return ""
