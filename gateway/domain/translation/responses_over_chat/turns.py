"""A conversation in chat's order: what the model said and called, then what its calls gave.

Responses lets items stand as they happened; chat wants a call's results right behind the message
that made the call (and so does Anthropic, behind some chat models), and no images in them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.translation.reading import invalid

Message = dict[str, Any]
Part = dict[str, Any]

SHOWN_BELOW = "What this tool call gave is shown below."
"""A tool's result that has no text of its own."""
GIVEN_BY = "Given by the tool call "
"""Before images and files, which a tool's result cannot hold in chat."""


@dataclass(slots=True)
class Turn:
    """One message of the model's, and what came of its calls."""

    texts: list[str] = field(default_factory=list, repr=False)
    refusals: list[str] = field(default_factory=list, repr=False)
    calls: dict[str, Message] = field(default_factory=dict, repr=False)
    """By their ids."""
    results: list[Message] = field(default_factory=list, repr=False)
    shown: list[Part] = field(default_factory=list, repr=False)

    def messages(self) -> Iterator[Message]:
        """The messages this is in chat."""
        if self.texts or self.refusals or self.calls:
            yield self._said()
        yield from self.results
        if self.shown:
            yield {"role": "user", "content": self.shown}

    def _said(self) -> Message:
        message: Message = {"role": "assistant", "content": content_of(self.texts)}
        if self.refusals:
            message["refusal"] = "".join(self.refusals)
        if self.calls:
            message["tool_calls"] = list(self.calls.values())
        return message


class Conversation:
    """Puts the messages of a conversation together from what happened in it, in order."""

    def __init__(self) -> None:
        self._all: list[Message | Turn] = []
        self._turn: Turn | None = None
        """The model's, while nobody else has spoken."""
        self._callers: dict[str, Turn] = {}
        self._unanswered: dict[str, str] = {}
        """The ids of calls that gave nothing yet, and where they stand."""

    def hear(self, role: str, content: str | list[Part]) -> None:
        """Somebody else than the model speaks."""
        self._turn = None
        self._all.append({"role": role, "content": content})

    def say(self, texts: Sequence[str], refusals: Sequence[str]) -> None:
        """The model speaks. Between its calls and their results it is still the same message."""
        turn = self._turn
        if turn is None or turn.results or not turn.calls:
            turn = self._begin()
        turn.texts.extend(texts)
        turn.refusals.extend(refusals)

    def call(self, call_id: str, name: str, arguments: str, path: str) -> None:
        """The model calls a tool. Raises GatewayError: a call of this id is there already."""
        if call_id in self._callers:
            raise invalid(f"{path}.call_id", "is the id of another call as well")
        turn = self._turn
        if turn is None or turn.results:
            turn = self._begin()
        function = {"name": name, "arguments": arguments}
        turn.calls[call_id] = {"id": call_id, "type": "function", "function": function}
        self._callers[call_id] = turn
        self._unanswered[call_id] = path

    def give(self, call_id: str, texts: list[str], shown: list[Part], path: str) -> None:
        """A tool gives what it was called for. Raises GatewayError: nobody called it."""
        turn = self._callers.get(call_id)
        if turn is None:
            raise invalid(f"{path}.call_id", "is the id of no call before it")
        self._unanswered.pop(call_id, None)
        content = content_of(texts) or (SHOWN_BELOW if shown else "")
        turn.results.append({"role": "tool", "tool_call_id": call_id, "content": content})
        if shown:
            turn.shown += [{"type": "text", "text": f"{GIVEN_BY}{call_id}:"}, *shown]

    def messages(self) -> list[Message]:
        """All messages. Raises GatewayError: a call gave nothing, which no chat model takes."""
        for path in self._unanswered.values():
            raise invalid(f"{path}.call_id", "is the id of a call without an output")
        listed = (each.messages() if isinstance(each, Turn) else (each,) for each in self._all)
        return [message for messages in listed for message in messages]

    def _begin(self) -> Turn:
        self._turn = Turn()
        self._all.append(self._turn)
        return self._turn


def content_of(texts: Sequence[str]) -> str | list[Part] | None:
    """Texts as a message's content: one as it is, several as parts."""
    if len(texts) > 1:
        return [{"type": "text", "text": text} for text in texts]
    return texts[0] if texts else None
