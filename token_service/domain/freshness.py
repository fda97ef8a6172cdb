"""How long a token lives, when it is renewed, and what it is good for at a given age.

Durations in, verdicts out. Ages are counted on a monotonic clock from before the token was
asked for, against the life that its issuer's own clock states: no two clocks have to agree
(copilot-upstream.md §3.5).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from token_service.domain.errors import ArgumentInvalid, GitHubUnavailable

# Longer than any Copilot token was seen to live; a larger number is a fault of somebody's clock.
LONGEST_LIFE_SECONDS = 24 * 3600.0
# Without a Date the life is what refresh_in implies: tokens of 30 minutes come with 25 (§3.2).
LIFE_BEYOND_REFRESH_SECONDS = 300.0
# No caller and no small refresh_in can cause more exchanges than this (design §2, invariant 2).
LEAST_RENEWAL_SECONDS = 60.0
LONGEST_MIN_TTL_SECONDS = 20 * 60.0
# What an exchange takes where none was made (peers.md §0.2: some 300 ms; a slow one a second), and
# between what it counts as: replicas come apart also where GitHub is quick, or this process slept.
USUAL_EXCHANGE_SECONDS = 1.0
LEAST_EXCHANGE_SECONDS = 0.1
LONGEST_EXCHANGE_SECONDS = 10.0


class Freshness(StrEnum):
    """What a token is good for."""

    FRESH = "fresh"
    RENEW_SOON = "renew_soon"
    STALE = "stale"
    EXPIRED = "expired"


@dataclass(frozen=True)
class FreshnessPolicy:
    """The settings `freshness.*`, in seconds."""

    renew_before: float = 300.0
    renew_jitter: float = 30.0
    min_remaining: float = 30.0


def life_of(expires_at: float | None, date: float | None, refresh_in: float | None) -> float:
    """Seconds a token lives: `expires_at` against the answer's own Date.

    Without a Date it is derived from `refresh_in`. Raises GitHubUnavailable when the answer
    states no life, or one that cannot be.
    """
    if expires_at is not None and date is not None:
        life = expires_at - date
    elif refresh_in is not None:
        life = refresh_in + LIFE_BEYOND_REFRESH_SECONDS
    else:
        raise GitHubUnavailable("GitHub's answer does not say how long its token lives")
    if not 0 < life <= LONGEST_LIFE_SECONDS:
        raise GitHubUnavailable(
            "GitHub's answer gives its token a life that cannot be: already over, or more than "
            "24 hours"
        )
    return life


def refresh_after(
    life: float, refresh_in: float | None, policy: FreshnessPolicy, jitter: float
) -> float:
    """Seconds after which to renew; jitter in [0, 1) spreads accounts and replicas.

    The sooner of what the issuer asks for and `renew_before` the end, or half of a life too
    short for that; never so soon that renewals follow each other without a pause.
    """
    before_end = max(life - policy.renew_before, life / 2)
    wanted = before_end if refresh_in is None else min(refresh_in, before_end)
    return max(wanted - jitter * policy.renew_jitter, least_age(life))


def ahead_of_others(exchange_seconds: float | None, fraction: float) -> float:
    """Seconds by which to renew earlier while replicas cannot see each other (XFetch).

    exchange_seconds: of the account's last exchange, None when there was none; fraction in
    [0, 1). Exponentially spread around what an exchange takes, so that replicas that hold one
    token do not ask GitHub for the next all at once (peers.md §2).
    """
    known = USUAL_EXCHANGE_SECONDS if exchange_seconds is None else exchange_seconds
    delta = min(max(known, LEAST_EXCHANGE_SECONDS), LONGEST_EXCHANGE_SECONDS)
    return -delta * math.log(1.0 - fraction)


def least_age(life: float) -> float:
    """Seconds before which no renewal of a token is worth asking for."""
    return min(LEAST_RENEWAL_SECONDS, life / 2)


def needed_life(life: float, min_ttl: float, policy: FreshnessPolicy) -> float:
    """Seconds a token must have left to be given without waiting for a renewal.

    A token that was always going to be short-lived is not asked for more than it has.
    """
    return max(min(policy.min_remaining, life / 4), min_ttl)


def judge(age: float, life: float, refresh_after: float, needed: float) -> Freshness:
    """What a token of this age is good for.

    STALE: it works, but has less than `needed` left; callers wait for its renewal and get it
    only if that fails. A renewal that would come too early to help is not waited for: see
    `least_age`.
    """
    remaining = life - age
    if remaining <= 0:
        return Freshness.EXPIRED
    if remaining < needed:
        return Freshness.STALE
    return Freshness.FRESH if age < refresh_after else Freshness.RENEW_SOON


def check_min_ttl(seconds: float) -> float:
    """The caller's min_ttl, if it is in its range. Raises ArgumentInvalid."""
    if 0 <= seconds <= LONGEST_MIN_TTL_SECONDS:
        return seconds
    raise ArgumentInvalid("min_ttl must be between 0 and 20 minutes")
