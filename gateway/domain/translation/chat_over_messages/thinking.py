"""OpenAI's effort as Anthropic's thinking, and the tokens an answer may have.

Up to 4.5 Claude is given a budget of tokens, from 4.6 on an effort; from 4.7 on a budget is
refused, and so is how to sample. A budget is part of what an answer may have in all, as OpenAI
counts it too.
"""

from dataclasses import dataclass
from typing import Any

from gateway.domain.translation.chat_over_messages.chat_body import ChatRequest
from gateway.domain.translation.reading import invalid
from gateway.domain.translation.responses_over_messages.reasoning import (
    BUDGETS,
    BY_EFFORT,
    BY_EFFORT_ALONE,
    EFFORTS,
    MIN_BUDGET,
    NONE,
    version_of,
)

Fields = dict[str, Any]

DEFAULT_TOKENS, DEFAULT_TOKENS_WHOLE = 32_000, 16_000
"""Anthropic wants a limit. Every Claude from 4 on writes as much; upstream gives no more than the
second figure at once (copilot-upstream.md §5.5, max_non_streaming_output_tokens)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much may be said, and how to think."""

    max_tokens: int
    """With what is thought."""
    thinking: Fields
    """The field; none where thinking is off."""
    effort: str = ""
    """For `output_config`; empty where none is said."""
    may_sample: bool = True
    """Whether the model takes a temperature at all."""

    @property
    def goes_on_anywhere(self) -> bool:
        """Whether it may think in a turn that began without thinking; not with a budget."""
        return self.thinking.get("type") == "adaptive"


def plan_of(request: ChatRequest) -> Plan:
    """What the caller asks for. Raises GatewayError (CALLER_BODY_INVALID)."""
    effort, most = _effort(request), _max_tokens(request)
    version = version_of(request.model)
    by_budget = max(0, request.thinking_budget or 0)
    may_sample = version < BY_EFFORT_ALONE
    if not effort and not by_budget:
        return Plan(most, {}, may_sample=may_sample)
    if version >= BY_EFFORT_ALONE:
        return Plan(most, {"type": "adaptive", "display": "summarized"}, _word(effort), False)
    if version >= BY_EFFORT and not by_budget:
        word = _word(effort)
        return Plan(most, {"type": "adaptive"}, "high" if word == "xhigh" else word)
    return Plan(most, _by_budget(by_budget or BUDGETS[effort], most))


def _by_budget(wanted: int, most: int) -> Fields:
    """Half of what an answer may have is left to be said."""
    budget = min(max(wanted, MIN_BUDGET), most // 2)
    return {"type": "enabled", "budget_tokens": budget} if budget >= MIN_BUDGET else {}


def _word(effort: str) -> str:
    return EFFORTS.get(effort, "")


def _effort(request: ChatRequest) -> str:
    effort = request.reasoning_effort or NONE
    if effort not in {*BUDGETS, NONE}:
        raise invalid("reasoning_effort", f"must be one of {', '.join((NONE, *BUDGETS))}")
    return "" if effort == NONE else effort


def _max_tokens(request: ChatRequest) -> int:
    for name in ("max_completion_tokens", "max_tokens"):
        most: int | None = getattr(request, name)
        if most is not None:
            if most < 1:
                raise invalid(name, "must be at least 1")
            return most
    return DEFAULT_TOKENS if request.stream else DEFAULT_TOKENS_WHOLE
