"""A chat answer, whole or in chunks, as far as Responses can say it."""

from typing import Any

from gateway.domain.translation.over_chat import answer
from gateway.domain.translation.reading import Body


class Message(answer.Message, frozen=True):
    """What an answer says, or gains by a chunk."""

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
