"""Answers that are held back a while: whoever is refused for guessing gets on no faster.

A guesser that waits for its answers makes one guess a second and connection, which costs a waiting
task; answered at once it would get all the time there is. However many wait, they are answered one
after the other, so that they never come back all in one turn of the event loop, and together cost
a fraction of it.
"""

import asyncio

from gateway.ports.clock import Clock

LATE_SECONDS = 1.0
APART_SECONDS = 0.002
MOST_SECONDS = 10.0
"""Nobody waits longer, however many were before."""
MOST_WAITING = 5_000
"""Some 14 KB each, most of it the connection's, which a caller could hold open anyway."""


class LateAnswers:
    """Those that wait now. seconds: how late an answer is at the least."""

    def __init__(
        self, clock: Clock, seconds: float = LATE_SECONDS, most: int = MOST_WAITING
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._most = most
        self._last = 0.0
        self.waiting = 0

    async def wait(self) -> bool:
        """Come back when the answer may go out; False, at once, where too many wait already.

        Cancelled when the caller leaves: its place is free.
        """
        if self.waiting >= self._most:
            return False
        self.waiting += 1
        try:
            await asyncio.sleep(self._turn())
        finally:
            self.waiting -= 1
        return True

    def _turn(self) -> float:
        """The seconds until it is this one's turn."""
        now = self._clock.monotonic()
        at = max(now + self._seconds, self._last + APART_SECONDS)
        self._last = min(at, now + max(self._seconds, MOST_SECONDS))
        return self._last - now
