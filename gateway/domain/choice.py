"""Which account a conversation goes to when it has none: an order, computed and nothing more.

Lower priority numbers come first, whatever the load. Within one priority each conversation has an
order of its own by rendezvous hashing, so that replicas that know nothing of each other choose
alike, and an account that goes away or comes back concerns only its own conversations. Where the
choice is remembered for all replicas, what counts is not an account's weight but the room it has
beneath its share of the load: new conversations even out what heavy users have made uneven, and
still most of them go where hashing alone would send them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from math import exp, log

SHARE_AND_A_BIT = 1.1
"""How much of its share of the load an account may have before it is the last to be chosen."""
FREE_REQUESTS = 50.0
"""So many requests more, over all accounts, before a difference in load says anything."""
HALF_LIFE_SECONDS = 600.0
"""Ten minutes ago counts half: long enough to see who is heavy, short enough to forgive."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may serve."""

    account: str
    priority: int
    """Smaller numbers first."""
    weight: int
    """Its share among those of its priority; at least 1."""


def ranked(
    conversation: bytes, candidates: Iterable[Candidate], load: Mapping[str, float], agree: bool
) -> list[Candidate]:
    """The candidates, the best first.

    load: requests, lately and under way, by account. agree: whether what is chosen is remembered
    for all replicas; if it is not, only what they all know may decide.
    """
    tiers = groupby(sorted(candidates, key=_priority), key=_priority)
    return [
        one
        for _, tier in tiers
        for one in _ordered(conversation, list(tier), load if agree else None)
    ]


def _ordered(
    conversation: bytes, tier: Sequence[Candidate], load: Mapping[str, float] | None
) -> list[Candidate]:
    weights = {one.account: float(one.weight) for one in tier}
    shares = weights if load is None else _room(weights, load)
    return sorted(tier, key=lambda one: _place(conversation, one, shares[one.account]))


def _priority(candidate: Candidate) -> int:
    return candidate.priority


def _room(weights: Mapping[str, float], load: Mapping[str, float]) -> dict[str, float]:
    """How many requests each account is from having more than its share, or has beyond it."""
    total = sum(load.get(account, 0.0) for account in weights)
    unit = (SHARE_AND_A_BIT * total + FREE_REQUESTS) / sum(weights.values())
    return {account: unit * weight - load.get(account, 0.0) for account, weight in weights.items()}


def _place(conversation: bytes, candidate: Candidate, share: float) -> tuple[bool, float]:
    """The smallest comes first; with four times the share it does so four times as often."""
    digest = blake2b(conversation + b"\0" + candidate.account.encode(), digest_size=8).digest()
    # In (0, 1): the logarithm of neither end would do.
    draw = -log((int.from_bytes(digest, "big") + 0.5) / 2**64)
    return share <= 0, draw / (share if share > 0 else candidate.weight)


@dataclass(slots=True)
class _Count:
    recent: float = 0.0
    at: float = 0.0
    under_way: int = 0


class Load:
    """Each account's requests: those of the last minutes, fading, and those under way.

    Accounts come from the configuration, so their number is bounded. Times are monotonic seconds.
    """

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}

    def add(self, account: str, now: float) -> None:
        """A request goes to the account; `end` follows."""
        count = self._counts.setdefault(account, _Count(at=now))
        count.recent, count.at = _faded(count, now) + 1.0, now
        count.under_way += 1

    def end(self, account: str) -> None:
        """The request is over."""
        self._counts[account].under_way -= 1

    def of(self, account: str, now: float) -> float:
        """What the account carries."""
        count = self._counts.get(account)
        return 0.0 if count is None else _faded(count, now) + count.under_way


def _faded(count: _Count, now: float) -> float:
    return count.recent * exp(-log(2) * (now - count.at) / HALF_LIFE_SECONDS)
