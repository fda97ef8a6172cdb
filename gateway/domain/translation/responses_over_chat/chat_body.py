"""A chat answer, whole or in chunks, as far as Responses can say it."""

from typing import Any

from gateway.domain.translation.reading import Body


class Function(Body, frozen=True):
    """What is called, and with what; in a chunk, as much of it as came."""

    name: str | None = None
    arguments: str | None = None


class Call(Body, frozen=True):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Message(Body, frozen=True):
    """What an answer says, or gains by a chunk."""

    content: str | None = None
    refusal: str | None = None
    reasoning_text: str | None = None
    cot_summary: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None

    @property
    def thought(self) -> str:
        """The reasoning that may be read: Copilot's names of it, and other back-ends'."""
        return self.reasoning_text or self.cot_summary or self.reasoning_content or ""

    @property
    def characters(self) -> int:
        """How much it says."""
        functions = [call.function for call in self.tool_calls or () if call.function]
        called = sum(len(each.name or "") + len(each.arguments or "") for each in functions)
        return called + sum(len(text or "") for text in (self.thought, self.content, self.refusal))


class Choice(Body, frozen=True):
    """One answer."""

    index: int | None = None
    message: Message | None = None
    delta: Message | None = None
    finish_reason: str | None = None


class Answer(Body, frozen=True):
    """The whole answer, or a chunk of it."""

    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
