"""The connections there are: which are idle, how many, and who waits for one.

The one that was used last is used next, so that those nobody needs grow old and close. Idle ones
count too; where there is no room for another one, the oldest idle one makes room.
"""

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass

from gateway.adapters.upstream_pool.connection import READ_BYTES, Connection
from gateway.adapters.upstream_pool.destination import Target
from gateway.adapters.upstream_pool.dialing import Dialer

CLOSING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Waiter:
    """A request without a connection, while there are as many as may be."""

    target: Target
    place: asyncio.Future[Connection | None]
    """None: there is room for one more."""


class Pool:
    """Gives connections out and takes them back. Never more than `limit` are open or being made."""

    def __init__(self, dialer: Dialer, limit: int) -> None:
        self._dialer = dialer
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._buffer = memoryview(bytearray(READ_BYTES))
        self._open: set[Connection] = set()
        self._idle: dict[Target, dict[Connection, None]] = {}
        """In each, the one that has been idle for the longest time is first."""
        self._taken = 0
        """Places: of what is open and what is being made."""
        self._waiters: deque[_Waiter] = deque()
        self._is_closed = False
        self._emptied = asyncio.Event()

    @property
    def open(self) -> int:
        """How many connections there are, idle ones included."""
        return len(self._open)

    @property
    def resting(self) -> int:
        """How many of them are idle."""
        return sum(map(len, self._idle.values()))

    @property
    def taken(self) -> int:
        """How many places are: no more than the open ones when nothing is being made."""
        return self._taken

    def take(self, target: Target) -> Connection | None:
        """An idle connection that upstream has not closed, if there is one."""
        shelf = self._idle.get(target)
        while shelf:
            connection, _ = shelf.popitem()
            if connection.is_usable():
                return connection
            connection.drop()
        return None

    async def room(self, target: Target) -> Connection | None:
        """Wait for room for a new connection: `dial` it at once. Or one that came back meanwhile.

        Raises OSError. Whoever calls sets the deadline, by cancelling.
        """
        while (found := await self._room(target)) is not None:
            if found.is_usable():
                return found
            found.drop()
        return None

    async def dial(self, target: Target) -> Connection:
        """A new connection in the room there is now. Raises UpstreamUnreachable, or OSError."""
        try:
            connection = await self._dialer.dial(target, lambda: self._new(target))
        except BaseException:
            self._give_place()
            raise
        if connection.is_closed or self._is_closed:
            connection.drop()
            self._give_place()
            raise ConnectionResetError
        self._open.add(connection)
        return connection

    def idle(self, connection: Connection) -> None:
        """See connection.Owner."""
        waiter = self._next_waiter()
        if waiter is None:
            self._idle.setdefault(connection.target, {})[connection] = None
            connection.rest()
        elif waiter.target == connection.target:
            waiter.place.set_result(connection)
        else:
            # Its place is for whoever has waited longest.
            self._waiters.appendleft(waiter)
            connection.drop()

    def lost(self, connection: Connection) -> None:
        """See connection.Owner."""
        shelf = self._idle.get(connection.target)
        if shelf is not None:
            shelf.pop(connection, None)
            if not shelf:
                del self._idle[connection.target]
        if connection in self._open:
            self._open.remove(connection)
            self._give_place()
        if self._is_closed and not self._open:
            self._emptied.set()

    async def close(self) -> None:
        """Close all at once; whoever uses one or waits for one gets an error."""
        self._is_closed = True
        while waiter := self._next_waiter():
            waiter.place.set_exception(ConnectionAbortedError())
        for connection in list(self._open):
            connection.drop()
        if not self._open:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                await self._emptied.wait()

    # --- places ---

    def _new(self, target: Target) -> Connection:
        return Connection(target, self, self._buffer, self._loop)

    async def _room(self, target: Target) -> Connection | None:
        if self._is_closed:
            raise ConnectionAbortedError
        if self._taken < self._limit:
            self._taken += 1
            return None
        self._drop_an_idle_one()
        waiter = _Waiter(target, self._loop.create_future())
        self._waiters.append(waiter)
        try:
            return await waiter.place
        except asyncio.CancelledError:
            self._decline(waiter)
            raise

    def _decline(self, waiter: _Waiter) -> None:
        """Nobody needs what the waiter may have been given in the same moment."""
        place = waiter.place
        if not place.done() or place.cancelled():
            return
        if place.exception() is None:
            connection = place.result()
            if connection is None:
                self._give_place()
            elif not connection.is_closed:
                self.idle(connection)

    def _give_place(self) -> None:
        waiter = self._next_waiter()
        if waiter is None:
            self._taken -= 1
        else:
            waiter.place.set_result(None)

    def _next_waiter(self) -> _Waiter | None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.place.done():
                return waiter
        return None

    def _drop_an_idle_one(self) -> None:
        for shelf in self._idle.values():
            if shelf:
                connection = next(iter(shelf))
                del shelf[connection]
                connection.drop()
                return
