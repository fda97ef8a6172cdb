"""The simulator's time: this machine's, moved and skewed as a scenario says."""

import time
from collections.abc import Callable
from email.utils import formatdate

from simulator.scenario.document import ClockKnobs


class Clock:
    """Says what time it is, and what the simulator claims that it is."""

    def __init__(self, knobs: ClockKnobs, wall: Callable[[], float] = time.time) -> None:
        self.knobs = knobs
        self._wall = wall
        self._date_second = -1
        self._date_text = ""

    def now(self) -> float:
        """The true time of the simulator, seconds since the epoch."""
        return self._wall() + self.knobs.advance_seconds

    def stated(self) -> float:
        """What the simulator's own clock shows, skew and all: what it judges claims by."""
        return self.now() + self.knobs.skew_seconds + self.knobs.date_skew_seconds

    def date(self) -> str:
        """The `Date` header; made once a second."""
        second = int(self.stated())
        if second != self._date_second:
            self._date_second = second
            self._date_text = formatdate(second, usegmt=True)
        return self._date_text

    def expires_at(self, true_expiry: float) -> int:
        """What an exchange says of a token's end."""
        skew = self.knobs.skew_seconds + self.knobs.expires_at_skew_seconds
        return int(true_expiry + skew)

    def exp(self, true_expiry: float) -> int:
        """What a token says of its own end."""
        return int(true_expiry + self.knobs.skew_seconds + self.knobs.exp_skew_seconds)
