"""A clock that tests move by hand; it satisfies the Clock port of both services."""

import asyncio
import heapq
import itertools


class FakeClock:
    """Wall and monotonic time that pass only in `advance`."""

    def __init__(self, now: float = 1_795_000_000.0, monotonic: float = 1_000.0) -> None:
        self._now = now
        self._monotonic = monotonic
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), wake))
        await wake

    @property
    def sleeping(self) -> int:
        """How many sleepers wait; lets a test wait for a loop to reach its pause."""
        return sum(1 for _, _, wake in self._sleepers if not wake.done())

    async def advance(self, seconds: float) -> None:
        """Move time, waking sleepers in the order of their deadlines."""
        target = self._monotonic + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            at, _, wake = heapq.heappop(self._sleepers)
            self._move(at - self._monotonic)
            if not wake.done():
                wake.set_result(None)
            await settle()
        self._move(target - self._monotonic)
        await settle()

    def jump_wall(self, seconds: float) -> None:
        """Set the machine's clock forward or back without time passing."""
        self._now += seconds

    def _move(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds


async def settle(rounds: int = 25) -> None:
    """Let every task that can run do so, a bounded number of times."""
    for _ in range(rounds):
        await asyncio.sleep(0)
