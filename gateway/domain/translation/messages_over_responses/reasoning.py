"""How much to think: Anthropic's thinking and effort as Responses' reasoning."""

from typing import Any

from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid

Said = dict[str, Any]

BUDGETS: tuple[tuple[int, str], ...] = ((8191, "low"), (15_999, "medium"))
"""Budgets up to so many tokens; whatever is above is ABOVE."""
ABOVE = "high"
LEAST = "low"
"""For thinking that is turned off: a model on `/responses` alone thinks, and hardly one takes an
effort of `none`."""

EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
"""Anthropic's words for effort. Responses has the same ones."""
ON = frozenset({"enabled", "adaptive", "between_tools"})
OFF = "disabled"

SEALED = "reasoning.encrypted_content"


def reasoning_of(request: Fields) -> Said:
    """`reasoning` and `include`; none where nothing is said, which leaves it to the model.

    What was thought is asked for, shown and sealed, only by callers that turned thinking on: others
    take the first block of an answer for its text.
    """
    thinking = request.object("thinking")
    kind = thinking.text("type")
    if kind not in ON | {OFF, ""} or (thinking.values and not kind):
        raise invalid(thinking.at("type"), "must be enabled, adaptive, between_tools or disabled")
    effort = _effort(request, thinking)
    reasoning: Said = {"effort": effort} if effort else {}
    if kind not in ON:
        return {"reasoning": reasoning} if reasoning else {}
    if thinking.text("display") != "omitted":
        reasoning["summary"] = "auto"
    return {"reasoning": reasoning, "include": [SEALED]} if reasoning else {"include": [SEALED]}


def _effort(request: Fields, thinking: Fields) -> str | None:
    """An effort that is said counts more than a budget, and thinking turned off more than it."""
    if thinking.text("type") == OFF:
        return LEAST
    config = request.object("output_config")
    said = config.text("effort")
    if said:
        if said not in EFFORTS:
            raise invalid(config.at("effort"), f"must be one of {', '.join(sorted(EFFORTS))}")
        return said
    budget = thinking.count("budget_tokens")
    if budget is None:
        return None
    return next((effort for most, effort in BUDGETS if budget <= most), ABOVE)
