"""A Responses stream as a Messages stream.

The message begins with upstream's first event; why it ended and what it used is known from
upstream's last, and stands at its end. Events that Messages has no word for say nothing.
"""

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET

from gateway.domain.bad_answers import not_understood
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events, named
from gateway.domain.translation.for_messages.frame import envelope
from gateway.domain.translation.messages_over_responses import answer
from gateway.domain.translation.messages_over_responses.answer import Item, Response
from gateway.domain.translation.messages_over_responses.blocks import Blocks
from gateway.domain.translation.messages_over_responses.order import Event, ItemOrder
from gateway.domain.translation.reading import Body
from gateway.domain.usage import tokens


class _Kind(Body, frozen=True):
    type: str = ""


BEGINNINGS = frozenset({"response.created", "response.in_progress"})
ENDS = frozenset({"response.completed", "response.incomplete"})

_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode = msgspec.json.Decoder(Event).decode


class MessagesFromResponses:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._events = Events()
        self._order = ItemOrder()
        self._blocks = Blocks()
        self._has_begun = False
        self._refuses = False
        self._end: Event | None = None

    def feed(self, events: bytes) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        return self._events.each(events, self._event)

    def finish(self) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        if self._end is None:
            raise not_understood()
        response = self._end.response or Response()
        reason = answer.stop_reason(response, self._blocks.calls, self._refuses)
        delta: dict[str, Any] = {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": tokens.from_responses(response.usage).as_messages(),
        }
        if self._end.copilot_usage is not UNSET:
            delta["copilot_usage"] = self._end.copilot_usage
        return named(delta) + named({"type": "message_stop"})

    def _event(self, data: bytes) -> bytes:
        kind = _decode_kind(data).type
        event = _decode(data) if kind in _SAYS or kind in ENDS else Event(kind)
        if kind in _SAYS:
            return self._begin() + b"".join(map(self._say, self._order.take(event, len(data))))
        if kind in ENDS:
            self._end = event
            rest = b"".join(map(self._say, self._order.rest()))
            return self._begin() + rest + self._blocks.close()
        return self._begin() if kind in BEGINNINGS else b""

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        return named({"type": "message_start", "message": envelope(self._asked)})

    def _say(self, event: Event) -> bytes:
        return self._blocks.turn_to(event.output_index) + _SAYS[event.type](self, event)

    def _added(self, event: Event) -> bytes:
        is_call = event.item is not None and event.item.type == "function_call"
        return self._blocks.call(event.item) if event.item and is_call else b""

    def _text(self, event: Event) -> bytes:
        return self._blocks.text(event.content_index, event.delta)

    def _refusal(self, event: Event) -> bytes:
        self._refuses = True
        return self._text(event)

    def _thought(self, event: Event) -> bytes:
        return self._blocks.thought(event.summary_index, event.delta)

    def _argument(self, event: Event) -> bytes:
        return self._blocks.argument(event.delta)

    def _done(self, event: Event) -> bytes:
        item = event.item or Item()
        self._refuses = self._refuses or answer.refuses([item])
        return self._blocks.done(item)


_SAYS: dict[str, Callable[[MessagesFromResponses, Event], bytes]] = {
    "response.output_item.added": MessagesFromResponses._added,
    "response.output_text.delta": MessagesFromResponses._text,
    "response.refusal.delta": MessagesFromResponses._refusal,
    "response.reasoning_summary_text.delta": MessagesFromResponses._thought,
    "response.function_call_arguments.delta": MessagesFromResponses._argument,
    "response.output_item.done": MessagesFromResponses._done,
}
"""The events of items. Whatever else comes says nothing new, or is of tools that nobody asked for;
how a stream fails is its follower's business."""
