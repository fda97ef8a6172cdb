"""How much to think: Anthropic's budget of tokens as OpenAI's effort."""

from gateway.domain.translation.messages_over_chat.messages_body import (
    OutputConfig,
    Thinking,
)
from gateway.domain.translation.reading import invalid

EFFORTS: tuple[tuple[int, str], ...] = ((8191, "low"), (15_999, "medium"))
"""Budgets up to so many tokens; whatever is above is ABOVE. `minimal` is never said: upstream's
catalogue knows low, medium and high (copilot-upstream.md §5.5)."""
ABOVE = "high"

WORDS = frozenset({"low", "medium", "high", "xhigh", "max"})
"""Anthropic's words for effort. Chat has the same ones."""

OFF = "disabled"


def effort_of(thinking: Thinking | None, config: OutputConfig | None) -> str | None:
    """Chat's `reasoning_effort`; None leaves it to the model.

    An effort that is said counts more than a budget. Thinking that is turned off is left to the
    model as well: hardly one takes an effort of `none`.
    """
    if thinking is not None and thinking.type == OFF:
        return None
    if config is not None and config.effort:
        return _word(config.effort)
    if thinking is None or thinking.budget_tokens is None:
        return None
    budget = thinking.budget_tokens
    return next((effort for most, effort in EFFORTS if budget <= most), ABOVE)


def _word(effort: str) -> str:
    if effort not in WORDS:
        raise invalid("output_config.effort", f"must be one of {', '.join(sorted(WORDS))}")
    return effort
