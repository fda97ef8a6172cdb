"""Keys of the database as a table for a terminal, and as json for a program.

Pure: keys in, text out. Of a digest no more is shown than tells two keys apart.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway.cli.usage_formats import credits_of
from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.stored_keys import SHOWN_DIGEST_CHARACTERS, StoredKey

COLUMNS = ("id", "group", "account", "state", "created", "by", "expires", "owner", "digest")
NOTHING = "-"


def as_table(keys: Sequence[StoredKey], now: float) -> str:
    """Aligned columns. now: seconds since the epoch."""
    rows = [COLUMNS, *(_cells(key, now) for key in keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def as_json(keys: Sequence[StoredKey], now: float) -> str:
    """A list of objects."""
    return json.dumps([_object(key, now) for key in keys], indent=2)


FORMS: Mapping[str, Callable[[Sequence[StoredKey], float], str]] = {
    "table": as_table,
    "json": as_json,
}


def _cells(key: StoredKey, now: float) -> tuple[str, ...]:
    cells = (
        key.id,
        key.group_id,
        key.account_id,
        _state(key, now),
        _day(key.created_at),
        key.created_by,
        _day(key.expires_at),
        key.owner,
        key.sha256[:SHOWN_DIGEST_CHARACTERS],
    )
    # What is written with plain SQL may hold what a terminal acts upon.
    return tuple(
        "".join(letter if letter.isprintable() else "?" for letter in cell or NOTHING)
        for cell in cells
    )


def _object(key: StoredKey, now: float) -> dict[str, Any]:
    rate = key.rate or Rate(None, None)
    return {
        "id": key.id,
        "group": key.group_id,
        "account": key.account_id,
        "state": _state(key, now),
        "owner": key.owner,
        "created_at": _moment(key.created_at),
        "created_by": key.created_by,
        "expires_at": _moment(key.expires_at),
        "revoked_at": _moment(key.revoked_at),
        "revoked_by": key.revoked_by,
        "max_concurrency": key.max_concurrency,
        "max_waiting": key.max_waiting,
        "may_mark_agent": key.may_mark_agent,
        "requests_per_minute": rate.requests_per_minute,
        "tokens_per_minute": rate.tokens_per_minute,
        "budget": None if key.budget is None else _budget(key.budget),
        "digest": key.sha256[:SHOWN_DIGEST_CHARACTERS],
    }


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "period": budget.period.value,
        "requests": budget.requests,
        "tokens": budget.tokens,
        "credits": None if budget.nano_aiu is None else float(credits_of(budget.nano_aiu)),
        "shadow": budget.is_shadow,
        "when_unknown": "refuse" if budget.refuses_unknown else "allow",
    }


def _state(key: StoredKey, now: float) -> str:
    if key.is_revoked:
        return "revoked"
    return "valid" if key.is_valid(now) else "expired"


def _moment(seconds: float | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _day(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).date().isoformat()
