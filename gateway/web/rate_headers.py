"""What a caller is told of its rate with every answer, in the headers that clients read.

OpenAI's are on every answer, Anthropic's beside them for callers of Messages. Only measures that
are limited are told. The numbers are those of the moment in which the request was counted.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache

from gateway.domain.budgets.standing import RateStanding
from gateway.domain.protocols import Protocol

NONE: Mapping[str, str] = {}
MEASURES = ("requests", "tokens")
OPENAI = "x-ratelimit-"
ANTHROPIC = "anthropic-ratelimit-"


class _Names:
    """What the headers of one measure are called."""

    __slots__ = ("anthropic", "openai")

    def __init__(self, measure: str) -> None:
        parts = ("limit", "remaining", "reset")
        self.openai = tuple([f"{OPENAI}{part}-{measure}" for part in parts])
        self.anthropic = tuple([f"{ANTHROPIC}{measure}-{part}" for part in parts])


_REQUESTS, _TOKENS = map(_Names, MEASURES)


def rate_headers(rate: RateStanding | None, protocol: Protocol | None) -> Mapping[str, str]:
    """The headers for a key with this rate, in the spellings its protocol's clients know."""
    if rate is None:
        return NONE
    limits, used = rate.rate, rate.used
    resets_at = _rfc3339(rate.resets_at) if protocol is Protocol.MESSAGES else None
    resets_in = duration(rate.resets_in)
    headers: dict[str, str] = {}
    if limits.requests is not None:
        _tell(headers, _REQUESTS, limits.requests, used.requests, resets_in, resets_at)
    if limits.tokens is not None:
        _tell(headers, _TOKENS, limits.tokens, used.tokens, resets_in, resets_at)
    return headers


def _tell(
    headers: dict[str, str],
    names: _Names,
    limit: int,
    used: int,
    resets_in: str,
    resets_at: str | None,
) -> None:
    """Of one measure. resets_at: None where the caller reads OpenAI's headers only."""
    most, left = str(limit), str(max(0, limit - used))
    name, remaining, reset = names.openai
    headers[name], headers[remaining], headers[reset] = most, left, resets_in
    if resets_at is not None:
        name, remaining, reset = names.anthropic
        headers[name], headers[remaining], headers[reset] = most, left, resets_at


def duration(seconds: float) -> str:
    """In whole seconds, as OpenAI writes it: 37s, 1m0s. Rounded up, so that nobody is early."""
    return _in_words(math.ceil(seconds))


@lru_cache(maxsize=128)
def _in_words(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


@lru_cache(maxsize=8)
def _rfc3339(moment: float) -> str:
    """Looked up for every request, and the same for all of a minute."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
