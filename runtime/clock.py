"""The system's clocks: the one place in the services that reads them.

Everything else takes a clock, so that tests move time instead of waiting for it.
"""

import asyncio
import time


class SystemClock:
    """Wall time for expiry dates, monotonic time for durations."""

    # The system's own functions: a request asks a dozen times what time it is.

    now = staticmethod(time.time)
    """Seconds since the epoch; may jump when the machine's clock is set."""

    monotonic = staticmethod(time.monotonic)
    """Seconds from an arbitrary start; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait; a negative duration only yields to the event loop."""
        await asyncio.sleep(max(0.0, seconds))
