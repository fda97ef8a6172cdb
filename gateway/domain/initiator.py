"""Who set this request off: a person, or a machine going on with a person's turn.

`X-Initiator` tells the truth, and when in doubt it says `user` (design §2, invariant 7): a
wrong `agent` would be billing evasion (copilot-upstream.md §8). Rules are an ordered table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from gateway.domain.chat import Message

SKIPPED_ROLES = frozenset({"system", "developer"})
TOOL_ROLES = frozenset({"tool", "function"})


class Initiator(Enum):
    """The two values upstream knows."""

    USER = "user"
    AGENT = "agent"


class Rule(Enum):
    """Why the label is what it is; for the log and the metric."""

    CALLER_SAID_USER = "caller_said_user"
    CALLER_SAID_AGENT = "caller_said_agent"
    TOOL_OUTPUT_LAST = "tool_output_last"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The label and the rule that gave it."""

    initiator: Initiator
    rule: Rule


BY_DEFAULT = Verdict(Initiator.USER, Rule.DEFAULT)
BY_CALLER = {
    "user": Verdict(Initiator.USER, Rule.CALLER_SAID_USER),
    "agent": Verdict(Initiator.AGENT, Rule.CALLER_SAID_AGENT),
}
BY_TOOL_OUTPUT = Verdict(Initiator.AGENT, Rule.TOOL_OUTPUT_LAST)


def judge_chat(messages: Sequence[Message], marked: str | None, may_mark_agent: bool) -> Verdict:
    """Label a chat request.

    marked: the caller's own X-Initiator header. `user` is never downgraded; `agent` counts only
    where the key's policy allows it, and is otherwise as if it had not been said.
    """
    said = BY_CALLER.get((marked or "").strip().lower())
    if said is not None and (said.initiator is Initiator.USER or may_mark_agent):
        return said
    return BY_TOOL_OUTPUT if _last_role(messages) in TOOL_ROLES else BY_DEFAULT


def _last_role(messages: Sequence[Message]) -> str | None:
    """The last role that somebody other than the tool's author chose."""
    return next((m.role for m in reversed(messages) if m.role not in SKIPPED_ROLES), None)
