"""Questions to the ledger, and the sums that answer them."""

from dataclasses import dataclass
from typing import NamedTuple


class Dimension(NamedTuple):
    """What the records of a line have in common."""

    field: str
    """Of UsageRecord."""
    characters: int | None = None
    """Of a time's day in UTC (2026-11-25), from the left; None: the field as it is."""


WORDS = {
    "key": Dimension("key_id"),
    "group": Dimension("group_id"),
    "account": Dimension("account_id"),
    "model": Dimension("requested_model"),
    "served_model": Dimension("served_model"),
    "platform": Dimension("platform"),
    "endpoint": Dimension("endpoint"),
    "initiator": Dimension("initiator"),
    "outcome": Dimension("outcome"),
    "day": Dimension("time", 10),
    "month": Dimension("time", 7),
}
"""What records can be summed by."""

MOST_LINES = 50_000
"""Callers name models, and so could make up any number of lines."""


class TooManyLines(ValueError):
    """The sums that were asked for are more than anybody reads."""

    def __init__(self) -> None:
        super().__init__(
            f"that is more than {MOST_LINES} lines: ask for a shorter time, or by fewer words"
        )


@dataclass(frozen=True, slots=True)
class Question:
    """Which records, and what to sum them by. Times: [since, until), seconds since the epoch.

    Raises ValueError for a word that is not in WORDS, or is there twice.
    """

    since: float
    until: float
    by: tuple[str, ...]
    """Words of WORDS; none: one line for all records, of zeros when there are none."""
    key_id: str | None = None
    group_id: str | None = None

    def __post_init__(self) -> None:
        for word in self.by:
            if word not in WORDS:
                raise ValueError(f"there is nothing like '{word}'; there are: {', '.join(WORDS)}")
            if self.by.count(word) > 1:
                raise ValueError(f"'{word}' is there twice")


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of the records that have these values in common."""

    values: tuple[str, ...]
    """One for each of the question's `by`."""
    requests: int
    """All of them, also those that no budget counts."""
    partial: int
    """How many of them may have used more than is known."""
    input_tokens: int
    cached_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    nano_aiu: int
    estimated_nano_aiu: int
    """Of those, estimated from the catalogue's prices."""
    premium_requests: float
    """Multipliers of the requests that a user set off: what a plan of that kind counts."""
