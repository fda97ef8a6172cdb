"""Which account a conversation goes to, shown on whole days of conversations."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from random import Random

import pytest

from gateway.domain.choice import HALF_LIFE_SECONDS, MOST_HALF_LIVES, Load, in_order
from gateway.domain.rendezvous import tiers_of


@dataclass(frozen=True)
class Candidate:
    id: str
    priority: int
    weight: int


class Carried(Load):
    """So much, and nothing else."""

    def __init__(self, loads: Mapping[str, float]) -> None:
        super().__init__()
        self._loads = loads

    def of(self, accounts: Iterable[str], now: float) -> list[float]:
        return [self._loads.get(account, 0.0) for account in accounts]


def ranked(
    conversation: bytes, among: Iterable[Candidate], load: Mapping[str, float], agree: bool
) -> list[Candidate]:
    carried = Carried(load) if agree else None
    return list(in_order(conversation, tiers_of(among), lambda _: True, carried, 0.0))


WEIGHTS = {**{f"light-{n}": 1 for n in range(4)}, **{f"heavy-{n}": 4 for n in range(4)}}
ACCOUNTS = [Candidate(account, 0, weight) for account, weight in WEIGHTS.items()]
CONVERSATIONS, TURNS = 1_000, 5


def conversation(number: int) -> bytes:
    return b"%016d" % number


def order(number: int, among: Sequence[Candidate] = ACCOUNTS) -> list[str]:
    """Where a conversation goes when the replicas know nothing of each other."""
    return [one.id for one in ranked(conversation(number), among, {}, agree=False)]


def without(account: str) -> list[Candidate]:
    return [one for one in ACCOUNTS if one.id != account]


def test_an_order_holds_every_candidate_once_and_is_the_same_each_time() -> None:
    assert sorted(order(1)) == sorted(WEIGHTS)
    assert order(1) == order(1, ACCOUNTS[::-1])
    assert order(1) != order(2)
    assert ranked(conversation(1), [], {}, agree=True) == []


@pytest.mark.parametrize("agree", [True, False])
def test_a_lower_priority_number_comes_first_however_loaded(agree: bool) -> None:
    spare, main = Candidate("spare", 1, 100), Candidate("main", 0, 1)
    for number in range(100):
        found = ranked(conversation(number), [spare, main], {"main": 1e6}, agree)
        assert found == [main, spare]


def test_hashing_alone_follows_the_weights() -> None:
    firsts = Counter(order(number)[0] for number in range(5_000))
    for account, weight in WEIGHTS.items():
        assert firsts[account] == pytest.approx(5_000 * weight / 20, rel=0.2)


def test_replicas_that_know_nothing_of_each_other_choose_alike_whatever_they_saw() -> None:
    for number in range(100):
        seen = {account: float(place * number) for place, account in enumerate(WEIGHTS)}
        found = ranked(conversation(number), ACCOUNTS, seen, agree=False)
        assert [one.id for one in found] == order(number)


def test_an_account_that_goes_away_or_comes_back_concerns_its_own_conversations_only() -> None:
    for number in range(200):
        first, second = order(number)[:2]
        for gone in WEIGHTS:
            left = order(number, without(gone))
            assert left[0] == (second if gone == first else first)


def test_without_load_hashing_alone_decides() -> None:
    for number in range(100):
        found = ranked(conversation(number), ACCOUNTS, {}, agree=True)
        assert [one.id for one in found] == order(number)


def test_an_account_with_more_than_its_share_is_chosen_last() -> None:
    load = {account: 100.0 * weight for account, weight in WEIGHTS.items()}
    load["light-0"] = 400.0
    for number in range(200):
        found = ranked(conversation(number), ACCOUNTS, load, agree=True)
        assert found[-1].id == "light-0"


def test_load_fades_and_what_is_under_way_counts_whole() -> None:
    load = Load()

    def carried(account: str, now: float) -> float:
        return load.of([account], now)[0]

    assert carried("a", 0.0) == 0.0
    for _ in range(8):
        load.add("a", 100.0)
    assert carried("a", 100.0) == 16.0
    for _ in range(8):
        load.end("a")
    assert carried("a", 100.0) == 8.0
    assert carried("a", 100.0 + HALF_LIFE_SECONDS) == pytest.approx(4.0)
    load.add("a", 100.0 + HALF_LIFE_SECONDS)
    assert carried("a", 100.0 + HALF_LIFE_SECONDS) == pytest.approx(6.0)
    assert carried("b", 100.0) == 0.0
    long_after = 100.0 + (MOST_HALF_LIVES + 5) * HALF_LIFE_SECONDS
    load.end("a")
    load.add("a", long_after)
    assert carried("a", long_after) == pytest.approx(2.0)
    assert carried("a", long_after + HALF_LIFE_SECONDS) == pytest.approx(1.5)


def test_what_may_not_be_used_is_passed_over_and_nobody_is_looked_at_twice() -> None:
    looked_at: list[str] = []

    def is_usable(one: Candidate) -> bool:
        looked_at.append(one.id)
        return one.weight == 4

    found = list(in_order(conversation(1), tiers_of(ACCOUNTS), is_usable, None, 0.0))
    assert [one.id for one in found] == [name for name in order(1) if WEIGHTS[name] == 4]
    assert sorted(looked_at) == sorted(WEIGHTS)


# --- whole days -------------------------------------------------------------------------------

Turns = Iterator[tuple[float, int, int]]
"""Time, conversation, and which of its turns it is, in the order they come."""


def drawn(seed: int) -> Random:
    return Random(seed)  # noqa: S311  the same each time, and no secret


def by_workers(lengths: Sequence[int], workers: int, chance: Random) -> Turns:
    """So many people, each of whom has one conversation after the other."""
    waiting = iter(range(len(lengths)))
    under_way = [(chance.random(), next(waiting), 0) for _ in range(workers)]
    heapify(under_way)
    while under_way:
        now, number, turn = heappop(under_way)
        yield now, number, turn
        later = now + chance.uniform(0.1, 20.0)
        if turn + 1 < lengths[number]:
            heappush(under_way, (later, number, turn + 1))
        elif (following := next(waiting, None)) is not None:
            heappush(under_way, (later, following, 0))


def over_a_while(lengths: Sequence[int], seconds: float, chance: Random) -> Turns:
    """Conversations that begin at any time of a while, each turn some time after the other."""
    turns = []
    for number, length in enumerate(lengths):
        now = chance.uniform(0.0, seconds)
        for turn in range(length):
            turns.append((now, number, turn))
            now += chance.expovariate(1 / 20)
    yield from sorted(turns)


def alike(_: Random) -> list[int]:
    return [TURNS] * CONVERSATIONS


def a_tenth_are_long(chance: Random) -> list[int]:
    return [TURNS * (5 if chance.random() < 0.1 else 1) for _ in range(CONVERSATIONS)]


def every_tenth_is_long(_: Random) -> list[int]:
    return [TURNS * (5 if number % 10 == 0 else 1) for number in range(CONVERSATIONS)]


def the_first_are_long(_: Random) -> list[int]:
    return [TURNS * (5 if number < CONVERSATIONS // 10 else 1) for number in range(CONVERSATIONS)]


def the_last_are_long(_: Random) -> list[int]:
    return the_first_are_long(_)[::-1]


def serve(turns: Turns, offset: int) -> tuple[Counter[str], dict[int, set[str]]]:
    """Requests by account, and each conversation's accounts: bonds are kept, as the store does."""
    load, bonds = Load(), dict[int, str]()
    served, seen = Counter[str](), dict[int, set[str]]()
    for now, number, _ in turns:
        if number not in bonds:
            loads = dict(zip(WEIGHTS, load.of(WEIGHTS, now), strict=True))
            name = conversation(offset + number)
            bonds[number] = ranked(name, ACCOUNTS, loads, agree=True)[0].id
        account = bonds[number]
        load.add(account, now)
        load.end(account)
        served[account] += 1
        seen.setdefault(number, set()).add(account)
    return served, seen


