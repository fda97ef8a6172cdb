"""Time, as the gateway's use cases see it."""

from typing import Protocol


class Clock(Protocol):
    """Time as the service sees it."""

    def now(self) -> float:
        """Seconds since the epoch."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
