"""Slots of one process, and how a process keeps what it has out. Knows no store."""

import itertools
from collections.abc import Mapping, Set

from gateway.ports.shared_state import Lease


class Outstanding:
    """The leases that this process has out, by place."""

    def __init__(self) -> None:
        self._by_place: dict[str, set[str]] = {}

    @property
    def by_place(self) -> Mapping[str, Set[str]]:
        """The leases' ids of each place that has any."""
        return self._by_place

    def count(self, place: str) -> int:
        """How many are out for a place."""
        ids = self._by_place.get(place)
        return 0 if ids is None else len(ids)

    def add(self, lease: Lease) -> None:
        """It is out."""
        ids = self._by_place.get(lease.place)
        if ids is None:
            self._by_place[lease.place] = {lease.id}
        else:
            ids.add(lease.id)

    def remove(self, lease: Lease) -> bool:
        """It is back; False when it was not out."""
        ids = self._by_place.get(lease.place)
        if ids is None or lease.id not in ids:
            return False
        ids.remove(lease.id)
        if not ids:
            del self._by_place[lease.place]
        return True


class MemorySlots:
    """The Slots port for a process that is alone."""

    is_shared = False

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}
        self._out: set[str] = set()
        """The ids of what is taken: what comes back twice frees one place."""
        self._numbers = itertools.count(1)

    async def take(self, place: str, limit: int) -> Lease | None:
        """See ports.shared_state.Slots."""
        taken = self._taken.get(place, 0)
        if taken >= limit:
            return None
        lease = Lease(place, str(next(self._numbers)))
        self._taken[place] = taken + 1
        self._out.add(lease.id)
        return lease

    def give_back(self, lease: Lease) -> None:
        """See ports.shared_state.Slots."""
        if lease.id not in self._out:
            return
        self._out.remove(lease.id)
        place = lease.place
        left = self._taken[place] - 1
        if left:
            self._taken[place] = left
        else:
            del self._taken[place]

    def taken(self, place: str) -> int:
        """See ports.shared_state.Slots."""
        return self._taken.get(place, 0)
