"""Random ids that sort by the time they were made (UUID version 7), drawn many at a time.

A call to the system's randomness for each would cost more than all else about an id. The time
comes first for whoever keeps them in an index: what is new stands together at its end, and not on
a page of its own each.
"""

import os
from collections.abc import Callable

from runtime.clock import SystemClock

AT_ONCE = 256
CLOCK = SystemClock()
VERSION = bytes(0x70 | byte & 0x0F for byte in range(256))
VARIANT = bytes(0x80 | byte & 0x3F for byte in range(256))
"""What each first byte of their parts of an id becomes."""


class RandomIds:
    """Call it for an id. Not for secrets: what is drawn ahead lies in memory.

    now: seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float] = CLOCK.now) -> None:
        self._now = now
        self._rests: list[str] = []
        self._millisecond = -1
        self._beginning = ""
        """Of all ids of that millisecond."""

    def __call__(self) -> str:
        """Another one, such as 019abf0e-7c1d-7a51-9c8e-2f1f5a0e7d42."""
        if not self._rests:
            self._rests = _drawn()
        millisecond = int(self._now() * 1000)
        if millisecond != self._millisecond:
            self._millisecond = millisecond
            time = f"{millisecond:012x}"
            self._beginning = f"{time[:8]}-{time[8:]}-"
        return self._beginning + self._rests.pop()


def _drawn() -> list[str]:
    """What follows the time in so many ids. Part by part, so that no line here is run for each."""
    third = _parts(2, VERSION)
    fourth = _parts(2, VARIANT)
    return list(map("-".join, zip(third, fourth, _parts(6), strict=True)))


def _parts(size: int, first: bytes | None = None) -> list[str]:
    drawn = bytearray(os.urandom(size * AT_ONCE))
    drawn[::size] = drawn[::size].translate(first)
    return drawn.hex("-", size).split("-")
