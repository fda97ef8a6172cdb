"""A Responses stream as chat chunks.

What comes in pieces goes on in pieces. Where upstream sends an item only when it is done, without
any piece of it, the item goes on as one piece. Events that chat has no word for say nothing.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams.chat import DONE_EVENT
from gateway.domain.translation.chat_over_responses import answer
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events
from gateway.domain.translation.reading import Body
from gateway.domain.usage.tokens import from_responses

Delta = dict[str, Any]

MAX_ITEMS = 4096
"""An answer has a few; what is remembered of each is small."""


class _Kind(Body, frozen=True):
    type: str = ""


class Event(Body, frozen=True):
    """An event; which fields it has depends on its type."""

    type: str
    output_index: int = 0
    summary_index: int | None = None
    content_index: int | None = None
    delta: str = ""
    item: answer.Item | None = None
    response: answer.Response | None = None


_decode_kind = msgspec.json.Decoder(_Kind).decode
_decode = msgspec.json.Decoder(Event).decode
_encode = msgspec.json.Encoder().encode


class ChatOverResponsesStream:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._wants_usage = asked.wants_usage
        self._frame = {
            "id": f"chatcmpl-{asked.answer_id}",
            "object": "chat.completion.chunk",
            "created": asked.created,
            "model": asked.model,
        }
        self._events = Events()
        self._is_begun = False
        self._said: set[int] = set()
        """The items of which pieces have come."""
        self._calls: dict[int, tuple[int, str]] = {}
        """For each item that is a call: its place among the calls, and its kind."""
        self._thought: tuple[int, int | None, int | None] | None = None
        """The part of reasoning that was heard last."""

    def feed(self, events: bytes) -> bytes:
        """See StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        return self._events.each(events, self._event)

    def finish(self) -> bytes:
        """See StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._events.check()
        return DONE_EVENT

    def _event(self, data: bytes) -> bytes:
        take = _TAKES.get(_decode_kind(data).type)
        if take is None:
            return b""
        sent = b"".join(take(self, _decode(data)))
        if len(self._said) + len(self._calls) > MAX_ITEMS:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream sent too many items.")
        begins = b"" if self._is_begun else self._delta(_BEGIN)
        self._is_begun = True
        return begins + sent

    def _begin(self, event: Event) -> Iterator[bytes]:
        yield from ()

    def _text(self, event: Event) -> Iterator[bytes]:
        return self._piece(event, {"content": event.delta})

    def _refusal(self, event: Event) -> Iterator[bytes]:
        return self._piece(event, {"refusal": event.delta})

    def _piece(self, event: Event, delta: Delta) -> Iterator[bytes]:
        if event.delta:
            self._said.add(event.output_index)
            yield self._delta(delta)

    def _thinking(self, event: Event) -> Iterator[bytes]:
        if not event.delta:
            return
        part = (event.output_index, event.summary_index, event.content_index)
        between = "" if self._thought in (None, part) else answer.BETWEEN_THOUGHTS
        self._thought = part
        yield from self._piece(event, {"reasoning_text": between + event.delta})

    def _added(self, event: Event) -> Iterator[bytes]:
        item = event.item or answer.Item()
        kind = answer.KINDS.get(item.type)
        if kind is None or event.output_index in self._calls:
            return
        place = len(self._calls)
        self._calls[event.output_index] = (place, kind)
        yield self._delta(_call(place, answer.opened(kind, item, "")))

    def _argument(self, event: Event) -> Iterator[bytes]:
        if event.output_index in self._calls:
            place, kind = self._calls[event.output_index]
            called = {kind: {answer.ARGUMENTS[kind]: event.delta}}
            yield from self._piece(event, _call(place, called))

    def _done(self, event: Event) -> Iterator[bytes]:
        """What has not come in pieces."""
        if event.output_index in self._said:
            return
        item, part = event.item or answer.Item(), msgspec.structs.replace
        yield from self._text(part(event, delta=answer.content_of(item)))
        yield from self._refusal(part(event, delta=answer.refusal_of(item)))
        thoughts = answer.BETWEEN_THOUGHTS.join(answer.thoughts_of(item))
        yield from self._thinking(part(event, delta=thoughts))
        yield from self._added(event)
        yield from self._argument(part(event, delta=answer.argument_of(item)))

    def _end(self, event: Event) -> Iterator[bytes]:
        response = event.response or answer.Response()
        reason = answer.finish_reason(response, has_calls=bool(self._calls))
        yield self._chunk([_choice({}, reason)], None)
        if self._wants_usage:
            yield self._chunk([], from_responses(response.usage).as_chat())

    def _delta(self, delta: Delta) -> bytes:
        return self._chunk([_choice(delta, None)], None)

    def _chunk(self, choices: list[Any], usage: dict[str, Any] | None) -> bytes:
        told = {"usage": usage} if self._wants_usage else {}
        return b"data: " + _encode({**self._frame, "choices": choices, **told}) + b"\n\n"


_BEGIN: Delta = {"role": "assistant", "content": "", "refusal": None}

_TAKES: dict[str, Callable[[ChatOverResponsesStream, Event], Iterator[bytes]]] = {
    "response.created": ChatOverResponsesStream._begin,
    "response.output_text.delta": ChatOverResponsesStream._text,
    "response.refusal.delta": ChatOverResponsesStream._refusal,
    "response.reasoning_summary_text.delta": ChatOverResponsesStream._thinking,
    "response.reasoning_text.delta": ChatOverResponsesStream._thinking,
    "response.output_item.added": ChatOverResponsesStream._added,
    "response.function_call_arguments.delta": ChatOverResponsesStream._argument,
    "response.custom_tool_call_input.delta": ChatOverResponsesStream._argument,
    "response.output_item.done": ChatOverResponsesStream._done,
    "response.completed": ChatOverResponsesStream._end,
    "response.incomplete": ChatOverResponsesStream._end,
}
"""The events that something is said for. How a stream fails is its follower's business."""


def _choice(delta: Delta, reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}


def _call(place: int, piece: dict[str, Any]) -> Delta:
    return {"tool_calls": [{"index": place, **piece}]}
