"""How much to think: Responses' reasoning as Anthropic's thinking and effort.

Which of two ways a model of Claude's is told so depends on its version: up to 4.5 by a budget of
tokens, from 4.6 by an effort; from 4.7 on a budget is refused, and so is how to sample.
"""

import re
from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid
from gateway.domain.translation.responses_over_messages.turns import USER, Message

Said = dict[str, Any]
Version = tuple[int, int]

BUDGETS = {
    "minimal": 1024,
    "low": 4096,
    "medium": 8192,
    "high": 16_384,
    "xhigh": 31_999,
    "max": 31_999,
}
"""Tokens to think with; no model takes less than MIN_BUDGET."""
EFFORTS = {
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "xhigh",
    "max": "max",
}
MEDIUM = "medium"
"""What Responses means where it is not said."""
NONE = "none"
MIN_BUDGET = 1024
SHARE = 2
"""Of what an answer may have in all, so much is left to be said: one half."""

BY_EFFORT: Version = (4, 6)
BY_EFFORT_ALONE: Version = (4, 7)
"""From here on also: `xhigh`, and thinking is shown only where that is asked for."""

_VERSION = re.compile(r"claude-[a-z]+-(\d+)(?:[.-](\d{1,2}))?(?!\d)")


def version_of(model: str) -> Version:
    """A model's version by its name; (0, 0) for one that says none."""
    match = _VERSION.search(model)
    return (int(match[1]), int(match[2] or 0)) if match else (0, 0)


def effort_of(request: Fields) -> str:
    """How much to think; empty where nothing is said, which for Claude is not to."""
    reasoning = request.object("reasoning")
    effort = reasoning.text("effort")
    if effort not in {*EFFORTS, NONE, ""}:
        raise invalid(reasoning.at("effort"), f"must be one of none, {', '.join(EFFORTS)}")
    if effort == NONE:
        return ""
    return effort or (MEDIUM if wants_summary(request) else "")


def wants_summary(request: Fields) -> bool:
    """Whether what is thought is to be shown."""
    reasoning = request.object("reasoning")
    return reasoning.has("summary") or reasoning.has("generate_summary")


def thinking_of(
    request: Fields, messages: Sequence[Message], limit: int, is_forced: bool
) -> tuple[Said, str]:
    """`thinking` as a field, none where it is off, and the effort for `output_config`, or none.

    limit: tokens for the whole answer. is_forced: whether a tool has to be called, with which
    Anthropic does not take thinking.
    """
    effort, version = effort_of(request), version_of(request.text("model"))
    if not effort:
        return {}, ""
    if version >= BY_EFFORT:
        said = {} if is_forced else {"thinking": _adaptive(version, wants_summary(request))}
        return said, _word(effort, version)
    budget = min(BUDGETS[effort], limit // SHARE)
    if is_forced or budget < MIN_BUDGET or not _may_go_on(messages):
        return {}, ""
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, ""


def _adaptive(version: Version, is_shown: bool) -> Said:
    shown = {"display": "summarized"} if is_shown and version >= BY_EFFORT_ALONE else {}
    return {"type": "adaptive", **shown}


def _word(effort: str, version: Version) -> str:
    word = EFFORTS[effort]
    return "high" if word == "xhigh" and version < BY_EFFORT_ALONE else word


def _may_go_on(messages: Sequence[Message]) -> bool:
    """Whether a model that thinks with a budget takes this conversation.

    In the middle of a tool's use it wants the turn that called to begin with thinking.
    """
    if len(messages) < 2 or messages[-1]["role"] != USER:
        return True
    if messages[-1]["content"][0]["type"] != "tool_result":
        return True
    return str(messages[-2]["content"][0]["type"]).endswith("thinking")
