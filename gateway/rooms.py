"""USE CASE: places of which only so many may be taken, and the rooms where callers wait for one.

First come, first served in each room; a room holds so many and no more, and nobody waits longer
than it says. Knows neither keys nor accounts: a place is a name and a limit. Somebody who leaves
while waiting leaves nothing behind.
"""

import asyncio
from collections import deque
from enum import Enum

from gateway.ports.shared_state import Lease, Slots

# With a shared store a place may be given back by another replica, which tells nobody.
SHORTEST_POLL_SECONDS = 0.02
LONGEST_POLL_SECONDS = 0.25
LOCAL_POLL_SECONDS = 5.0
"""Nobody else gives places back, so this only bounds what a defect of ours would cost."""


class NoPlace(Enum):
    """Why there is no lease."""

    ROOM_FULL = "room_full"
    WAITED_IN_VAIN = "waited_in_vain"


class Rooms:
    """All places of this process."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._rooms: dict[str, deque[asyncio.Event]] = {}

    def waiting(self, place: str) -> int:
        """How many wait for a place in this process."""
        return len(self._rooms.get(place, ()))

    async def take_at_once(self, place: str, limit: int) -> Lease | None:
        """A lease, if one is free and nobody waits for it."""
        return None if place in self._rooms else await self._slots.take(place, limit)

    async def wait(
        self, place: str, limit: int, most_waiting: int, seconds: float
    ) -> Lease | NoPlace:
        """A lease, for who did not get one at once."""
        if seconds <= 0:
            return NoPlace.WAITED_IN_VAIN
        room = self._rooms.setdefault(place, deque())
        if len(room) >= most_waiting:
            self._forget_if_empty(place, room)
            return NoPlace.ROOM_FULL
        return await self._wait(place, limit, room, seconds)

    def give_back(self, lease: Lease) -> None:
        """Free a place; whoever has waited longest is told."""
        self._slots.give_back(lease)
        room = self._rooms.get(lease.place)
        if room:
            room[0].set()

    async def _wait(
        self, place: str, limit: int, room: deque[asyncio.Event], seconds: float
    ) -> Lease | NoPlace:
        turn = asyncio.Event()
        room.append(turn)
        try:
            async with asyncio.timeout(seconds):
                return await self._in_turn(place, limit, room, turn)
        except TimeoutError:
            return NoPlace.WAITED_IN_VAIN
        finally:
            was_first = room[0] is turn
            room.remove(turn)
            if was_first and room:
                room[0].set()
            self._forget_if_empty(place, room)

    async def _in_turn(
        self, place: str, limit: int, room: deque[asyncio.Event], turn: asyncio.Event
    ) -> Lease:
        pause = SHORTEST_POLL_SECONDS
        while True:
            if room[0] is turn:
                lease = await self._slots.take(place, limit)
                if lease is not None:
                    return lease
            await _woken(turn, pause if self._slots.is_shared else LOCAL_POLL_SECONDS)
            pause = min(LONGEST_POLL_SECONDS, pause * 1.5)

    def _forget_if_empty(self, place: str, room: deque[asyncio.Event]) -> None:
        if not room and self._rooms.get(place) is room:
            del self._rooms[place]


async def _woken(turn: asyncio.Event, seconds: float) -> None:
    """Until it is told, or the time has come to look by itself."""
    try:
        async with asyncio.timeout(seconds):
            await turn.wait()
    except TimeoutError:
        return
    turn.clear()
