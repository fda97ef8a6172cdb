"""How many requests ran at the same time, reckoned from the ledger. Pure."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Literal

from simulator.state.ledger import Entry

Property = Literal["account", "model", "marker", "endpoint"]


def most_at_once(entries: Iterable[Entry], by: Property) -> dict[str, int]:
    """For each account, model, marker or endpoint the most requests that were open together.

    One that is open still has no end. One that ends at the moment another begins is over.
    """
    changes: defaultdict[str, list[tuple[float, int]]] = defaultdict(list)
    for entry in entries:
        value = getattr(entry, by)
        if value is not None:
            end = math.inf if entry.closed is None else entry.closed
            changes[value] += [(entry.opened, 1), (end, -1)]
    return {value: _peak(sorted(each)) for value, each in changes.items()}


def _peak(changes: Iterable[tuple[float, int]]) -> int:
    now = most = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most
