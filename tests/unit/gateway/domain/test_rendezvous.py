"""The order in which conversations meet accounts, in tiers small and large."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.choice import Load, in_order
from gateway.domain.rendezvous import SMALL, tiers_of


@dataclass(frozen=True)
class Candidate:
    id: str
    weight: int = 1
    priority: int = 0


def many(count: int, *weights: int) -> list[Candidate]:
    each = weights or (1,)
    return [Candidate(f"seat-{n}", each[n % len(each)]) for n in range(count)]


def conversation(number: int) -> bytes:
    return b"%016d" % number


def order(
    number: int, among: Iterable[Candidate], without: frozenset[str] = frozenset()
) -> list[str]:
    tiers = tiers_of(among)
    usable = in_order(conversation(number), tiers, lambda one: one.id not in without, None, 0.0)
    return [one.id for one in usable]


def firsts(among: Sequence[Candidate], conversations: int, load: Load | None = None) -> list[str]:
    tiers = tiers_of(among)
    found = []
    for number in range(conversations):
        first = next(in_order(conversation(number), tiers, lambda _: True, load, 0.0))
        found.append(first.id)
        if load is not None:
            load.add(first.id, 0.0)
            load.end(first.id)
    return found


def of_size(count: int) -> st.SearchStrategy[list[Candidate]]:
    weights = st.lists(st.integers(1, 9), min_size=count, max_size=count)
    return weights.map(lambda each: many(count, *each))


# Left to itself Hypothesis hardly ever makes a long list.
tiers = st.integers(1, 4 * SMALL).flatmap(of_size)


@settings(max_examples=100, deadline=None)
@given(tiers, st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_an_order_has_each_account_once_and_follows_from_nothing_but_ids_and_weights(
    among: list[Candidate], number: int, chance: Random
) -> None:
    found = order(number, among)
    assert sorted(found) == sorted(each.id for each in among)
    chance.shuffle(among)
    assert order(number, among) == found, "another replica's configuration, in another order"


@settings(max_examples=100, deadline=None)
@given(tiers, st.integers(0, 10**9), st.sets(st.integers(0, 4 * SMALL), max_size=60))
def test_what_may_not_be_used_concerns_its_own_conversations_only(
    among: list[Candidate], number: int, aside: set[int]
) -> None:
    without = frozenset(f"seat-{each}" for each in aside)
    assert order(number, among, without) == [
        each for each in order(number, among) if each not in without
    ]


@pytest.mark.parametrize("count", [SMALL, SMALL + 1, 50, 300])
def test_an_account_that_leaves_the_configuration_moves_its_own_conversations_only(
    count: int,
) -> None:
    among = many(count)
    gone = among.pop(3).id
    before, after = firsts(many(count), 1_000), firsts(among, 1_000)
    if count == SMALL + 1:
        # From a ring to a list: everybody is met anew.
        return
    moved = {one for one, other in zip(before, after, strict=True) if one != other}
    assert moved <= {gone}


def test_where_weights_differ_hardly_more_moves() -> None:
    among = many(100, 1, 4, 9)
    gone = among.pop(1).id
    before, after = firsts(many(100, 1, 4, 9), 2_000), firsts(among, 2_000)
    pairs = list(zip(before, after, strict=True))
    assert all(one != other for one, other in pairs if one == gone)
    assert sum(one != other for one, other in pairs if one != gone) < 2_000 * 0.01


@pytest.mark.parametrize(
    ("count", "weights", "tolerance"),
    [(2, (1, 3), 0.05), (8, (1, 4), 0.1), (SMALL, (1,), 0.1), (40, (1,), 0.35), (40, (1, 10), 0.4)],
)
def test_shares_follow_the_weights(count: int, weights: tuple[int, ...], tolerance: float) -> None:
    among = many(count, *weights)
    served = Counter(firsts(among, 20_000))
    total = sum(each.weight for each in among)
    for each in among:
        assert served[each.id] == pytest.approx(20_000 * each.weight / total, rel=tolerance)


def test_an_account_that_is_worth_less_than_a_point_of_the_ring_gets_no_more_than_its_share() -> (
    None
):
    among = many(60, 1, 10, 100)
    lightest = {each.id for each in among if each.weight == 1}
    served = sum(first in lightest for first in firsts(among, 20_000))
    assert served == pytest.approx(20_000 / 111, rel=0.5)


@pytest.mark.parametrize(("count", "weights"), [(100, (1,)), (100, (1, 4)), (400, (1, 2, 8))])
def test_where_the_choice_is_remembered_a_large_tier_evens_out(
    count: int, weights: tuple[int, ...]
) -> None:
    among = many(count, *weights)
    requests = 100 * sum(each.weight for each in among)
    served = Counter(firsts(among, requests, Load()))
    for each in among:
        assert served[each.id] == pytest.approx(100 * each.weight, rel=0.2, abs=12)


def test_a_group_of_thousands_is_not_looked_through() -> None:
    accounts = many(5_000)
    tiers = tiers_of(accounts)
    looked_at: list[str] = []

    def is_usable(one: Candidate) -> bool:
        looked_at.append(one.id)
        return int(one.id.removeprefix("seat-")) % 2 == 0

    for number in range(200):
        next(in_order(conversation(number), tiers, is_usable, Load(), 0.0))
    assert len(looked_at) <= 200 * 2 * 8
