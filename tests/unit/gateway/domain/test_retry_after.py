"""Retry-After in the forms it comes in."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.retry_after import parse_retry_after

NOW = 1_795_000_000.0  # Wed, 18 Nov 2026 11:06:40 GMT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("3600", 3600.0),
        (" 0 ", 0.0),
        ("208800", 208_800.0),
        ("1.5", 1.5),
        ("Wed, 18 Nov 2026 11:07:40 GMT", 60.0),
        ("Wed, 18 Nov 2026 11:05:40 GMT", 0.0),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("Wed, 18 Nov 2026 11:07:40 -0000", 60.0),
        ("Wed, 18 Nov 2026 11:07:40", 60.0),
        ("31622400", 366 * 86_400.0),
        ("31622401", None),
        ("1795000060", None),
        ("1e308", None),
        ("Wed, 18 Nov 2096 11:07:40 GMT", None),
        ("soon", None),
        ("", None),
    ],
)
def test_seconds_and_dates_are_understood_and_nonsense_is_no_hint(
    value: str | None, expected: float | None
) -> None:
    assert parse_retry_after(value, NOW) == expected


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_a_date_without_a_zone_is_not_this_machines(
    zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert parse_retry_after("Wed, 18 Nov 2026 11:07:40", NOW) == 60.0
    finally:
        monkeypatch.undo()
        time.tzset()


@given(st.text(max_size=40))
def test_no_text_is_too_odd(value: str) -> None:
    seconds = parse_retry_after(value, NOW)
    assert seconds is None or seconds >= 0
