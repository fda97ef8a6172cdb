"""What a model's tokens cost by upstream's catalogue (copilot-upstream.md §5.5), for an estimate.

Only where upstream does not say itself what an answer cost.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tier:
    """Nano-AIU per million tokens."""

    input: int
    output: int
    cached: int
    cache_written: int


@dataclass(frozen=True, slots=True)
class Prices:
    """One model's."""

    usual: Tier
    long: Tier | None = None
    """For prompts longer than `longest_usual_prompt` tokens."""
    longest_usual_prompt: int | None = None
