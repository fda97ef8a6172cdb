"""A group's failovers stay a small part of its requests."""

import pytest

from gateway.domain.failover_budget import FailoverBudget


def after(requests: int, failovers: int, at: float = 100.0) -> FailoverBudget:
    budget = FailoverBudget()
    for _ in range(requests):
        budget.asked(at)
    for _ in range(failovers):
        budget.moved(at)
    return budget


@pytest.mark.parametrize(
    ("requests", "failovers", "allowed"),
    [
        (0, 0, True),
        (1, 9, True),
        (1, 10, False),
        (50, 9, True),
        (50, 10, False),
        (100, 19, True),
        (100, 20, False),
        (1_000, 199, True),
        (1_000, 200, False),
    ],
)
def test_a_fifth_and_ten_in_any_case(requests: int, failovers: int, allowed: bool) -> None:
    assert after(requests, failovers).allows(100.0) is allowed


@pytest.mark.parametrize(("seconds", "allowed"), [(0.0, False), (9.0, False), (10.0, True)])
def test_what_was_more_than_ten_seconds_ago_is_forgotten(seconds: float, allowed: bool) -> None:
    assert after(1, 10, at=100.0).allows(100.0 + seconds) is allowed


def test_old_requests_allow_nothing_new() -> None:
    budget = after(1_000, 0, at=100.0)
    for _ in range(10):
        budget.moved(110.0)
    assert not budget.allows(110.5)


def test_a_bucket_is_used_again_empty() -> None:
    budget = after(1_000, 200, at=100.0)
    budget.asked(110.0)
    assert budget.allows(110.0)
    assert budget.allows(1e9)


@pytest.mark.parametrize(("rate", "most"), [(100, 1.25), (1_000, 1.25)])
def test_an_upstream_that_fails_everything_is_asked_little_more_often(
    rate: int, most: float
) -> None:
    """Every attempt fails and would move five times."""
    budget, calls, seconds = FailoverBudget(), 0, 60
    for number in range(rate * seconds):
        now = 1_000.0 + number / rate
        budget.asked(now)
        calls += 1
        for _ in range(5):
            if not budget.allows(now):
                break
            budget.moved(now)
            calls += 1
    assert calls / (rate * seconds) <= most
