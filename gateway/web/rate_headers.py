"""What a caller is told of its rate with every answer, in the headers that clients read.

OpenAI's are on every answer, Anthropic's beside them for callers of Messages. Only measures that
are limited are told. The numbers are those of the moment in which the request was counted.
"""

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from gateway.domain.budgets.standing import RateStanding
from gateway.domain.protocols import Protocol

NONE: Mapping[str, str] = {}
MEASURES = ("requests", "tokens")
OPENAI = "x-ratelimit-"
ANTHROPIC = "anthropic-ratelimit-"


class _Left(NamedTuple):
    """Of one measure."""

    measure: str
    limit: int
    remaining: int


def rate_headers(rate: RateStanding | None, protocol: Protocol | None) -> Mapping[str, str]:
    """The headers for a key with this rate, in the spellings its protocol's clients know."""
    if rate is None:
        return NONE
    headers: dict[str, str] = {}
    for left in _limited(rate):
        headers |= _openai(left, rate.resets_in)
        if protocol is Protocol.MESSAGES:
            headers |= _anthropic(left, rate.resets_at)
    return headers


def duration(seconds: float) -> str:
    """In whole seconds, as OpenAI writes it: 37s, 1m0s. Rounded up, so that nobody is early."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _limited(rate: RateStanding) -> Iterator[_Left]:
    limits = (rate.rate.requests, rate.rate.tokens)
    for measure, limit, used in zip(
        MEASURES, limits, (rate.used.requests, rate.used.tokens), strict=True
    ):
        if limit is not None:
            yield _Left(measure, limit, max(0, limit - used))


def _openai(left: _Left, seconds: float) -> Mapping[str, str]:
    return {
        f"{OPENAI}limit-{left.measure}": str(left.limit),
        f"{OPENAI}remaining-{left.measure}": str(left.remaining),
        f"{OPENAI}reset-{left.measure}": duration(seconds),
    }


def _anthropic(left: _Left, moment: float) -> Mapping[str, str]:
    reset = datetime.fromtimestamp(moment, UTC)
    return {
        f"{ANTHROPIC}{left.measure}-limit": str(left.limit),
        f"{ANTHROPIC}{left.measure}-remaining": str(left.remaining),
        f"{ANTHROPIC}{left.measure}-reset": f"{reset:%Y-%m-%dT%H:%M:%SZ}",
    }
