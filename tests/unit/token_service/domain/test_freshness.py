"""Lives, renewals and what a token of some age is good for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.errors import ArgumentInvalid, GitHubUnavailable
from token_service.domain.freshness import (
    LONGEST_LIFE_SECONDS,
    Freshness,
    FreshnessPolicy,
    ahead_of_others,
    check_min_ttl,
    judge,
    least_age,
    life_of,
    needed_life,
    refresh_after,
)

POLICY = FreshnessPolicy()
lives = st.floats(min_value=0.001, max_value=LONGEST_LIFE_SECONDS)
seconds = st.floats(min_value=-1e6, max_value=1e6)
fractions = st.floats(min_value=0, max_value=1, exclude_max=True)
policies = st.builds(
    FreshnessPolicy,
    st.floats(min_value=0, max_value=86400),
    st.floats(min_value=0, max_value=86400),
    st.floats(min_value=0, max_value=86400),
)


def test_a_usual_token_is_renewed_at_25_of_its_30_minutes() -> None:
    assert refresh_after(1800, 1500, POLICY, jitter=0) == 1500
    assert refresh_after(1800, 1500, POLICY, jitter=0.999) == pytest.approx(1470, abs=0.1)


@pytest.mark.parametrize(
    ("life", "refresh_in", "expected"),
    [
        (1800, 900, 900),  # GitHub asks for it sooner
        (1800, 1790, 1500),  # GitHub asks for it too late
        (1800, None, 1500),
        (1800, 1, 60),  # never more than once a minute
        (1800, -7, 60),
        (360, 300, 180),  # too short for renew_before: half of it
        (4, 3, 2),
    ],
)
def test_when_to_renew(life: float, refresh_in: float | None, expected: float) -> None:
    assert refresh_after(life, refresh_in, POLICY, jitter=0) == expected


@given(lives, st.none() | seconds, policies, fractions)
def test_a_renewal_lies_within_the_life_and_not_at_its_start(
    life: float, refresh_in: float | None, policy: FreshnessPolicy, jitter: float
) -> None:
    due = refresh_after(life, refresh_in, policy, jitter)

    assert least_age(life) <= due <= life
    assert due > 0


@given(lives, seconds, st.floats(min_value=0, max_value=1200), policies)
def test_states_follow_each_other_as_a_token_ages(
    life: float, refresh_in: float, min_ttl: float, policy: FreshnessPolicy
) -> None:
    """Never from a worse state back to a better one; from its end on a token is EXPIRED."""
    due = refresh_after(life, refresh_in, policy, 0.0)
    needed = needed_life(life, min_ttl, policy)
    order = list(Freshness)
    ages = sorted([0.0, due, life - needed, life / 2, life, life + 1])
    ranks = [order.index(judge(age, life, due, needed)) for age in ages]

    assert ranks == sorted(ranks)
    assert judge(life, life, due, needed) is Freshness.EXPIRED


@pytest.mark.parametrize(
    ("age", "min_ttl", "state"),
    [
        (0, 0, Freshness.FRESH),
        (1499, 0, Freshness.FRESH),
        (1500, 0, Freshness.RENEW_SOON),
        (1769, 0, Freshness.RENEW_SOON),
        (1771, 0, Freshness.STALE),
        (1799, 0, Freshness.STALE),
        (1800, 0, Freshness.EXPIRED),
        (700, 1200, Freshness.STALE),
        (599, 1200, Freshness.FRESH),
    ],
)
def test_what_a_token_is_good_for(age: float, min_ttl: float, state: Freshness) -> None:
    assert judge(age, 1800, 1500, needed_life(1800, min_ttl, POLICY)) is state


def test_a_short_lived_token_is_fresh_at_first() -> None:
    """min_remaining of 30 s must not make a token of 4 s useless."""
    assert judge(0, 4, 2, needed_life(4, 0, POLICY)) is Freshness.FRESH


@pytest.mark.parametrize(
    ("expires_at", "date", "refresh_in", "life"),
    [
        (11800.0, 10000.0, 1500.0, 1800.0),
        (11800.0, None, 1500.0, 1800.0),
        (None, 10000.0, 1500.0, 1800.0),
        (10002.0, 10000.0, None, 2.0),
    ],
)
def test_life_is_told_by_githubs_own_clock(
    expires_at: float | None, date: float | None, refresh_in: float | None, life: float
) -> None:
    assert life_of(expires_at, date, refresh_in) == life


@pytest.mark.parametrize(
    ("expires_at", "date", "refresh_in"),
    [
        (10000.0, 10000.0, 1500.0),
        (9000.0, 10000.0, 1500.0),
        (10000.0 + 25 * 3600, 10000.0, 1500.0),
        (11800.0, None, None),
        (None, None, -400.0),
    ],
)
def test_an_impossible_life_is_refused(
    expires_at: float | None, date: float | None, refresh_in: float | None
) -> None:
    with pytest.raises(GitHubUnavailable):
        life_of(expires_at, date, refresh_in)


@pytest.mark.parametrize(
    ("exchange_seconds", "mean"),
    [(None, 1.0), (0.3, 0.3), (4.0, 4.0), (0.001, 0.1), (3600.0, 10.0)],
)
def test_replicas_that_are_alone_spread_over_what_an_exchange_takes(
    exchange_seconds: float | None, mean: float
) -> None:
    """XFetch (peers.md §2), within bounds: a process may have slept in the exchange."""
    spread = [ahead_of_others(exchange_seconds, (n + 0.5) / 1000) for n in range(1000)]

    assert sum(spread) / 1000 == pytest.approx(mean, rel=0.01)
    assert ahead_of_others(exchange_seconds, 0.0) == 0.0


@pytest.mark.parametrize("value", [-0.001, 1200.5, float("nan"), float("inf")])
def test_min_ttl_has_a_range(value: float) -> None:
    with pytest.raises(ArgumentInvalid):
        check_min_ttl(value)


def test_min_ttl_may_be_20_minutes() -> None:
    assert check_min_ttl(1200) == 1200
