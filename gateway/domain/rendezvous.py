"""Which of a tier's accounts a conversation meets first, by hashing alone: weighted rendezvous.

For each conversation each account has a moment at which it arrives, drawn from a hash of both,
sooner the greater its weight. So replicas that know nothing of each other see the same order, and
an account that goes away concerns only the conversations that met it first. In a small tier the
moments of all accounts are drawn. A large one is a ring: an account's moment is its distance from
the nearest of the conversation's probes, which only those need that lie next to a probe
(multi-probe consistent hashing). Made once for each configuration; a look costs O(log n).
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from math import ceil, log
from operator import attrgetter
from struct import Struct
from typing import Generic, Protocol, TypeVar

SMALL = 16
"""Accounts; so many are drawn one by one in less time than a ring takes."""
POINTS = 16
"""Of an account of the mean weight, on a ring: shares are within some 15 % of the weights."""
MOST_LOOKS = 4
"""At a ring, each for 8 accounts at most; who has use for none of those looks through all."""

_PRIME = 2**61 - 1
_RING = 2**64
_EIGHT = Struct("<8Q")
_TWO = Struct("<2Q")


class Candidate(Protocol):
    """An account that may serve."""

    @property
    def id(self) -> str:
        """Its name."""

    @property
    def priority(self) -> int:
        """Smaller numbers first."""

    @property
    def weight(self) -> int:
        """Its share among those of its priority; at least 1."""


A = TypeVar("A", bound=Candidate)
A_co = TypeVar("A_co", bound=Candidate, covariant=True)
Arrival = tuple[float, A]
"""When, in a unit of the tier's own, and who."""


class Tier(Protocol[A_co]):
    """Accounts of one priority."""

    def shortlists(self, conversation: bytes) -> Iterator[Sequence[tuple[float, A_co]]]:
        """Every account once, and whoever is in an earlier list before those in a later one."""


def tiers_of(accounts: Iterable[A]) -> tuple[Tier[A], ...]:
    """The accounts by priority, the first to be asked first; their order makes no difference."""
    priority = attrgetter("priority")
    by_id = sorted(accounts, key=attrgetter("id"))
    tiers = [list(tier) for _, tier in groupby(sorted(by_id, key=priority), key=priority)]
    return tuple([SmallTier(tier) if len(tier) <= SMALL else Ring(tier) for tier in tiers])


class SmallTier(Generic[A]):
    """So few accounts that each one's moment is drawn."""

    def __init__(self, accounts: Sequence[A]) -> None:
        self._accounts = [(_number(each.id), -1.0 / each.weight, each) for each in accounts]

    def shortlists(self, conversation: bytes) -> Iterator[Sequence[Arrival[A]]]:
        """See Tier."""
        if len(self._accounts) == 1:
            yield [(0.0, self._accounts[0][2])]
            return
        # A line modulo a prime, its slope and start the conversation's: a hash that costs a fifth
        # of a real one, and is as good where, as here, what is hashed is random itself.
        slope, start = _TWO.unpack(blake2b(conversation, digest_size=16).digest())
        yield [
            (log(((slope * number + start) % _PRIME + 0.5) / _PRIME) * pace, account)
            for number, pace, account in self._accounts
        ]


class Ring(Generic[A]):
    """Points on a circle, as many of each account as its weight makes it."""

    def __init__(self, accounts: Sequence[A]) -> None:
        self._accounts = accounts
        mean = sum(each.weight for each in accounts) / len(accounts)
        points: list[tuple[int, int]] = []
        owners: list[Arrival[A]] = []
        for number, account in enumerate(accounts):
            exact = POINTS * account.weight / mean
            count = ceil(exact)
            # What it has too much of a whole point makes all its distances longer.
            owners.append((count / exact, account))
            points += [(point, number) for point in _points(account.id, count)]
        points.sort()
        self._points = [point for point, _ in points]
        self._owners = [owners[number] for _, number in points]

    def shortlists(self, conversation: bytes) -> Iterator[Sequence[Arrival[A]]]:
        """See Tier."""
        met: set[str] = set()
        first = 0
        for look in range(MOST_LOOKS):
            probes = _hashes(conversation, look)
            first = first or probes[0]
            found = [each for each in self._next_to(probes) if each[1].id not in met]
            met.update([account.id for _, account in found])
            yield found
        # Nearly all are set aside or full. The rest comes by weight, from a place on.
        place = first % len(self._accounts)
        for account in (*self._accounts[place:], *self._accounts[:place]):
            if account.id not in met:
                yield [(1.0, account)]

    def _next_to(self, probes: Iterable[int]) -> Iterable[Arrival[A]]:
        points, owners = self._points, self._owners
        found: dict[str, Arrival[A]] = {}
        for probe in probes:
            place = bisect_left(points, probe)
            if place == len(points):
                place = 0
            stretch, account = owners[place]
            moment = (points[place] - probe) % _RING * stretch
            known = found.get(account.id)
            if known is None or moment < known[0]:
                found[account.id] = moment, account
        return found.values()


def _number(account: str) -> int:
    return int.from_bytes(blake2b(account.encode(), digest_size=8).digest(), "little") % _PRIME


def _hashes(text: bytes, turn: int) -> tuple[int, ...]:
    """Eight numbers, others each turn."""
    digest = blake2b(text, digest_size=64, salt=turn.to_bytes(4, "little")).digest()
    return _EIGHT.unpack(digest)


def _points(account: str, count: int) -> list[int]:
    name = account.encode()
    turns = range(ceil(count / 8))
    return [point for turn in turns for point in _hashes(name, turn)][:count]
