"""The use case: renew ahead of need what was asked for lately.

A loop that has the broker start the renewals that are due. An account nobody has asked for in a
while is left to expire, so that seats nobody uses cost no exchange.
"""

from token_service.broker import Broker
from token_service.ports.clock import Clock

# Looking costs a glance at one heap. New tokens are noticed within this time, and so are
# renewals that fell due while the machine slept: timers do not run then (peers.md §0.3).
LOOK_AGAIN_SECONDS = 1.0
# While more renewals are due than may run, the next are started as the first end.
CATCH_UP_SECONDS = 0.25
# After a restart many fall due together; the callers' own exchanges must find room beside them.
MOST_AT_ONCE = 16


class Refresher:
    """Renews what is due, until it is cancelled."""

    def __init__(self, broker: Broker, clock: Clock, idle_seconds: float) -> None:
        self._broker = broker
        self._clock = clock
        self._idle_seconds = idle_seconds

    async def run(self) -> None:
        """Start what is due, sleep until the next; never ends by itself."""
        while True:
            await self._broker.forget_removed()
            await self._clock.sleep(self._round())

    def _round(self) -> float:
        """Start what is due; seconds until the next look."""
        if self._broker.renew_due(self._idle_seconds, MOST_AT_ONCE):
            return CATCH_UP_SECONDS
        due = self._broker.next_due()
        if due is None:
            return LOOK_AGAIN_SECONDS
        return min(max(0.0, due - self._clock.monotonic()), LOOK_AGAIN_SECONDS)
