"""A breaker opens for an account's failures, not for one caller's."""

import pytest

from gateway.domain.breaker import MAX_ACCOUNTS, Breaker

MANY = 50  # keys in the group


def strikes(
    breaker: Breaker, *who: str, keys: int = MANY, start: float = 0.0, step: float = 1.0
) -> list[float | None]:
    """One strike a step by each of `key` or `key/body`; the same key sends the same body."""
    found = []
    for number, one in enumerate(who):
        key, _, body = one.partition("/")
        found.append(breaker.strike("a", key, (body or key).encode(), keys, start + number * step))
    return found


def test_three_different_keys_open_it() -> None:
    assert strikes(Breaker(), "k1", "k2", "k3") == [None, None, 15.0]


def test_one_caller_cannot_open_it_alone() -> None:
    assert set(strikes(Breaker(), *(f"k1/b{n}" for n in range(100)))) == {None}


def test_two_callers_cannot_either() -> None:
    assert set(strikes(Breaker(), *("k1/a", "k2/b", "k1/c", "k2/d") * 10)) == {None}


@pytest.mark.parametrize("keys", [1, 2])
def test_in_a_small_group_three_different_bodies_open_it(keys: int) -> None:
    assert strikes(Breaker(), "k1/a", "k1/b", "k1/c", keys=keys) == [None, None, 15.0]


def test_in_a_small_group_one_body_sent_again_and_again_does_not() -> None:
    assert set(strikes(Breaker(), *("k1/a", "k1/b") * 20, keys=1)) == {None}


def test_a_large_groups_bodies_do_not_count_for_a_small_one() -> None:
    breaker = Breaker()
    strikes(breaker, *(f"big/b{n}" for n in range(10)))
    assert strikes(breaker, "small/x", keys=1, start=10.0) == [None]


def test_a_success_in_between_starts_anew() -> None:
    breaker = Breaker()
    strikes(breaker, "k1", "k2")
    breaker.succeeded("a")
    assert strikes(breaker, "k3", "k1", "k2", start=2.0) == [None, None, 15.0]


@pytest.mark.parametrize(("step", "opens"), [(14.9, True), (15.0, False)])
def test_only_failures_of_the_last_30_seconds_count(step: float, opens: bool) -> None:
    assert (strikes(Breaker(), "k1", "k2", "k3", step=step)[-1] is not None) is opens


def test_a_key_counts_from_its_latest_failure() -> None:
    breaker = Breaker()
    for when, key in ((0.0, "k1"), (20.0, "k1"), (25.0, "k2")):
        assert breaker.strike("a", key, b"", MANY, when) is None
    assert breaker.strike("a", "k3", b"", MANY, 40.0) == 15.0


def test_each_account_has_its_own() -> None:
    breaker = Breaker()
    strikes(breaker, "k1", "k2")
    assert breaker.strike("b", "k3", b"", MANY, 2.0) is None
    breaker.succeeded("b")
    assert breaker.strike("a", "k3", b"", MANY, 2.0) == 15.0


def test_what_was_under_way_when_it_opened_does_not_count() -> None:
    breaker = Breaker()
    strikes(breaker, "k1", "k2", "k3")
    assert strikes(breaker, "k4", "k5", "k6", start=10.0) == [None, None, None]
    assert strikes(breaker, "k4", "k5", start=20.0) == [None, None]


def test_it_opens_for_twice_as_long_when_it_opens_again_soon() -> None:
    breaker, now, found = Breaker(), 0.0, []
    for _ in range(7):
        opened = strikes(breaker, "k1", "k2", "k3", start=now, step=0.0)[-1]
        assert opened is not None
        found.append(opened)
        now += opened + 1.0
    assert found == [15, 30, 60, 120, 240, 300, 300]


@pytest.mark.parametrize(("pause", "seconds"), [(600.0, 30.0), (601.0, 15.0)])
def test_ten_good_minutes_are_a_new_beginning(pause: float, seconds: float) -> None:
    breaker = Breaker()
    strikes(breaker, "k1", "k2", "k3", step=0.0)
    again = strikes(breaker, "k1", "k2", "k3", start=15.0 + pause, step=0.0)
    assert again == [None, None, seconds]


def test_a_success_is_a_new_beginning_too() -> None:
    breaker = Breaker()
    strikes(breaker, "k1", "k2", "k3", step=0.0)
    breaker.succeeded("a")
    assert strikes(breaker, "k1", "k2", "k3", start=20.0) == [None, None, 15.0]


def test_its_memory_is_bounded() -> None:
    breaker = Breaker()
    for number in range(MAX_ACCOUNTS + 100):
        breaker.strike(f"a{number}", "k1", b"", MANY, 0.0)
    assert len(breaker._accounts) == MAX_ACCOUNTS
    for number in range(1_000):
        breaker.strike("a", "k1", b"%d" % number, MANY, 0.0)
        breaker.strike("a", "k2", b"x", 1, 0.0)
    state = breaker._accounts["a"]
    assert (len(state.keys), len(state.bodies)) == (2, 1)
