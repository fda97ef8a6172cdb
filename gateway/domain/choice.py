"""Which account a conversation goes to when it has none: an order, computed and nothing more.

Lower priority numbers come first, whatever the load. Within one priority each conversation meets
the accounts in an order of its own (rendezvous.py). Where the choice is remembered for all
replicas, what counts is not an account's weight but the room it has beneath its share of the load:
new conversations even out what heavy users have made uneven, and still most of them go where
hashing alone would send them. Shares are those among a short list of accounts, which is all of
them in a small group: to be less loaded than seven others is enough.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import exp2

from gateway.domain.rendezvous import A, Arrival, Tier

SHARE_AND_A_BIT = 1.1
"""How much of its share of the load an account may have before it is the last to be chosen."""
FREE_REQUESTS = 50.0
"""So many requests more, over all on the list, before a difference in load says anything."""
HALF_LIFE_SECONDS = 600.0
"""Ten minutes ago counts half: long enough to see who is heavy, short enough to forgive."""
MOST_HALF_LIVES = 500.0
"""After which everything is counted from a new start; twice as many would be no number."""


class _Count:
    """One account's requests."""

    __slots__ = ("recent", "under_way")

    def __init__(self) -> None:
        self.recent = 0.0
        """Each by what one is worth when it came."""
        self.under_way = 0


class Load:
    """Each account's requests: those of the last minutes, fading, and those under way.

    Accounts come from the configuration, so their number is bounded. Times are monotonic seconds.
    Instead of what came before shrinking, what comes later is worth more.
    """

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._start = 0.0

    def add(self, account: str, now: float) -> None:
        """A request goes to the account; `end` follows."""
        worth = self._worth(now)
        count = self._counts.get(account)
        if count is None:
            count = self._counts[account] = _Count()
        count.recent += worth
        count.under_way += 1

    def end(self, account: str) -> None:
        """The request is over."""
        self._counts[account].under_way -= 1

    def of(self, accounts: Iterable[str], now: float) -> list[float]:
        """What each of the accounts carries."""
        worth = self._worth(now)
        counts = map(self._counts.get, accounts)
        return [0.0 if each is None else each.recent / worth + each.under_way for each in counts]

    def _worth(self, now: float) -> float:
        half_lives = (now - self._start) / HALF_LIFE_SECONDS
        if half_lives > MOST_HALF_LIVES or not self._counts:
            for each in self._counts.values():
                each.recent *= 0.5**half_lives
            self._start = now
            return 1.0
        return exp2(half_lives)


def in_order(
    conversation: bytes,
    tiers: Iterable[Tier[A]],
    is_usable: Callable[[A], bool],
    load: Load | None,
    now: float,
) -> Iterator[A]:
    """The usable accounts, the best first; each is looked at when its turn comes, and once.

    load: None where what is chosen is not remembered for all replicas: then only what they all
    know may decide. now: monotonic seconds.
    """
    for tier in tiers:
        for arrivals in tier.shortlists(conversation):
            usable = [each for each in arrivals if is_usable(each[1])]
            if len(usable) > 1:
                yield from _ordered(usable, load, now)
            elif usable:
                yield usable[0][1]


def _ordered(arrivals: Sequence[Arrival[A]], load: Load | None, now: float) -> list[A]:
    if load is None:
        placed = [(False, moment, account.id, account) for moment, account in arrivals]
    else:
        loads = load.of([account.id for _, account in arrivals], now)
        placed = _by_room(arrivals, loads)
    # Two of one name there are not, so accounts themselves are never compared.
    placed.sort()
    return [each[3] for each in placed]


def _by_room(
    arrivals: Sequence[Arrival[A]], loads: Sequence[float]
) -> list[tuple[bool, float, str, A]]:
    """With four times the room it comes first four times as often; without any it comes last."""
    weights = sum([account.weight for _, account in arrivals])
    share = (SHARE_AND_A_BIT * sum(loads) + FREE_REQUESTS) / weights
    placed = []
    for (moment, account), carried in zip(arrivals, loads, strict=True):
        # For each unit of its weight, which is in the moment already.
        room = share - carried / account.weight
        if room > 0.0:
            placed.append((False, moment / room, account.id, account))
        else:
            placed.append((True, moment, account.id, account))
    return placed
