"""Who set this request off: a person, or a machine going on with a person's turn.

`X-Initiator` tells the truth, and when in doubt it says `user` (design §2, invariant 7): a
wrong `agent` would be billing evasion (copilot-upstream.md §8). What ends the conversation
decides; system and developer items after it are passed over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from gateway.domain.requests.chat import Message
from gateway.domain.requests.messages import Turn
from gateway.domain.requests.responses import MESSAGE, Item

SKIPPED_ROLES = frozenset({"system", "developer"})
TOOL_ROLES = frozenset({"tool", "function"})
CALL_ITEMS = frozenset({"function_call", "function_call_arguments", "computer_call", "tool_result"})
OUTPUT_SUFFIX = "_call_output"
TOOL_RESULT = "tool_result"


class Initiator(Enum):
    """The two values upstream knows."""

    USER = "user"
    AGENT = "agent"


class Rule(Enum):
    """Why the label is what it is; for the log and the metric."""

    CALLER_SAID_USER = "caller_said_user"
    CALLER_SAID_AGENT = "caller_said_agent"
    TOOL_OUTPUT_LAST = "tool_output_last"
    TOOL_OUTPUT_AS_USER = "tool_output_as_user"
    """A user's message right behind calls of tools: upstream refuses calls that nobody answers,
    so what stands there is their answer, as some agents write it."""
    HISTORY_SCANNED = "history_scanned"
    """Only where the operator wants it (`initiator.scan_history`)."""
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The label and the rule that gave it."""

    initiator: Initiator
    rule: Rule


class Said(NamedTuple):
    """What the caller says itself.

    marked: its X-Initiator header. `user` is never downgraded; `agent` counts only where the
    key's policy allows it, and is otherwise as if it had not been said.
    """

    marked: str | None
    may_mark_agent: bool


BY_DEFAULT = Verdict(Initiator.USER, Rule.DEFAULT)
BY_CALLER = {
    "user": Verdict(Initiator.USER, Rule.CALLER_SAID_USER),
    "agent": Verdict(Initiator.AGENT, Rule.CALLER_SAID_AGENT),
}
BY_TOOL_OUTPUT = Verdict(Initiator.AGENT, Rule.TOOL_OUTPUT_LAST)
BY_WRAPPED_OUTPUT = Verdict(Initiator.AGENT, Rule.TOOL_OUTPUT_AS_USER)
BY_HISTORY = Verdict(Initiator.AGENT, Rule.HISTORY_SCANNED)


def judge_chat(messages: Sequence[Message], said: Said) -> Verdict:
    """Label a chat request."""
    return _by_caller(said) or _by_chat(messages)


def judge_responses(items: Sequence[Item], said: Said, scan_history: bool) -> Verdict:
    """Label a Responses request. items: none where the input is text."""
    return _by_caller(said) or _by_items(items, scan_history)


def judge_messages(turns: Sequence[Turn], said: Said) -> Verdict:
    """Label a Messages request."""
    return _by_caller(said) or _by_turns(turns)


def judge_other(said: Said) -> Verdict:
    """Label a request that is no conversation."""
    return _by_caller(said) or BY_DEFAULT


def _by_caller(said: Said) -> Verdict | None:
    if not said.marked:
        return None
    found = BY_CALLER.get(said.marked.strip().lower())
    if found is not None and (found.initiator is Initiator.USER or said.may_mark_agent):
        return found
    return None


def _by_chat(messages: Sequence[Message]) -> Verdict:
    last = None
    for message in reversed(messages):
        if message.role in SKIPPED_ROLES:
            continue
        if last is not None:
            is_wrapped = message.role == "assistant" and message.calls_tools
            return BY_WRAPPED_OUTPUT if is_wrapped else BY_DEFAULT
        if message.role != "user":
            return BY_TOOL_OUTPUT if message.role in TOOL_ROLES else BY_DEFAULT
        last = message
    return BY_DEFAULT


def _by_items(items: Sequence[Item], scan_history: bool) -> Verdict:
    last = next((item for item in reversed(items) if not _is_skipped(item)), None)
    if last is None:
        return BY_DEFAULT
    if _is_machines(last):
        return BY_TOOL_OUTPUT
    is_person = last.type == MESSAGE and last.role == "user"
    return BY_HISTORY if is_person and scan_history and _has_worked(items) else BY_DEFAULT


def _by_turns(turns: Sequence[Turn]) -> Verdict:
    last = next((turn for turn in reversed(turns) if turn.role not in SKIPPED_ROLES), None)
    if last is None or last.role != "user" or not last.blocks:
        return BY_DEFAULT
    is_output = all(block.type == TOOL_RESULT for block in last.blocks)
    return BY_TOOL_OUTPUT if is_output else BY_DEFAULT


def _is_skipped(item: Item) -> bool:
    return item.type == MESSAGE and item.role in SKIPPED_ROLES


def _is_machines(item: Item) -> bool:
    return item.type in CALL_ITEMS or item.type.endswith(OUTPUT_SUFFIX)


def _has_worked(items: Iterable[Item]) -> bool:
    return any(
        _is_machines(item) or (item.type == MESSAGE and item.role == "assistant") for item in items
    )
