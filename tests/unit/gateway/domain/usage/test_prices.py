"""What tokens come to: each paid for once, by the tier that the prompt's length is in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.usage.prices import Prices, Tier, estimate
from gateway.domain.usage.tokens import Tokens

USUAL = Tier(input=300, output=1500, cached=30, cache_written=375)
LONG = Tier(input=600, output=2250, cached=60, cache_written=600)
MILLION = 1_000_000


def test_every_token_is_paid_for_once() -> None:
    tokens = Tokens(
        input=10 * MILLION,
        output=2 * MILLION,
        cached=6 * MILLION,
        cache_written=1 * MILLION,
        reasoning=1 * MILLION,
    )
    assert estimate(Prices(USUAL), tokens) == 3 * 300 + 6 * 30 + 1 * 375 + 2 * 1500


def test_each_kind_is_rounded_down_as_upstream_does() -> None:
    one = Tier(input=999_999, output=999_999, cached=999_999, cache_written=999_999)
    assert estimate(Prices(one), Tokens(input=3, output=1, cached=1, cache_written=1)) == 0
    assert estimate(Prices(one), Tokens(input=5, output=2, cached=1, cache_written=1)) == 3


@pytest.mark.parametrize(("length", "tier"), [(200, USUAL), (201, LONG)])
def test_a_long_prompt_has_its_own_prices(length: int, tier: Tier) -> None:
    prices = Prices(USUAL, LONG, 200)
    assert prices.tier_for(length) is tier
    tokens = Tokens(input=length, output=5 * MILLION, cached=length)
    assert estimate(prices, tokens) == 5 * tier.output


def test_without_a_second_tier_the_first_is_for_all() -> None:
    assert Prices(USUAL, None, 200).tier_for(10**6) is USUAL


@given(*[st.integers(0, 10**9)] * 4)
def test_an_estimate_is_never_below_zero(a: int, b: int, c: int, d: int) -> None:
    """Also of counts that cannot be: more from the cache than there was."""
    assert estimate(Prices(USUAL), Tokens(a, b, c, d)) >= 0
