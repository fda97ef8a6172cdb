"""Before a method runs: who calls, and whether that caller may call now.

Knows neither methods nor accounts. State per caller is a bucket and a count of open streams,
so its size is that of the configuration.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from token_service.domain.callers import Caller, Presented, Refusal
from token_service.domain.errors import Overloaded
from token_service.domain.rates import Bucket, full, take
from token_service.ports.calls import Authenticator
from token_service.ports.clock import Clock

# A place among the streams is free when one of the caller's ends; nobody knows when that is.
STREAM_RETRY_SECONDS = 5.0


class Admission:
    """Finds out who calls and holds each caller to its limits, on this replica."""

    def __init__(
        self, read: Callable[[Any], Presented], authenticator: Authenticator, clock: Clock
    ) -> None:
        self._read = read
        self._authenticator = authenticator
        self._clock = clock
        self._buckets: dict[str, Bucket] = {}
        self._streams: Counter[str] = Counter()

    async def identify(self, context: Any) -> Caller:
        """Who calls. Raises CallerUnauthenticated."""
        return await self._authenticator.identify(self._read(context))

    def count(self, caller: Caller) -> None:
        """One call more. Raises Overloaded when the caller asks faster than it may."""
        rate = caller.limits.requests
        if rate is None:
            return
        now = self._clock.monotonic()
        bucket = self._buckets.get(caller.id) or full(rate, now)
        self._buckets[caller.id], wait = take(bucket, rate, now)
        if wait > 0:
            raise Overloaded(
                "this caller asks more often than it may (requests_per_second)",
                retry_after=wait,
                detail=Refusal.RATE.value,
            )

    @contextmanager
    def stream(self, caller: Caller) -> Iterator[None]:
        """While the block lasts, one of the caller's streams. Raises Overloaded."""
        most = caller.limits.streams
        if most is not None and self._streams[caller.id] >= most:
            raise Overloaded(
                "this caller has as many streams open as it may (max_streams)",
                retry_after=STREAM_RETRY_SECONDS,
                detail=Refusal.STREAMS.value,
            )
        self._streams[caller.id] += 1
        try:
            yield
        finally:
            self._streams[caller.id] -= 1
