"""From a stored key to its row and back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.tables import api_keys
from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.stored_keys import StoredKey

COLUMNS = (
    *("sha256", "id", "group_id", "account_id", "owner", "created_at", "created_by"),
    *("expires_at", "revoked_at", "revoked_by", "max_concurrency", "max_waiting"),
    *("may_mark_agent", "requests_per_minute", "tokens_per_minute", "budget_period"),
    *("budget_requests", "budget_tokens", "budget_nano_aiu", "budget_shadow"),
    *("budget_refuses_unknown", "change_number"),
)
SELECTED = tuple(api_keys.c[name] for name in COLUMNS)
"""What `key_of` takes apart, in this order: 50,000 rows are read at every start."""
PERIODS = {period.value: period for period in Period}
STRICTEST = Period.MONTH
"""For a period that only a newer version knows: what is meant for less must do for all of it."""


def row_of(key: StoredKey, number: int) -> dict[str, Any]:
    """The row, with the number of its change. Raises ValueError or OverflowError for a time that
    is none."""
    rate, budget = key.rate or Rate(None, None), key.budget
    return {
        "sha256": key.sha256,
        "id": key.id,
        "group_id": key.group_id,
        "account_id": key.account_id,
        "owner": key.owner,
        "created_at": moment(key.created_at),
        "created_by": key.created_by,
        "expires_at": moment_or_none(key.expires_at),
        "revoked_at": moment_or_none(key.revoked_at),
        "revoked_by": key.revoked_by,
        "max_concurrency": key.max_concurrency,
        "max_waiting": key.max_waiting,
        "may_mark_agent": key.may_mark_agent,
        "requests_per_minute": rate.requests_per_minute,
        "tokens_per_minute": rate.tokens_per_minute,
        "budget_period": budget.period.value if budget else None,
        "budget_requests": budget.requests if budget else None,
        "budget_tokens": budget.tokens if budget else None,
        "budget_nano_aiu": budget.nano_aiu if budget else None,
        "budget_shadow": budget.is_shadow if budget else False,
        "budget_refuses_unknown": budget.refuses_unknown if budget else False,
        "change_number": number,
    }


def key_of(row: Sequence[Any]) -> StoredKey:
    """The key of a row of SELECTED."""
    sha256, key_id, group, account, owner, created_at, created_by, expires_at = row[:8]
    revoked_at, revoked_by, max_concurrency, max_waiting, may_mark_agent = row[8:13]
    return StoredKey(
        sha256=sha256,
        id=key_id,
        group_id=group,
        account_id=account,
        owner=owner,
        created_at=seconds_of(created_at) or 0.0,
        created_by=created_by,
        expires_at=seconds_of(expires_at),
        revoked_at=seconds_of(revoked_at),
        revoked_by=revoked_by,
        max_concurrency=max_concurrency,
        max_waiting=max_waiting,
        may_mark_agent=may_mark_agent,
        rate=_rate(*row[13:15]),
        budget=_budget(*row[15:21]),
        number=row[21],
    )


def moment_or_none(seconds: float | None) -> datetime | None:
    """None stays None."""
    return None if seconds is None else moment(seconds)


def seconds_of(time: datetime | None) -> float | None:
    """Seconds since the epoch of a time as the driver gives it; None stays None."""
    if time is None:
        return None
    # SQLite's times are UTC's, and do not say so.
    return (time if time.tzinfo is not None else time.replace(tzinfo=UTC)).timestamp()


def _rate(requests: int | None, tokens: int | None) -> Rate | None:
    return None if requests is tokens is None else Rate(requests, tokens)


def _budget(period: str | None, *limits: Any) -> Budget | None:
    return None if period is None else Budget(PERIODS.get(period, STRICTEST), *limits)
