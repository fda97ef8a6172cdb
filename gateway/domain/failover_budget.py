"""How much of a group may be second attempts: when all of upstream is ill, moving helps nobody.

A fifth of the requests of the last ten seconds, and ten in any case, so that a quiet group fails
over too. Each replica counts its own.
"""

from math import floor

WINDOW_SECONDS = 10
"""In buckets of one second."""
SHARE = 0.2
FLOOR = 10


class FailoverBudget:
    """Requests and failovers of one group. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._seconds = [-1] * WINDOW_SECONDS
        self._requests = [0] * WINDOW_SECONDS
        self._failovers = [0] * WINDOW_SECONDS

    def asked(self, now: float) -> None:
        """A caller's request begins."""
        self._requests[self._bucket(now)] += 1

    def moved(self, now: float) -> None:
        """A request goes on to another account."""
        self._failovers[self._bucket(now)] += 1

    def allows(self, now: float) -> bool:
        """Whether one more request may go on to another account."""
        oldest = floor(now) - WINDOW_SECONDS
        fresh = [index for index, second in enumerate(self._seconds) if second > oldest]
        requests = sum(self._requests[index] for index in fresh)
        failovers = sum(self._failovers[index] for index in fresh)
        return failovers < max(FLOOR, SHARE * requests)

    def _bucket(self, now: float) -> int:
        second = floor(now)
        index = second % WINDOW_SECONDS
        if self._seconds[index] != second:
            self._seconds[index] = second
            self._requests[index] = self._failovers[index] = 0
        return index
