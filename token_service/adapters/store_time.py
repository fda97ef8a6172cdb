"""The time of day by the store's clock, as far as it is known: one clock for all replicas.

Counted on from the last answer of the store's on the monotonic clock. Before the first one it
is this machine's own.
"""

from token_service.ports.clock import Clock


class StoreTime:
    """A Clock whose `now` is the store's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead: float | None = None

    def learn(self, store_now: float, seen_at: float) -> None:
        """store_now: seconds since the epoch at monotonic `seen_at`, at the latest."""
        self._ahead = store_now - seen_at

    def now(self) -> float:
        if self._ahead is None:
            return self._clock.now()
        return self._clock.monotonic() + self._ahead

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
