"""The periods of budgets: minutes, days and months in UTC, from the time and nothing else."""

from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

MINUTE_SECONDS = 60.0


class Period(Enum):
    """How long a budget lasts; those of a minute are rates."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class Span(NamedTuple):
    """One minute, day or month: from `start` up to `end`, seconds since the epoch."""

    name: str
    """Such as 2026-11, 2026-11-25 or 2026-11-25T22:41."""
    start: float
    end: float

    @property
    def is_minute(self) -> bool:
        """Whether it is a rate that is counted in it."""
        return self.end - self.start <= MINUTE_SECONDS


def span_at(period: Period, now: float) -> Span:
    """The minute, day or month in which a moment lies."""
    return _span(period, now // MINUTE_SECONDS * MINUTE_SECONDS)


@lru_cache(maxsize=64)
def _span(period: Period, minute: float) -> Span:
    """Looked up for every request, and the same for all of a minute."""
    moment = datetime.fromtimestamp(minute, UTC)
    if period is Period.MINUTE:
        begin = moment.replace(second=0, microsecond=0).timestamp()
        return Span(f"{moment:%Y-%m-%dT%H:%M}", begin, begin + MINUTE_SECONDS)
    start = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAY:
        return Span(f"{start:%Y-%m-%d}", start.timestamp(), (start + timedelta(days=1)).timestamp())
    start = start.replace(day=1)
    # 32 days after its first day lies in the month after any month.
    end = (start + timedelta(days=32)).replace(day=1)
    return Span(f"{start:%Y-%m}", start.timestamp(), end.timestamp())
