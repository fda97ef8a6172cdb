"""Slots that all replicas count together: leases in the shared store, which end by themselves.

A lease is a name in its place's sorted set and ends by the store's clock unless its process
holds on to it. While the store is down this process counts its own; what it has out then, it
announces as soon as the store is back. Nobody waits longer than the link does.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from gateway.adapters.batches import Batches, Queue
from gateway.adapters.scripts import script
from gateway.adapters.slots import Outstanding
from gateway.ports.shared_state import Lease
from runtime.valkey.calls import Call
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

SLOTS, HOLD = script("slots"), script("slots_hold")

HOLDS_PER_LEASE = 3
"""Two may be lost before a lease ends that is in use."""
MOST_HELD_AT_ONCE = 5_000
"""Leases in one call: the store serves nobody else for the milliseconds it takes."""
MOST_OWED = 10_000
"""Given back while the store was away; what is forgotten of them ends with its lease."""

TAKEN = ord("1")


class Move(NamedTuple):
    """A lease to take, or to give back; limit: 0 gives it back."""

    lease: Lease
    limit: int = 0


class SharedSlots:
    """The Slots port for many replicas.

    owner: begins the names of this process's leases; no other process has the same.
    """

    def __init__(
        self,
        link: StoreLink[Connection],
        batches: Batches,
        namespace: str,
        lease_seconds: float,
        owner: str,
    ) -> None:
        self._link = link
        self._tag = f"{{{namespace}:slots}}"
        self._lease_seconds = lease_seconds
        self._owner = owner
        self._numbers = itertools.count(1)
        self._out = Outstanding()
        self._owed: deque[tuple[float, Lease]] = deque(maxlen=MOST_OWED)
        self._is_hold_due = False
        self._to_hold: list[tuple[str, str]] = []
        self._moves: list[Move] = []
        """Those under way."""
        self._batches = batches
        self._queue: Queue[Move, bool] = batches.join(self)
        link.add_reader(self)

    @property
    def is_shared(self) -> bool:
        """See ports.shared_state.Slots."""
        return self._link.is_up

    async def take(self, place: str, limit: int) -> Lease | None:
        """See ports.shared_state.Slots."""
        if self._out.count(place) >= limit:
            return None
        lease = Lease(place, f"{self._owner}-{next(self._numbers):x}")
        try:
            is_taken = await self._queue.ask(Move(lease, limit))
        except asyncio.CancelledError:
            # It may have been taken; a call that is under way is over before the next begins.
            self._return(lease)
            raise
        if is_taken is None:
            is_taken = self._out.count(place) < limit
            if not is_taken:
                # The store may have taken it, and its answer been lost.
                self._return(lease)
        if not is_taken:
            return None
        self._out.add(lease)
        return lease

    def give_back(self, lease: Lease) -> None:
        """See ports.shared_state.Slots."""
        if self._out.remove(lease):
            self._return(lease)

    def taken(self, place: str) -> int:
        """See ports.shared_state.Slots."""
        return self._out.count(place)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Hold on to the leases for the length of the block."""
        holding = tasks.create_task(self._hold_again_and_again())
        try:
            yield
        finally:
            holding.cancel()

    # --- what the link says -------------------------------------------------------------------

    def store_rose(self) -> None:
        """It may have lost what we have out, and does not know what came back meanwhile."""
        self._hold_soon()
        ended = _now() - self._lease_seconds
        owed, self._owed = self._owed, deque(maxlen=MOST_OWED)
        for given_back, lease in owed:
            if given_back > ended:
                self._return(lease)

    def store_fell(self) -> None:
        """Whoever asks from now on is answered here."""

    def noticed(self, notice: bytes) -> None:
        """Replicas say nothing about leases."""

    def ticked(self) -> None:
        """Leases have a rhythm of their own."""

    # --- to the store -------------------------------------------------------------------------

    def next_call(self) -> Call | None:
        """See batches.Part."""
        if self._is_hold_due:
            self._is_hold_due = False
            out = self._out.by_place.items()
            self._to_hold = [(place, lease) for place, ids in out for lease in ids]
        if self._to_hold:
            # What is given back meanwhile waits: else a lease could be held that has just been.
            self._batches.wake()
            most, held = MOST_HELD_AT_ONCE, self._to_hold
            self._to_hold = held[most:]
            return self._hold(held[:most])
        self._moves = self._queue.take()
        return self._move(self._moves) if self._moves else None

    def answered(self, answer: Any) -> None:
        """See batches.Part."""
        moves, self._moves = self._moves, []
        if answer is None:
            if not self._link.is_up:
                # All that is out is announced when the store is back.
                self._to_hold = []
            self._owe([lease for lease, limit in moves if not limit])
            self._queue.answer(None)
        elif moves:
            self._queue.answer([each == TAKEN for each in answer])

    def _return(self, lease: Lease) -> None:
        if not self._queue.tell(Move(lease)):
            self._owe((lease,))

    def _owe(self, leases: Iterable[Lease]) -> None:
        now = _now()
        self._owed.extend((now, lease) for lease in leases)

    def _move(self, moves: Sequence[Move]) -> Call:
        numbers: dict[str, int] = {}
        packed: list[str | int] = []
        for lease, limit in moves:
            number = numbers.setdefault(lease.place, len(numbers) + 1)
            packed += (number, limit, lease.id)
        # Packed: each argument of its own costs more than a move.
        arguments = (self._milliseconds, msgspec.msgpack.encode(packed))
        return Call(SLOTS, tuple(map(self._key, numbers)), arguments)

    # --- holding on ---------------------------------------------------------------------------

    async def _hold_again_and_again(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / HOLDS_PER_LEASE)
            self._hold_soon()

    def _hold_soon(self) -> None:
        self._is_hold_due = True
        self._batches.wake()

    def _hold(self, held: Sequence[tuple[str, str]]) -> Call:
        keys: list[str] = []
        arguments: list[str | int] = [self._milliseconds]
        for place, pairs in itertools.groupby(held, key=itemgetter(0)):
            leases = [lease for _, lease in pairs]
            keys.append(self._key(place))
            arguments += (len(leases), *leases)
        return Call(HOLD, tuple(keys), tuple(arguments))

    def _key(self, place: str) -> str:
        return f"{self._tag}:{place}"

    @property
    def _milliseconds(self) -> int:
        return int(self._lease_seconds * 1000)


def _now() -> float:
    return asyncio.get_running_loop().time()
