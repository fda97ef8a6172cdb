"""A Messages stream as a Responses stream.

An item is done when the next one begins or the answer ends, not with its block: whether it is
whole is known only then. The answer's last event shows everything once more, so it is kept.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import UNSET, Raw, UnsetType

from gateway.domain.bad_answers import not_understood
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events, named
from gateway.domain.translation.for_responses.items import Item
from gateway.domain.translation.over_messages.answer import Block, Delta
from gateway.domain.translation.responses_over_messages import answer, growing
from gateway.domain.translation.responses_over_messages.answer import Event, Message
from gateway.domain.translation.responses_over_messages.frame import end_of, frame_of
from gateway.domain.translation.responses_over_messages.growing import Growing, Said
from gateway.domain.usage import tokens

MAX_BYTES = 64 * 1024 * 1024
"""Upstream's events may come to so many bytes; a long answer has a few hundred kilobytes."""


class ResponsesFromMessages:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._frame = frame_of(asked)
        self._events = Events()
        self._number = 0
        """Of the event that comes next."""
        self._bytes = 0
        self._output: list[Item] = []
        self._growing: Growing | None = None
        self._has_begun = False
        self._stop_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._copilot_usage: Raw | UnsetType = UNSET

    def feed(self, events: bytes) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._bytes += len(events)
        if self._bytes > MAX_BYTES:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer does not end.")
        return self._events.each(events, self._event)

    def finish(self) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._events.check()
        rest = self._begin() + self._end_item()
        used = tokens.from_messages(self._usage)
        response = self._frame.ended(end_of(self._stop_reason), self._output, used)
        said: dict[str, Any] = {"response": response}
        if self._copilot_usage is not UNSET:
            said["copilot_usage"] = self._copilot_usage
        return rest + self._say(f"response.{response['status']}", said)

    def _event(self, data: bytes) -> bytes:
        take = _TAKES.get(answer.decode_kind(data).type)
        if take is None:
            return b""
        event = answer.decode_event(data)
        return self._begin() + take(self, event)

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        begun = {"response": self._frame.begun()}
        return self._say("response.created", begun) + self._say("response.in_progress", begun)

    def _message_start(self, event: Event) -> bytes:
        self._count((event.message or Message()).usage)
        return b""

    def _block_start(self, event: Event) -> bytes:
        ended = self._end_item()
        block = event.content_block or Block()
        kind = growing.KINDS.get(block.type)
        if kind is None:
            return ended
        if kind is growing.Call and not (block.id and block.name):
            raise not_understood()
        self._growing = kind(block, self._frame, len(self._output))
        begun = Delta(text=block.text, thinking=block.thinking, signature=block.signature)
        return ended + self._told(self._growing.grow(begun))

    def _block_delta(self, event: Event) -> bytes:
        if self._growing is None or event.delta is None:
            return b""
        return self._told(self._growing.grow(event.delta))

    def _message_delta(self, event: Event) -> bytes:
        self._stop_reason = (event.delta or Delta()).stop_reason or self._stop_reason
        self._count(event.usage)
        if event.copilot_usage is not UNSET:
            self._copilot_usage = Raw(bytes(event.copilot_usage))
        return b""

    def _count(self, counted: dict[str, Any] | None) -> None:
        """Later figures stand for all before them; those that are left out still hold."""
        said = {name: value for name, value in (counted or {}).items() if value is not None}
        self._usage = {**self._usage, **said}

    def _end_item(self) -> bytes:
        if self._growing is None:
            return b""
        status = end_of(self._stop_reason).last_item
        growing_item, self._growing = self._growing, None
        return self._told(growing_item.end(status))

    def _told(self, events: Iterable[Said]) -> bytes:
        written = b""
        for kind, said in events:
            written += self._say(kind, {"output_index": len(self._output), **said})
            if kind == growing.DONE:
                self._output.append(said["item"])
        return written

    def _say(self, kind: str, said: dict[str, Any]) -> bytes:
        event = {"type": kind, "sequence_number": self._number, **said}
        self._number += 1
        return named(event)


_TAKES: dict[str, Callable[[ResponsesFromMessages, Event], bytes]] = {
    "message_start": ResponsesFromMessages._message_start,
    "content_block_start": ResponsesFromMessages._block_start,
    "content_block_delta": ResponsesFromMessages._block_delta,
    "message_delta": ResponsesFromMessages._message_delta,
}
"""The events that say something. How a stream fails is its follower's business."""
