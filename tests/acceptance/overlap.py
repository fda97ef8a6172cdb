"""How many requests were under way at once, by upstream's ledger."""

from collections.abc import Iterable, Iterator
from math import inf

from tests.servers.simulator import Seen

SAME_MOMENT_SECONDS = 0.03
"""A request that was given up and the one that took its place may get there in either order."""


def most_at_once(requests: Iterable[Seen]) -> int:
    """The most of these that lie over one moment."""
    return max((under_way for _, under_way in _levels(requests)), default=0)


def full_from(requests: Iterable[Seen], limit: int, moment: float) -> float:
    """When after a moment so many of those that began after it were under way for the first time.

    Seconds of the ledger's steady clock, which is the machine's monotonic one.
    """
    later = (seen for seen in requests if seen.opened > moment)
    return next((when for when, under_way in _levels(later) if under_way >= limit), inf)


def _levels(requests: Iterable[Seen]) -> Iterator[tuple[float, int]]:
    """Each moment of change, and how many are under way from then on."""
    changes: list[tuple[float, int]] = []
    for seen in requests:
        end = inf if seen.closed is None else seen.closed
        changes += [(seen.opened, 1), (max(seen.opened, end - SAME_MOMENT_SECONDS), -1)]
    under_way = 0
    # An end comes before a beginning at the same moment.
    for when, change in sorted(changes):
        under_way += change
        yield when, under_way
