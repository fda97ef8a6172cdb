"""Time and chance, as the use cases see them."""

from typing import Protocol


class Clock(Protocol):
    """Time. Durations are measured by `monotonic` only."""

    def now(self) -> float:
        """Seconds since the epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Chance(Protocol):
    """Randomness."""

    def fraction(self) -> float:
        """Uniform in [0, 1): spreads renewals and retries."""
        ...

    def token_id(self) -> str:
        """An identifier that nobody can guess and nothing had before."""
        ...
