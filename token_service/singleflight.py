"""One running call per key; whoever comes meanwhile gets its result too.

The call runs in a task of the owner's TaskGroup: a caller that leaves does not end it. It knows
nothing of tokens. A call must turn the errors it expects into values; one that raises all the
same is a bug, which every waiting caller sees and which leaves the group alone.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class SingleFlight(Generic[K, V]):
    """The running calls of one kind. At most one entry per key, so bounded by the keys."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks
        self._flights: dict[K, asyncio.Future[V]] = {}
        self._running: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many calls are under way."""
        return len(self._flights)

    def under_way(self, key: K) -> bool:
        """Whether a caller of `join` would be a follower."""
        return key in self._flights

    def join(self, key: K, call: Callable[[], Coroutine[Any, Any, V]]) -> asyncio.Future[V]:
        """The future of the running call for `key`, started now if there is none.

        Wait for it with asyncio.shield or asyncio.wait: cancelling it would cancel it for all.
        """
        running = self._flights.get(key)
        if running is not None:
            return running
        flight: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        task = self._tasks.create_task(self._fly(call, flight))
        self._flights[key] = flight
        self._running.add(task)
        task.add_done_callback(lambda ended: self._land(key, flight, ended))
        return flight

    def cancel_all(self) -> None:
        """End every call; those who wait see CancelledError on the future."""
        for task in tuple(self._running):
            task.cancel()

    async def _fly(
        self, call: Callable[[], Coroutine[Any, Any, V]], flight: asyncio.Future[V]
    ) -> None:
        try:
            flight.set_result(await call())
        except Exception as error:
            flight.set_exception(error)
            flight.exception()  # marks it as seen, for a call that nobody waits for

    def _land(self, key: K, flight: asyncio.Future[V], task: asyncio.Task[None]) -> None:
        # A callback, because a task cancelled before its first step runs no code of its own.
        self._running.discard(task)
        del self._flights[key]
        flight.cancel()  # does nothing to a future that has its result
