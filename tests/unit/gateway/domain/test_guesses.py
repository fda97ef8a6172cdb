"""How many wrong keys an address may show."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.guesses import (
    KEYS_AT_ONCE,
    KEYS_PER_SECOND,
    MOST_REMEMBERED,
    SHOWINGS_AT_ONCE,
    SHOWINGS_PER_SECOND,
    Suspect,
    filled,
    judge,
)


def key(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def shown(numbers: list[int], at: float = 0.0, suspect: Suspect | None = None) -> list[float]:
    """The waits that these keys, shown at one moment, were answered with."""
    waits = []
    for number in numbers:
        suspect, seconds = judge(suspect, key(number), at)
        waits.append(seconds)
    return waits


def used_up(at: float = 0.0) -> Suspect:
    suspect = None
    for number in range(int(KEYS_AT_ONCE)):
        suspect, seconds = judge(suspect, key(number), at)
        assert seconds == 0
    assert suspect is not None
    return suspect


def test_thirty_keys_at_once_and_no_more() -> None:
    waits = shown(list(range(32)))
    assert waits == [0.0] * 30 + [6.0] * 2


def test_then_ten_a_minute() -> None:
    suspect, on = used_up(), 0
    for tenth in range(600 * 10):
        suspect, seconds = judge(suspect, key(1000 + tenth), tenth / 10)
        on += seconds == 0
    assert 99 <= on <= 100


def test_the_wait_it_is_told_is_enough() -> None:
    suspect, seconds = judge(used_up(), key(100), 1.0)
    assert seconds > 0
    assert judge(suspect, key(100), 1.0 + seconds - 0.01).seconds > 0
    assert judge(suspect, key(100), 1.0 + seconds + 0.01).seconds == 0


def test_a_key_that_was_shown_before_is_no_guess() -> None:
    suspect, _ = judge(None, key(1), 0.0)
    for _ in range(int(SHOWINGS_AT_ONCE) - 1):
        suspect, seconds = judge(suspect, key(1), 0.0)
        assert seconds == 0
    assert suspect.keys_left == KEYS_AT_ONCE - 1


def test_a_known_wrong_key_is_answered_while_others_are_refused() -> None:
    suspect = used_up()
    assert judge(suspect, key(int(KEYS_AT_ONCE) - 1), 0.0).seconds == 0
    assert judge(suspect, key(0), 0.0).seconds > 0, "it was too long ago to be remembered"


def test_whoever_shows_its_one_wrong_key_without_a_pause_has_to_wait() -> None:
    waits = shown([1] * 100)
    assert waits == [0.0] * 60 + [1.0] * 40


def test_after_a_while_nothing_is_remembered() -> None:
    late = KEYS_AT_ONCE / KEYS_PER_SECOND
    assert filled(used_up(), late - 1).remembered
    assert filled(used_up(), late) == filled(None, late)


def test_a_time_before_the_last_one_fills_nothing() -> None:
    suspect = used_up(at=100.0)
    assert filled(suspect, 50.0) == suspect


@given(
    st.lists(
        st.tuples(st.integers(0, 200), st.floats(0, 30, allow_nan=False)), min_size=1, max_size=300
    )
)
def test_never_more_than_the_rates_allow(asked: list[tuple[int, float]]) -> None:
    suspect: Suspect | None = None
    now, on, new = 0.0, 0, 0
    for number, pause in asked:
        now += pause
        is_new = key(number)[:16] not in filled(suspect, now).remembered
        suspect, seconds = judge(suspect, key(number), now)
        on += seconds == 0
        new += seconds == 0 and is_new
        assert 0 <= suspect.keys_left <= KEYS_AT_ONCE
        assert 0 <= suspect.showings_left <= SHOWINGS_AT_ONCE
        assert len(suspect.remembered) <= MOST_REMEMBERED
        assert seconds <= max(1 / KEYS_PER_SECOND, 1 / SHOWINGS_PER_SECOND)
    assert new <= KEYS_AT_ONCE + now * KEYS_PER_SECOND + 1e-6
    assert on <= SHOWINGS_AT_ONCE + now * SHOWINGS_PER_SECOND + 1e-6
