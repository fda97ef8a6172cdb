"""What a chat answer says, by type: whole, or a chunk of a stream.

Choices are read as one: whoever asked for Messages asked for one answer, and what upstream split
is joined (copilot-upstream.md §6.3).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation import reasons
from gateway.domain.translation.over_chat.answer import Message
from gateway.domain.translation.reading import Body


class Words(Message, frozen=True):
    """What a message says, or gains in a stream."""

    reasoning_opaque: str | None = None

    @property
    def thinking(self) -> str:
        """What was thought, by whichever of its names."""
        return self.reasoning_text or self.reasoning_content or self.cot_summary or ""

    @property
    def text(self) -> str:
        """What was said; a refusal is said as well."""
        return (self.content or "") + (self.refusal or "")


SILENCE = Words()


class Choice(Body, frozen=True):
    """One choice; a whole one has a message and a chunk's has a delta."""

    message: Words | None = None
    delta: Words | None = None
    finish_reason: str | None = None

    @property
    def words(self) -> Words:
        """What it says."""
        return self.message or self.delta or SILENCE


class Answer(Body, frozen=True):
    """A whole answer, or a chunk."""

    choices: list[Choice] | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: dict[str, Any] | None = None

    @property
    def words(self) -> Iterator[Words]:
        """What each of its choices says."""
        return (choice.words for choice in self.choices or ())

    @property
    def finish_reasons(self) -> Sequence[str]:
        """Why its choices end, those that do."""
        return [choice.finish_reason for choice in self.choices or () if choice.finish_reason]


FAILED = "error"

decode = msgspec.json.Decoder(Answer).decode


def check(answer: Answer) -> None:
    """Raise GatewayError for an answer that ended in an error: Anthropic has no such reason."""
    if FAILED in answer.finish_reasons:
        raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream ended its answer with an error.")


def stop_reason(finish_reasons: Sequence[str], calls: bool, refuses: bool) -> str:
    """Anthropic's `stop_reason`.

    calls: whether a tool is called. Callers act on that word, and some back-ends say a plain stop.
    refuses: whether the answer is a refusal, which chat may end with a plain stop as well.
    """
    reason = next((each for each in finish_reasons if each != "stop"), "stop")
    found = reasons.TO_MESSAGES.get(reason, "end_turn")
    if found == "end_turn" and refuses:
        return "refusal"
    if found in ("end_turn", "tool_use"):
        return "tool_use" if calls else "end_turn"
    return found
