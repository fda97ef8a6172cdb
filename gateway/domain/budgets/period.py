"""The periods of budgets: days and months in UTC, from the time and nothing else."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import NamedTuple


class Period(Enum):
    """How long a budget lasts."""

    DAY = "day"
    MONTH = "month"


class Span(NamedTuple):
    """One day or month: from `start` up to `end`, seconds since the epoch."""

    name: str
    """Such as 2026-11 or 2026-11-25."""
    start: float
    end: float


def span_at(period: Period, now: float) -> Span:
    """The day or month in which a moment lies."""
    moment = datetime.fromtimestamp(now, UTC)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAY:
        return Span(f"{start:%Y-%m-%d}", start.timestamp(), (start + timedelta(days=1)).timestamp())
    start = start.replace(day=1)
    # 32 days after its first day lies in the month after any month.
    end = (start + timedelta(days=32)).replace(day=1)
    return Span(f"{start:%Y-%m}", start.timestamp(), end.timestamp())
