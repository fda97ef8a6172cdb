"""The prices in upstream's catalogue: `billing` of an entry, in both of its forms.

The tiered form has credits per batch of tokens, the flat one before it nano-AIU
(copilot-upstream.md §5.5). Prices that are not understood are no prices: an estimate made of half
of them would be wrong, and the entry is a model all the same.
"""

import msgspec
from msgspec import Raw

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.usage.credits import NANO_AIU_PER_CREDIT
from gateway.domain.usage.prices import PER_TOKENS, Prices, Tier

MAX_PRICE = 10**9
"""Of a batch, as it is written."""
MAX_MULTIPLIER = 10_000.0
_FINENESS = 10**9
"""Prices with a point are read to so many parts of one."""


class _Tier(msgspec.Struct, frozen=True):
    input_price: int | float
    output_price: int | float
    cache_read_price: int | float | None = None
    cache_write_price: int | float | None = None
    max_prompt_tokens: int | None = None


class _Tiered(msgspec.Struct, frozen=True):
    batch_size: int
    default: _Tier
    long_context: _Tier | None = None


class _Flat(msgspec.Struct, frozen=True):
    input_price: int | float
    output_price: int | float
    cache_price: int | float | None = None
    batch_size: int = 1
    """The reference names none for this form; then its prices are per token."""


class _Billing(msgspec.Struct, frozen=True):
    multiplier: Raw = Raw()
    token_prices: Raw = Raw()


_read_billing = msgspec.json.Decoder(_Billing).decode
_read_multiplier = msgspec.json.Decoder(float).decode
_read_tiered = msgspec.json.Decoder(_Tiered).decode
_read_flat = msgspec.json.Decoder(_Flat).decode


def prices_in(billing: Raw) -> Prices | None:
    """The prices of an entry's `billing`; None where it has none that are understood."""
    try:
        listed = _read_billing(billing).token_prices
        fields = msgspec.json.decode(listed, type=dict[str, Raw])
        return _tiered(listed) if "default" in fields else _flat(listed)
    except (*UNREADABLE, ValueError):
        return None


def multiplier_in(billing: Raw) -> float | None:
    """How many premium requests one of the model's is (§4.4); None where that is not said."""
    try:
        multiplier = _read_multiplier(_read_billing(billing).multiplier)
    except UNREADABLE:
        return None
    return multiplier if 0 <= multiplier <= MAX_MULTIPLIER else None


def _tiered(listed: Raw) -> Prices:
    found = _read_tiered(listed)
    usual = _tier(found.default, found.batch_size)
    if found.long_context is None:
        return Prices(usual)
    longest = found.default.max_prompt_tokens
    if longest is None or longest < 0:
        raise ValueError("a second tier without an end of the first")
    return Prices(usual, _tier(found.long_context, found.batch_size), longest)


def _tier(tier: _Tier, batch: int) -> Tier:
    def price(listed: int | float | None) -> int:
        credits = tier.input_price if listed is None else listed
        return _per_million(credits, NANO_AIU_PER_CREDIT, batch)

    return Tier(
        input=price(tier.input_price),
        output=price(tier.output_price),
        cached=price(tier.cache_read_price),
        cache_written=price(tier.cache_write_price),
    )


def _flat(listed: Raw) -> Prices:
    found = _read_flat(listed)
    price = _per_million(found.input_price, 1, found.batch_size)
    cached = found.input_price if found.cache_price is None else found.cache_price
    tier = Tier(
        input=price,
        output=_per_million(found.output_price, 1, found.batch_size),
        cached=_per_million(cached, 1, found.batch_size),
        cache_written=price,
    )
    return Prices(tier)


def _per_million(price: int | float, nano_aiu: int, batch: int) -> int:
    """Nano-AIU of a million tokens, where a batch costs `price` times `nano_aiu`.

    Raises ValueError for what is no price. Whole numbers from the first step on: a float times a
    million would be wrong in its last digits.
    """
    if not 0 <= price <= MAX_PRICE or batch <= 0:
        raise ValueError("no price")
    parts = price * _FINENESS if isinstance(price, int) else round(price * _FINENESS)
    return parts * nano_aiu * PER_TOKENS // (batch * _FINENESS)
