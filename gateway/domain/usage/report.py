"""Questions to the ledger, and the sums that answer them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """Which records, and what to sum them by. Times: [since, until), seconds since the epoch."""

    since: float
    until: float
    by: tuple[str, ...]
    key_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The sums of the records that have these values in common."""

    values: tuple[str, ...]
    """One for each of the question's `by`."""
    requests: int
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
