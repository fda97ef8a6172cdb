"""What the replicas of the gateway know together: places, the board, conversations, budgets.

Each goes on by itself while the shared store is down.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim
from gateway.domain.subjects import Subject


class Lease(msgspec.Struct, frozen=True, gc=False):
    """A place that was taken; it is given back once, or ends by itself when its process dies."""

    place: str
    id: str


class Slots(Protocol):
    """Places of which only so many may be taken at a time, over all replicas of the gateway.

    A place is the name of what is limited, such as `key:ci-bot` or `account:seat-1`. While the
    shared store is down each replica counts its own leases.
    """

    @property
    def is_shared(self) -> bool:
        """Whether somebody else may give a place back: then waiting means asking again."""

    async def take(self, place: str, limit: int) -> Lease | None:
        """A lease, or None when `limit` are out. Bounded in time; raises nothing.

        Cancelled while asking: nothing stays taken.
        """

    def give_back(self, lease: Lease) -> None:
        """Free the place; at once in this process, soon for the others. Waits for nobody."""

    def taken(self, place: str) -> int:
        """How many leases this process has out for the place."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A notice on the board: why a subject is set aside, and for how long from now."""

    seconds: float | None
    """None: until it is taken down."""
    word: str
    """A Fault's value, or `paused`."""


class Board(Protocol):
    """What the replicas tell each other about accounts: cool-downs and pauses.

    Without a shared store it is this process's own, and down replicas miss nothing: whoever
    comes back reads all of it.
    """

    def post(self, subject: Subject, posted: Posted) -> None:
        """Tell all. The later end counts where the subject is on the board. Waits for nobody."""

    def take_down(self, subject: Subject) -> None:
        """Tell all that it is over. Waits for nobody."""

    def follow(self, reader: Callable[[Mapping[Subject, Posted]], None]) -> None:
        """Call `reader` with the whole board whenever it has changed, and at once if there is
        anything on it. It neither waits nor raises."""


class Bond(msgspec.Struct, frozen=True, gc=False):
    """Where a conversation lives."""

    account: str
    has_moved: bool
    """Whether it ever lived elsewhere: what upstream sealed for that account is in its history."""


class Affinity(Protocol):
    """Which account a conversation lives on, kept for an hour after its last turn."""

    @property
    def remembers(self) -> bool:
        """Whether replicas agree at the moment; without the store each knows its own."""

    async def find(self, conversation: bytes) -> Bond | None:
        """The bond, whose hour begins anew. Bounded in time; raises nothing."""

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        """Bind it to the account, unless another replica was first: then that bond is returned.

        leaving: the account it is to leave; a bond to any other one stands.
        """


class BudgetCounters(Protocol):
    """What is used of budgets, counted together by all replicas of the gateway.

    A counter that nobody has counted in, or that the store has lost, is not whole until it is
    seeded. While the shared store is down each replica goes on with what it knows and tells the
    others later; claims that refuse to go on so are found Finding.UNCHECKED. Bounded in time;
    nothing here raises.
    """

    async def take(self, claims: Sequence[Claim]) -> Answer:
        """Count a request in all of these, or in none when anything stands against it.

        Cancelled while asking: it is not counted.
        """

    async def seed(self, counter: Counter, spent: Totals) -> None:
        """The counter is whole, and no less was used than that. spent: nothing released."""

    def add(self, counters: Iterable[Counter], use: Totals) -> None:
        """This was used, in each of them; counted once. Waits for nobody."""

    async def totals(self, counters: Sequence[Counter]) -> Sequence[Totals | None]:
        """Where each stands; None for one that is not whole."""
