"""Output items of a Responses stream while they grow: what is said of each, in which order.

An item begins with the first thing there is to say in it, so that none is empty. What is said is
kept, since an item is shown once more when it is done. Knows neither places nor sequence numbers:
those are the stream's.
"""

from collections.abc import Iterator
from typing import Any, Protocol

from gateway.domain.translation.for_responses import items
from gateway.domain.translation.for_responses.frame import Frame
from gateway.domain.translation.for_responses.names import argument_of
from gateway.domain.translation.over_messages.answer import Block, Delta
from gateway.domain.translation.responses_over_messages import sealed

Said = tuple[str, dict[str, Any]]
"""An event's type and what it says."""

ADDED, DONE = "response.output_item.added", "response.output_item.done"


class Growing(Protocol):
    """An item that is not done yet."""

    def grow(self, delta: Delta) -> Iterator[Said]:
        """What a piece of the block comes to."""

    def end(self, status: str) -> Iterator[Said]:
        """What is left to say. The last event shows the item; none for one that never began."""


class Text:
    """A block of text, as a message."""

    def __init__(self, block: Block, frame: Frame, index: int) -> None:
        self._id = frame.id("msg", index)
        self._place = {"item_id": self._id, "content_index": 0}
        self._pieces: list[str] = []

    def grow(self, delta: Delta) -> Iterator[Said]:
        """See Growing."""
        if not delta.text:
            return
        if not self._pieces:
            yield ADDED, {"item": items.message(self._id, [], items.IN_PROGRESS)}
            yield "response.content_part.added", {**self._place, "part": items.text_part("")}
        self._pieces.append(delta.text)
        said = {**self._place, "delta": delta.text, "logprobs": []}
        yield "response.output_text.delta", said

    def end(self, status: str) -> Iterator[Said]:
        """See Growing."""
        if not self._pieces:
            return
        text = "".join(self._pieces)
        part = items.text_part(text)
        yield "response.output_text.done", {**self._place, "text": text, "logprobs": []}
        yield "response.content_part.done", {**self._place, "part": part}
        yield DONE, {"item": items.message(self._id, [part], status)}


class Thinking:
    """Signed thinking, as reasoning with a summary; redacted thinking, as reasoning with none."""

    def __init__(self, block: Block, frame: Frame, index: int) -> None:
        self._id = frame.id("rs", index)
        self._place = {"item_id": self._id, "summary_index": 0}
        self._redacted = block.data
        self._pieces: list[str] = []
        self._signature = ""

    def grow(self, delta: Delta) -> Iterator[Said]:
        """See Growing."""
        self._signature = delta.signature or self._signature
        if not delta.thinking:
            return
        if not self._pieces:
            yield ADDED, {"item": items.reasoning(self._id, "")}
            part = items.summary_part("")
            yield "response.reasoning_summary_part.added", {**self._place, "part": part}
        self._pieces.append(delta.thinking)
        said = {**self._place, "delta": delta.thinking}
        yield "response.reasoning_summary_text.delta", said

    def end(self, status: str) -> Iterator[Said]:
        """See Growing."""
        text = "".join(self._pieces)
        encrypted = sealed.of_thinking(text, self._signature) or sealed.of_redacted(self._redacted)
        if text:
            part = items.summary_part(text)
            yield "response.reasoning_summary_text.done", {**self._place, "text": text}
            yield "response.reasoning_summary_part.done", {**self._place, "part": part}
        elif encrypted:
            yield ADDED, {"item": items.reasoning(self._id, "")}
        if text or encrypted:
            yield DONE, {"item": items.reasoning(self._id, text, encrypted)}


class Call:
    """A call of a function, or of a custom tool, whose text is known when the JSON around it is."""

    def __init__(self, block: Block, frame: Frame, index: int) -> None:
        self._called = frame.names.called(block.name)
        self._id = frame.id(items.CALL_IDS[self._called.is_custom], index)
        self._call_id = block.id
        self._given = block.arguments
        """What the call began with: nothing, but for back-ends that send it at once."""
        self._pieces: list[str] = []
        self._has_begun = False

    def grow(self, delta: Delta) -> Iterator[Said]:
        """See Growing. The empty first piece of Anthropic's begins it."""
        if not self._has_begun:
            self._has_begun = True
            yield ADDED, {"item": self._item("", items.IN_PROGRESS)}
        if delta.partial_json:
            self._pieces.append(delta.partial_json)
            if not self._called.is_custom:
                yield self._piece(delta.partial_json)

    def end(self, status: str) -> Iterator[Said]:
        """See Growing."""
        told = "".join(self._pieces)
        rest = "" if told.strip() else self._given
        argument = told + rest
        if self._called.is_custom:
            argument = rest = argument_of(self._called, argument)
        if rest:
            yield self._piece(rest)
        _, name = items.CALLS[self._called.is_custom]
        done = {"item_id": self._id, "name": self._called.name, name: argument}
        yield f"{EVENTS[self._called.is_custom]}.done", done
        yield DONE, {"item": self._item(argument, status)}

    def _piece(self, argument: str) -> Said:
        delta = {"item_id": self._id, "delta": argument}
        return f"{EVENTS[self._called.is_custom]}.delta", delta

    def _item(self, argument: str, status: str) -> items.Item:
        return items.call(self._id, self._call_id, self._called, argument, status)


EVENTS = {False: "response.function_call_arguments", True: "response.custom_tool_call_input"}
"""How the events of a call's argument are called, by whether the tool is a custom one."""

KINDS: dict[str, type[Text] | type[Thinking] | type[Call]] = {
    "text": Text,
    "thinking": Thinking,
    "redacted_thinking": Thinking,
    "tool_use": Call,
}
"""Blocks that become items. All others are of tools of Anthropic's own."""