def distance(served: Mapping[str, int]) -> float:
    """How far the account that is furthest from its share is from it."""
    each = sum(served.values()) / sum(WEIGHTS.values())
    return max(abs(served[account] / (each * weight) - 1) for account, weight in WEIGHTS.items())


DAYS: list[tuple[Callable[[Random], list[int]], str, float]] = [
    (alike, "workers", 20),
    (alike, "workers", 100),
    (alike, "while", 600),
    (alike, "while", 3_600),
    (a_tenth_are_long, "workers", 20),
    (a_tenth_are_long, "workers", 100),
    (a_tenth_are_long, "while", 3_600),
    (the_first_are_long, "workers", 20),
    (the_last_are_long, "workers", 20),
    (every_tenth_is_long, "workers", 100),
    (every_tenth_is_long, "while", 3_600),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("lengths_of", "arrival", "size"), DAYS)
def test_load_is_within_a_fifth_of_the_weights(
    lengths_of: Callable[[Random], list[int]], arrival: str, size: float, seed: int
) -> None:
    chance = drawn(seed)
    lengths = lengths_of(chance)
    if arrival == "workers":
        turns = by_workers(lengths, int(size), chance)
    else:
        turns = over_a_while(lengths, size, chance)
    served, seen = serve(turns, offset=seed * CONVERSATIONS)
    assert sum(served.values()) == sum(lengths)
    assert distance(served) <= 0.2
    assert all(len(accounts) == 1 for accounts in seen.values())


def test_most_conversations_go_where_hashing_alone_would_send_them() -> None:
    """So that little moves if the store forgets."""
    _, seen = serve(by_workers([TURNS] * CONVERSATIONS, 20, drawn(0)), offset=0)
    at_home = sum(accounts == {order(number)[0]} for number, accounts in seen.items())
    assert at_home / CONVERSATIONS > 0.8


def test_when_an_account_dies_only_its_conversations_move_and_none_moves_back() -> None:
    load, bonds = Load(), dict[int, str]()
    history: dict[int, list[str]] = {number: [] for number in range(CONVERSATIONS)}
    dead = "heavy-1"
    for turn in range(TURNS):
        usable = without(dead) if turn in (2, 3) else ACCOUNTS
        for number in range(CONVERSATIONS):
            now = float(turn * 100) + number / 100
            if bonds.get(number) not in {one.id for one in usable}:
                loads = dict(zip(WEIGHTS, load.of(WEIGHTS, now), strict=True))
                chosen = ranked(conversation(number), usable, loads, agree=True)
                bonds[number] = chosen[0].id
            load.add(bonds[number], now)
            load.end(bonds[number])
            history[number].append(bonds[number])
    for accounts in history.values():
        first, moved = accounts[0], accounts[2]
        assert accounts == [first, first, moved, moved, moved]
        assert (moved != first) is (first == dead)
    after = Counter(accounts[-1] for accounts in history.values())
    for account in WEIGHTS:
        share = 0 if account == dead else CONVERSATIONS * WEIGHTS[account] / 16
        assert after[account] == pytest.approx(share, rel=0.2)
