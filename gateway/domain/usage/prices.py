"""What a model's tokens cost by upstream's catalogue (copilot-upstream.md §5.5), for an estimate.

Only where upstream does not say itself what an answer cost.
"""

from dataclasses import dataclass

from gateway.domain.usage.tokens import Tokens

PER_TOKENS = 1_000_000
"""How many tokens a price is for."""


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

    def tier_for(self, input_tokens: int) -> Tier:
        """The prices of an answer to a prompt of this length, cached tokens included."""
        is_usual = self.longest_usual_prompt is None or input_tokens <= self.longest_usual_prompt
        return self.usual if self.long is None or is_usual else self.long


def estimate(prices: Prices, tokens: Tokens) -> int:
    """Nano-AIU: Σ tokens × price, each kind of token rounded down (§6.6).

    Every token is paid for once: input is what is neither from a cache nor written into one.
    """
    tier = prices.tier_for(tokens.input)
    plain_input = max(0, tokens.input - tokens.cached - tokens.cache_written)
    counted = (
        (plain_input, tier.input),
        (tokens.cached, tier.cached),
        (tokens.cache_written, tier.cache_written),
        (tokens.output, tier.output),
    )
    return sum(count * price // PER_TOKENS for count, price in counted)
