"""A chat stream as Responses events.

Items begin as what they are made of comes. Reasoning and messages end where something else
begins; calls may come interleaved in chat, and end with the answer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import msgspec

from gateway.domain.bad_answers import not_understood
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events, named
from gateway.domain.translation.for_responses.frame import ending_of
from gateway.domain.translation.for_responses.items import CALL_IDS, COMPLETED
from gateway.domain.translation.over_chat.answer import Call, Function
from gateway.domain.translation.responses_over_chat import chat_body
from gateway.domain.translation.responses_over_chat.frame import frame_of
from gateway.domain.translation.responses_over_chat.live import (
    REFUSAL,
    TEXT,
    Calling,
    Live,
    Payload,
    Speaking,
    Thinking,
)
from gateway.domain.usage.tokens import from_chat

MAX_CHARACTERS = 16 * 1024 * 1024
"""Of an answer, which its last event says as a whole; a long one has some hundred thousand."""
MAX_ITEMS = 4096

_decode = msgspec.json.Decoder(chat_body.Answer).decode


@dataclass(slots=True)
class _Announced:
    """A call whose name has not come yet."""

    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list, repr=False)


class ResponsesOverChatStream:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._frame = frame_of(asked)
        self._events = Events()
        self._numbers = count()
        self._is_begun = False
        self._items: list[Live] = []
        self._open: Thinking | Speaking | None = None
        self._announced: dict[int, _Announced] = {}
        self._calls: dict[int, Calling] = {}
        """By chat's index, those that have a name."""
        self._finish_reason: str | None = None
        self._usage: dict[str, Any] | None = None
        self._characters = 0

    def feed(self, events: bytes) -> bytes:
        """See StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        return self._events.each(events, self._chunk)

    def finish(self) -> bytes:
        """See StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._events.check()
        return self._written([*self._begins(), *self._ends()])

    def _chunk(self, data: bytes) -> bytes:
        chunk = _decode(data)
        self._usage = chunk.usage or self._usage
        said = list(self._begins())
        for choice in chunk.choices or ():
            if not choice.index:
                self._finish_reason = choice.finish_reason or self._finish_reason
                said += self._delta(choice.delta or chat_body.Message())
        return self._written(said)

    def _written(self, said: Iterable[Payload]) -> bytes:
        return b"".join(
            named({"type": each["type"], "sequence_number": next(self._numbers), **each})
            for each in said
        )

    def _begins(self) -> Iterator[Payload]:
        if not self._is_begun:
            self._is_begun = True
            for stage in ("created", "in_progress"):
                yield {"type": f"response.{stage}", "response": self._frame.begun()}

    def _delta(self, delta: chat_body.Message) -> Iterator[Payload]:
        self._characters += delta.characters
        is_long = self._characters > MAX_CHARACTERS
        if is_long or len(self._items) + len(self._announced) > MAX_ITEMS:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer is too long.")
        if delta.thought:
            yield from self._think(delta.thought)
        if delta.content:
            yield from self._say(TEXT, delta.content)
        if delta.refusal:
            yield from self._say(REFUSAL, delta.refusal)
        for place, call in enumerate(delta.tool_calls or ()):
            yield from self._call(place if call.index is None else call.index, call)

    def _think(self, text: str) -> Iterator[Payload]:
        if not isinstance(self._open, Thinking):
            yield from self._close()
            self._open = Thinking(*self._place("rs"))
            self._items.append(self._open)
            yield from self._open.begins()
        yield self._open.piece(text)

    def _say(self, kind: str, text: str) -> Iterator[Payload]:
        if not isinstance(self._open, Speaking):
            yield from self._close()
            self._open = Speaking(*self._place("msg"))
            self._items.append(self._open)
            yield from self._open.begins()
        yield from self._open.piece(kind, text)

    def _call(self, index: int, piece: Call) -> Iterator[Payload]:
        function = piece.function or Function()
        arguments = function.arguments or ""
        if index in self._calls:
            yield from self._calls[index].piece(arguments)
            return
        call = self._announced.setdefault(index, _Announced())
        call.id = call.id or piece.id or ""
        call.name = call.name or function.name or ""
        call.arguments.append(arguments)
        if call.name:
            yield from self._begin_call(index, self._announced.pop(index))

    def _begin_call(self, index: int, call: _Announced) -> Iterator[Payload]:
        yield from self._close()
        called = self._frame.names.called(call.name)
        place, item_id = self._place(CALL_IDS[called.is_custom])
        call_id = call.id or self._frame.id("call", place)
        begun = self._calls[index] = Calling(place, item_id, call_id, called)
        self._items.append(begun)
        yield from begun.begins()
        yield from begun.piece("".join(call.arguments))

    def _close(self) -> Iterator[Payload]:
        if self._open is not None:
            yield from self._open.ends(COMPLETED)
            self._open = None

    def _ends(self) -> Iterator[Payload]:
        if self._announced:
            raise not_understood()
        if not any(isinstance(item, Speaking | Calling) for item in self._items):
            yield from self._say(TEXT, "")
        ending = ending_of(self._finish_reason)
        still = [self._open, *self._calls.values()] if self._open else [*self._calls.values()]
        for item in sorted(still, key=lambda item: item.index):
            is_last = item is self._items[-1]
            yield from item.ends(ending.last_item if is_last else COMPLETED)
        shown = [item.shown() for item in self._items]
        used = from_chat(self._usage) if self._usage else None
        response = self._frame.ended(ending, shown, used)
        yield {"type": f"response.{ending.status}", "response": response}

    def _place(self, prefix: str) -> tuple[int, str]:
        index = len(self._items)
        return index, self._frame.id(prefix, index)
