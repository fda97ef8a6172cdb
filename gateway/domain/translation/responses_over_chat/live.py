"""Output items while they come: each knows how it begins, goes on and ends in events.

Events come without their sequence numbers, which are the stream's.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from gateway.domain.translation.for_responses import items
from gateway.domain.translation.for_responses.items import Item
from gateway.domain.translation.for_responses.names import Called, argument_of

Payload = dict[str, Any]


class Live(Protocol):
    """An item that has begun."""

    index: int
    """Its place in the items."""

    def ends(self, status: str) -> Iterator[Payload]:
        """What is left to say of it. Called once."""

    def shown(self) -> Item:
        """The item as it ended."""


class _Item:
    def __init__(self, index: int, item_id: str) -> None:
        self.index = index
        self.id = item_id
        self._shown: Item = {}

    def shown(self) -> Item:
        return self._shown

    def _at(self, kind: str, **fields: Any) -> Payload:
        place = {"item_id": self.id, "output_index": self.index}
        return {"type": f"response.{kind}", **place, **fields}

    def _added(self, item: Item) -> Payload:
        return {"type": "response.output_item.added", "output_index": self.index, "item": item}

    def _done(self, item: Item) -> Payload:
        self._shown = item
        return {"type": "response.output_item.done", "output_index": self.index, "item": item}


class Thinking(_Item):
    """A reasoning item; its text is one part of a summary."""

    def __init__(self, index: int, item_id: str) -> None:
        super().__init__(index, item_id)
        self._text: list[str] = []

    def begins(self) -> Iterator[Payload]:
        """The item and its one part are there."""
        yield self._added(items.reasoning(self.id, ""))
        part = items.summary_part("")
        yield self._at("reasoning_summary_part.added", summary_index=0, part=part)

    def piece(self, text: str) -> Payload:
        """More of the text."""
        self._text.append(text)
        return self._at("reasoning_summary_text.delta", summary_index=0, delta=text)

    def ends(self, status: str) -> Iterator[Payload]:
        """See Live; reasoning has no status."""
        text = "".join(self._text)
        yield self._at("reasoning_summary_text.done", summary_index=0, text=text)
        part = items.summary_part(text)
        yield self._at("reasoning_summary_part.done", summary_index=0, part=part)
        yield self._done(items.reasoning(self.id, text))


class Speaking(_Item):
    """A message: text, or a refusal, or one after the other."""

    def __init__(self, index: int, item_id: str) -> None:
        super().__init__(index, item_id)
        self._content: list[Item] = []
        self._kind = ""
        """The part that is open: output_text or refusal."""
        self._text: list[str] = []

    def begins(self) -> Iterator[Payload]:
        """The message is there, with nothing in it."""
        yield self._added(items.message(self.id, [], items.IN_PROGRESS))

    def piece(self, kind: str, text: str) -> Iterator[Payload]:
        """More of the part that is open, or of a new one of another kind."""
        if kind != self._kind:
            yield from self._close()
            self._kind = kind
            part = _part(kind, "")
            yield self._at("content_part.added", content_index=self._place, part=part)
        if text:
            self._text.append(text)
            more: Payload = {"logprobs": []} if kind == TEXT else {}
            yield self._at(f"{kind}.delta", content_index=self._place, delta=text, **more)

    def ends(self, status: str) -> Iterator[Payload]:
        """See Live."""
        yield from self._close()
        yield self._done(items.message(self.id, self._content, status))

    @property
    def _place(self) -> int:
        return len(self._content)

    def _close(self) -> Iterator[Payload]:
        if not self._kind:
            return
        text = "".join(self._text)
        self._text.clear()
        part = _part(self._kind, text)
        said: Payload = {"text": text, "logprobs": []} if self._kind == TEXT else {"refusal": text}
        yield self._at(f"{self._kind}.done", content_index=self._place, **said)
        yield self._at("content_part.done", content_index=self._place, part=part)
        self._content.append(part)


class Calling(_Item):
    """A call. A custom tool's text is only known when all of the JSON around it has come."""

    def __init__(self, index: int, item_id: str, call_id: str, called: Called) -> None:
        super().__init__(index, item_id)
        self._call_id = call_id
        self._called = called
        self._arguments: list[str] = []

    def begins(self) -> Iterator[Payload]:
        """The call is there, its argument is not."""
        yield self._added(self._item("", items.IN_PROGRESS))

    def piece(self, arguments: str) -> Iterator[Payload]:
        """More of the argument."""
        self._arguments.append(arguments)
        if not self._called.is_custom and arguments:
            yield self._at("function_call_arguments.delta", delta=arguments)

    def ends(self, status: str) -> Iterator[Payload]:
        """See Live."""
        argument = argument_of(self._called, "".join(self._arguments))
        if self._called.is_custom:
            if argument:
                yield self._at("custom_tool_call_input.delta", delta=argument)
            yield self._at("custom_tool_call_input.done", input=argument)
        else:
            yield self._at("function_call_arguments.done", arguments=argument)
        yield self._done(self._item(argument, status))

    def _item(self, argument: str, status: str) -> Item:
        return items.call(self.id, self._call_id, self._called, argument, status)


TEXT = "output_text"
REFUSAL = "refusal"


def _part(kind: str, text: str) -> Item:
    return items.text_part(text) if kind == TEXT else items.refusal_part(text)
