"""A token bucket as a function of its state and the time.

Knows no caller and no clock. A bucket fills at an even rate up to its burst; each call takes
one; who finds less than one is told when there will be one.
"""

from typing import NamedTuple


class Rate(NamedTuple):
    """per_second: how fast it fills. burst: how much it holds; at least 1."""

    per_second: float
    burst: float


class Bucket(NamedTuple):
    """What was in it at monotonic second `at`."""

    level: float
    at: float


def full(rate: Rate, now: float) -> Bucket:
    """A bucket nobody has taken from."""
    return Bucket(rate.burst, now)


def take(bucket: Bucket, rate: Rate, now: float) -> tuple[Bucket, float]:
    """The bucket after one call at `now`, and the seconds it has to wait; 0 when it may go on.

    A call that has to wait takes nothing: a caller that keeps asking is served at its rate. A
    `now` before the bucket's own time counts as that time.
    """
    level, at = bucket
    per_second, burst = rate
    # Written out, as it is asked for every call: min and max would double what it costs.
    if now > at:
        level += (now - at) * per_second
        if level > burst:
            level = burst
        at = now
    if level < 1.0:
        return Bucket(level, at), (1.0 - level) / per_second
    return Bucket(level - 1.0, at), 0.0
