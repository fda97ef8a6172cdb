"""One deadline that is moved again and again, and a timer that is set anew only when it must be.

For what lives in the event loop's callbacks, such as connections: a deadline that is put off costs
a comparison, and the timer fires now and then to find that it was.
"""

import asyncio

TIMER_SECONDS = 0.001
"""A loop's timer may be early by so much."""


class Deadlined:
    """To be inherited, so that a connection is no second object. Override `_due`.

    Times are the loop's. Nothing is due before the first `_wait_until`.
    """

    __slots__ = ("_deadline", "_loop", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._deadline = 0.0
        """May be put off as it is; what comes sooner needs `_wait_until`."""
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def _wait_until(self, deadline: float) -> None:
        """Have `_due` called then, and not at any time said before."""
        self._deadline = deadline
        if self._timer is None or self._timer_at > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = self._loop.call_at(deadline, self._look)

    def _wait_no_more(self) -> None:
        """Nothing is due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self) -> None:
        """The time has come."""
        raise NotImplementedError

    def _look(self) -> None:
        self._timer = None
        if self._loop.time() + TIMER_SECONDS < self._deadline:
            self._wait_until(self._deadline)
        else:
            self._due()
