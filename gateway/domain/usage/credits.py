"""AI credits, and the unit that upstream counts them in (copilot-upstream.md §4.4)."""

from decimal import Decimal

NANO_AIU_PER_CREDIT = 10**9


def nano_aiu_of(credits_: Decimal) -> int:
    """What so many credits are; no budget is of less than one."""
    return max(1, int(credits_ * NANO_AIU_PER_CREDIT))
