"""Minutes, days and months in UTC."""

from datetime import UTC, datetime

import pytest

from gateway.domain.budgets.period import Period, span_at


def moment(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("period", "now", "name", "start", "end"),
    [
        (
            *(Period.MINUTE, "2026-11-25T22:41:59.999"),
            *("2026-11-25T22:41", "2026-11-25T22:41:00", "2026-11-25T22:42:00"),
        ),
        (
            *(Period.MINUTE, "2026-12-31T23:59:00"),
            *("2026-12-31T23:59", "2026-12-31T23:59:00", "2027-01-01T00:00:00"),
        ),
        (Period.DAY, "2026-11-25T00:00:00", "2026-11-25", "2026-11-25", "2026-11-26"),
        (Period.DAY, "2026-11-25T23:59:59.999", "2026-11-25", "2026-11-25", "2026-11-26"),
        (Period.DAY, "2028-02-29T12:00:00", "2028-02-29", "2028-02-29", "2028-03-01"),
        (Period.MONTH, "2026-11-30T23:59:59.999", "2026-11", "2026-11-01", "2026-12-01"),
        (Period.MONTH, "2026-12-31T12:00:00", "2026-12", "2026-12-01", "2027-01-01"),
        (Period.MONTH, "2028-02-29T00:00:00", "2028-02", "2028-02-01", "2028-03-01"),
    ],
)
def test_a_moment_lies_in_one_minute_one_day_and_one_month(
    period: Period, now: str, name: str, start: str, end: str
) -> None:
    assert span_at(period, moment(now)) == (name, moment(start), moment(end))


def test_one_ends_where_the_next_begins() -> None:
    for period in Period:
        span = span_at(period, moment("2026-11-25T13:00:00"))
        assert span_at(period, span.end).start == span.end


def test_a_minute_is_told_from_what_the_ledger_is_asked_about() -> None:
    now = moment("2026-11-25T13:00:00")
    assert [span_at(period, now).is_minute for period in Period] == [True, False, False]
