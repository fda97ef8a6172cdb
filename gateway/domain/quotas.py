"""What upstream says of an account's quotas, in headers beside every answer.

`x-quota-snapshot-NAME: ent=300&ov=0.0&ovPerm=false&rem=29.7&rst=2026-12-01T00%3A00%3A00Z`
(copilot-upstream.md §4.2). They lag behind by some requests: for display, never for a decision.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of an account."""

    name: str
    """Such as premium_interactions."""
    entitlement: float
    """Requests, or credits on plans that have those; -1: unlimited."""
    remaining_percent: float
    """May be negative."""
    overage: float
    resets_at: float | None
    """Seconds since the epoch."""
