"""When a token is good and how long to pause."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_client.lifetime import (
    LONGEST_HINT_SECONDS,
    LONGEST_PAUSE_SECONDS,
    Lifetime,
    Standing,
    combined,
    lifetime,
    pause_after,
)

seconds = st.floats(0, 86_400, allow_nan=False)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (100.0, Standing.FRESH),
        (1599.9, Standing.FRESH),
        (1600.0, Standing.DUE),
        (1899.9, Standing.DUE),
        (1900.0, Standing.DEAD),
    ],
)
def test_a_token_is_fresh_then_due_then_dead(now: float, expected: Standing) -> None:
    assert lifetime(100.0, expires_in=1800, refresh_in=1500).standing(now) is expected


@given(seconds, seconds, seconds)
def test_a_token_is_never_due_after_its_death(
    asked_at: float, expires_in: float, refresh_in: float
) -> None:
    life = lifetime(asked_at, expires_in, refresh_in)
    assert asked_at <= life.due_at <= life.dead_at


def test_a_token_whose_renewal_is_overdue_is_not_asked_for_in_a_loop() -> None:
    assert lifetime(0.0, expires_in=60, refresh_in=0).due_at > 0


lives = st.builds(lifetime, seconds, seconds, seconds)


@given(lives, lives)
def test_two_messages_about_a_token_never_lengthen_its_life(old: Lifetime, new: Lifetime) -> None:
    together = combined(old, new)
    assert together.dead_at == min(old.dead_at, new.dead_at)
    assert together.due_at == min(new.due_at, together.dead_at)


def test_what_is_left_is_never_negative() -> None:
    assert Lifetime(due_at=1, dead_at=2).left(5) == 0


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_bound(failures: int, jitter: float) -> None:
    pause = pause_after(failures, None, jitter)
    assert 0 < pause <= LONGEST_PAUSE_SECONDS
    assert pause_after(failures + 1, None, jitter) >= pause


@given(st.floats(0, 1e9), st.floats(0, 1, exclude_max=True))
def test_the_brokers_hint_is_obeyed_within_reason(hint: float, jitter: float) -> None:
    pause = pause_after(1, hint, jitter)
    assert pause >= min(hint, LONGEST_HINT_SECONDS)
    assert pause <= LONGEST_HINT_SECONDS * 1.1
