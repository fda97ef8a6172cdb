"""When a token is good, when to ask for the next one, how long to pause after a failure.

Pure: times are seconds of the caller's monotonic clock, jitter is an argument in [0, 1). No
wall clock is involved, so it does not matter whether the broker's, GitHub's and the caller's
clocks agree (copilot-upstream.md §3.5).
"""

from dataclasses import dataclass
from enum import Enum

MIN_REFRESH_SECONDS = 0.5
"""A broker that has nothing newer says "refresh in 0"; asking more often than this helps nobody."""

FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 2.0
LONGEST_HINT_SECONDS = 900.0


class Standing(Enum):
    """What may be done with a token at a moment."""

    FRESH = "fresh"
    DUE = "due"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Lifetime:
    """The span of a token on the caller's monotonic clock."""

    due_at: float
    dead_at: float

    def standing(self, now: float) -> Standing:
        """Whether the token is ahead of its renewal, due for it, or dead."""
        if now >= self.dead_at:
            return Standing.DEAD
        return Standing.DUE if now >= self.due_at else Standing.FRESH

    def left(self, now: float) -> float:
        """Seconds of life left; never negative."""
        return max(0.0, self.dead_at - now)


def lifetime(asked_at: float, expires_in: float, refresh_in: float) -> Lifetime:
    """Count the broker's durations from before the question was sent.

    The answer took some of that time to arrive, so this errs on the early side.
    """
    dead_at = asked_at + max(0.0, expires_in)
    due_at = asked_at + max(MIN_REFRESH_SECONDS, refresh_in)
    return Lifetime(due_at=min(due_at, dead_at), dead_at=dead_at)


def combined(old: Lifetime, new: Lifetime) -> Lifetime:
    """What two messages about the same token say together.

    A life that is counted from a message's arrival can only be too long, so the earlier end
    holds. When to ask again is the newer one's to say: a renewal may have failed since.
    """
    dead_at = min(old.dead_at, new.dead_at)
    return Lifetime(due_at=min(new.due_at, dead_at), dead_at=dead_at)


def pause_after(failures: int, hint: float | None, jitter: float) -> float:
    """Seconds to wait after the n-th failure in a row (n ≥ 1) before asking again.

    A hint from the broker (RetryInfo) is obeyed up to 15 minutes. Without one the pause doubles
    from 0.25 s to 2 s, less up to half of it, so that a fleet's clients do not return at once.
    """
    if hint is not None:
        return min(max(hint, FIRST_PAUSE_SECONDS), LONGEST_HINT_SECONDS) * (1 + jitter / 10)
    longest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_PAUSE_SECONDS)
    return longest * (1 - jitter / 2)
