"""What GitHub's answer says of an account's quotas, and when to ask again.

`GET /copilot_internal/user` (copilot-upstream.md §4.1). Judges values: sends nothing, waits for
nothing, raises nothing. Login, e-mail and organizations are in the answer too, and stay there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from token_service.domain.answers import Answer
from token_service.domain.failures import Backoff

PATH = "/copilot_internal/user"
# Of §4.1. They become labels, so that no other one is taken.
NAMES = ("chat", "completions", "premium_interactions")
UNLIMITED = -1.0
LARGEST = 1e15
# GitHub may give an account its seat back any time; a changed credential is tried at once.
REFUSED_SECONDS = 3600.0
LONGEST_SECONDS = 3600.0
# Of an interval, to both sides: accounts that were asked for together come apart.
SPREAD = 0.1
_PLAN = re.compile(r"[a-z0-9_]{1,64}")


class Outcome(StrEnum):
    """How a poll ended; the values are labels."""

    OK = "ok"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    UNAVAILABLE = "unavailable"
    UNREADABLE = "unreadable"
    CRASHED = "crashed"


@dataclass(frozen=True)
class Quota:
    """One quota of an account.

    entitlement  what a period has in it, in requests or credits; -1: unlimited
    remaining    what is left; may be negative. None where it is unlimited
    overage      what was used beyond it
    is_used_up   whether nothing is left; an unlimited one of a pool can be, too
    """

    name: str
    entitlement: float
    remaining: float | None
    overage: float
    is_used_up: bool


@dataclass(frozen=True)
class Allowance:
    """What an account has.

    plan            GitHub's word for it, of an open set; empty where it is none
    counts_credits  whether quotas count credits and not requests; None where it is not said
    resets_at       when the period ends, in seconds since the epoch
    """

    quotas: tuple[Quota, ...]
    plan: str = ""
    counts_credits: bool | None = None
    resets_at: float | None = None


@dataclass(frozen=True)
class Miss:
    """A poll that came to nothing. retry_after: seconds that GitHub asks to wait."""

    outcome: Outcome
    retry_after: float | None = None


Reading = Allowance | Miss


def judge(answer: Answer) -> Reading:
    """What an answer means."""
    if answer.status != 200:
        return _miss(answer)
    body = answer.json_object()
    quotas = _snapshots(body) or _of_free_plan(body) if body is not None else ()
    if body is None or not quotas:
        return Miss(Outcome.UNREADABLE)
    plan, counts_credits = body.get("copilot_plan"), body.get("token_based_billing")
    return Allowance(
        quotas=quotas,
        plan=plan if isinstance(plan, str) and _PLAN.fullmatch(plan) else "",
        counts_credits=counts_credits if isinstance(counts_credits, bool) else None,
        resets_at=_reset(body),
    )


def next_poll(reading: Reading, misses: int, interval: float, jitter: float) -> float:
    """Seconds until the next poll; misses: how many in a row, this one included.

    jitter: in [0, 1). At least what GitHub asks for, of which at most 15 minutes count
    (domain/answers).
    """
    spread = interval * (1 - SPREAD + 2 * SPREAD * jitter)
    if isinstance(reading, Allowance):
        return spread
    if reading.outcome is Outcome.REFUSED:
        return max(spread, REFUSED_SECONDS)
    grown = Backoff(spread, max(spread, LONGEST_SECONDS)).grown(misses)
    return max(grown, reading.retry_after or 0.0)


# --- refusals ---------------------------------------------------------------------------------


def _miss(answer: Answer) -> Miss:
    """A 403 that is a rate limit is no refusal (§3.4)."""
    limited = answer.status == 403 and (answer.says_rate_limit() or answer.hints_rate_limit())
    if answer.status == 429 or limited:
        return Miss(Outcome.RATE_LIMITED, answer.wait_hint())
    if answer.status in (401, 403, 404):
        return Miss(Outcome.REFUSED)
    return Miss(Outcome.UNAVAILABLE, answer.wait_hint())


# --- what a body says -------------------------------------------------------------------------

Body = Mapping[str, Any]


def _snapshots(body: Body) -> tuple[Quota, ...]:
    found = (_snapshot(name, _object(body, "quota_snapshots").get(name)) for name in NAMES)
    return tuple(quota for quota in found if quota is not None)


def _snapshot(name: str, fields: object) -> Quota | None:
    """None for what is missing or has no figures."""
    if not isinstance(fields, dict):
        return None
    entitlement = _number(fields.get("entitlement"))
    is_unlimited = fields.get("unlimited") is True or entitlement == UNLIMITED
    remaining = _first_number(fields, "quota_remaining", "remaining")
    if not is_unlimited and (entitlement is None or remaining is None):
        return None
    has_none = fields.get("has_quota") is False
    return Quota(
        name=name,
        entitlement=UNLIMITED if is_unlimited or entitlement is None else entitlement,
        remaining=None if is_unlimited else remaining,
        overage=_number(fields.get("overage_count")) or 0.0,
        # Pooled seats are unlimited each, and have nothing when the pool is empty (§4.1).
        is_used_up=has_none or (not is_unlimited and remaining is not None and remaining <= 0),
    )


def _of_free_plan(body: Body) -> tuple[Quota, ...]:
    """The free plan has what is left in one object and what a month has in another one."""
    left, month = _object(body, "limited_user_quotas"), _object(body, "monthly_quotas")
    quotas = []
    for name in NAMES:
        remaining, entitlement = _number(left.get(name)), _number(month.get(name))
        if remaining is not None and entitlement is not None:
            quotas.append(Quota(name, entitlement, remaining, 0.0, remaining <= 0))
    return tuple(quotas)


def _reset(body: Body) -> float | None:
    for name in ("quota_reset_date_utc", "quota_reset_date", "limited_user_reset_date"):
        moment = _moment(body.get(name))
        if moment is not None:
            return moment
    return None


def _moment(value: object) -> float | None:
    """ISO 8601 as seconds since the epoch; UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        return None if moment is None else moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError):
        return None


def _object(body: Body, name: str) -> Body:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _first_number(fields: Body, *names: str) -> float | None:
    found = (_number(fields.get(name)) for name in names)
    return next((number for number in found if number is not None), None)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    # JSON has integers that no float can hold, and Python reads NaN into it.
    return float(value) if -LARGEST < value < LARGEST else None
