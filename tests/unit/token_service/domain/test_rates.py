"""The token bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.rates import Bucket, Rate, full, take

RATES = st.builds(
    Rate,
    per_second=st.floats(min_value=0.1, max_value=10_000),
    burst=st.floats(min_value=1, max_value=50_000),
)
# Moments of calls, not always in order: a clock that went back must do no harm.
MOMENTS = st.lists(st.floats(min_value=0, max_value=100), max_size=60)


def test_a_burst_and_then_the_rate() -> None:
    rate = Rate(per_second=2.0, burst=3.0)
    bucket = full(rate, 10.0)
    waits = []
    for moment in (10.0, 10.0, 10.0, 10.0, 10.25, 10.5, 10.5, 11.5, 11.5, 100.0):
        bucket, wait = take(bucket, rate, moment)
        waits.append(wait)

    assert waits == [0, 0, 0, 0.5, 0.25, 0, 0.5, 0, 0, 0]


@given(RATES, MOMENTS)
def test_no_more_than_the_rate_allows(rate: Rate, moments: list[float]) -> None:
    """In any stretch, at most what the bucket held and what flowed in."""
    bucket = full(rate, 0.0)
    served = 0
    for moment in moments:
        bucket, wait = take(bucket, rate, moment)
        served += wait == 0.0

    assert served <= rate.burst + rate.per_second * max(moments, default=0.0) + 1e-6


@given(RATES, MOMENTS)
def test_who_waits_as_told_is_served(rate: Rate, moments: list[float]) -> None:
    bucket = full(rate, 0.0)
    for moment in sorted(moments):
        bucket, wait = take(bucket, rate, moment)
        if wait > 0:
            _, again = take(bucket, rate, bucket.at + wait + 1e-9)
            assert again == pytest.approx(0.0, abs=1e-6)


@given(RATES, MOMENTS)
def test_the_bucket_stays_within_its_size(rate: Rate, moments: list[float]) -> None:
    bucket = full(rate, 0.0)
    for moment in moments:
        before = bucket
        bucket, _ = take(bucket, rate, moment)
        assert 0 <= bucket.level <= rate.burst
        assert bucket.at >= before.at


def test_a_refused_call_takes_nothing() -> None:
    rate = Rate(per_second=1.0, burst=1.0)
    bucket, wait = take(full(rate, 0.0), rate, 0.0)
    for _ in range(100):
        bucket, wait = take(bucket, rate, 0.5)

    assert (bucket, wait) == (Bucket(0.5, 0.5), 0.5)
