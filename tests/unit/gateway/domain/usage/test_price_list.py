"""Prices as upstream's catalogue writes them (§5.5), in both forms."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from gateway.domain.usage.price_list import multiplier_in, prices_in
from gateway.domain.usage.prices import Prices, Tier

CREDIT = 10**9
DEFAULT = {
    "input_price": 300,
    "output_price": 1500,
    "cache_read_price": 30,
    "cache_write_price": 375,
    "max_prompt_tokens": 200_000,
}
LONG = {
    "input_price": 600,
    "output_price": 2250,
    "cache_read_price": 60,
    "max_prompt_tokens": 936_000,
}
TIERED = {"batch_size": 1_000_000, "default": DEFAULT, "long_context": LONG}
FLAT = {"input_price": 300_000, "output_price": 1_500_000, "cache_price": 30_000}


def prices(listed: Any) -> Prices | None:
    return prices_in(Raw(json.dumps({"token_prices": listed, "multiplier": 1}).encode()))


def tier(input: int, output: int, cached: int, cache_written: int) -> Tier:
    """From credits per million tokens."""
    return Tier(input * CREDIT, output * CREDIT, cached * CREDIT, cache_written * CREDIT)


def test_the_tiered_form_is_in_credits_per_batch() -> None:
    # What is written into a cache has no price of its own in the second tier.
    expected = Prices(tier(300, 1500, 30, 375), tier(600, 2250, 60, 600), 200_000)
    assert prices(TIERED) == expected


def test_the_flat_form_is_in_nano_aiu_per_token() -> None:
    assert prices(FLAT) == Prices(tier(300, 1500, 30, 300))


def test_a_flat_form_with_a_batch_is_of_that_batch() -> None:
    per_thousand = {"input_price": 300, "output_price": 1500, "batch_size": 1000}
    assert prices(per_thousand) == Prices(Tier(300_000, 1_500_000, 300_000, 300_000))


@pytest.mark.parametrize(
    ("batch", "price", "per_million"),
    [
        (1_000, 1, 1_000 * CREDIT),
        (1_000_000, 0.1, CREDIT // 10),
        (1_000_000, 17.5, 175 * CREDIT // 10),
        (1_000_000, 1.001, 1001 * CREDIT // 1000),
        (1_000_000, 0.000129, 129 * CREDIT // 10**6),
        (1_000, 0.3, 300 * CREDIT),
        (3, 1, 10**6 * CREDIT // 3),
        (1, 10**9, 10**15 * CREDIT),
    ],
)
def test_prices_are_exact(batch: int, price: float, per_million: int) -> None:
    listed = {"batch_size": batch, "default": {"input_price": price, "output_price": price}}
    assert prices(listed) == Prices(Tier(per_million, per_million, per_million, per_million))


@pytest.mark.parametrize(
    "listed",
    [
        None,
        [],
        {},
        "dear",
        {**TIERED, "batch_size": 0},
        {**TIERED, "batch_size": -1},
        {**TIERED, "batch_size": None},
        {"default": DEFAULT},
        {**TIERED, "default": None},
        {**TIERED, "long_context": "more"},
        {**TIERED, "default": {**DEFAULT, "max_prompt_tokens": None}},
        {**TIERED, "default": {**DEFAULT, "input_price": -1}},
        {**TIERED, "default": {**DEFAULT, "output_price": "1500"}},
        {**TIERED, "default": {**DEFAULT, "cache_read_price": True}},
        {**TIERED, "default": {**DEFAULT, "cache_read_price": 1e300}},
        {"input_price": 1},
        {**FLAT, "cache_price": "free"},
    ],
)
def test_what_is_not_understood_is_no_price(listed: Any) -> None:
    assert prices(listed) is None


@given(st.binary(max_size=60))
def test_nothing_raises(billing: bytes) -> None:
    assert prices_in(Raw(billing)) is None
    assert multiplier_in(Raw(billing)) is None
    assert prices_in(Raw(b'{"token_prices":' + billing + b"}")) is None


@pytest.mark.parametrize(
    ("written", "multiplier"),
    [
        ("0", 0.0),
        ("0.33", 0.33),
        ("6", 6.0),
        *((odd, None) for odd in ("-1", "null", '"1"', "true", "1e300")),
    ],
)
def test_how_many_premium_requests_one_is(written: str, multiplier: float | None) -> None:
    assert multiplier_in(Raw(b'{"multiplier":%b}' % written.encode())) == multiplier
    assert multiplier_in(Raw(b"{}")) is None
    assert multiplier_in(Raw()) is None
