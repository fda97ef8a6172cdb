"""What a request under way holds of its budgets: one request in each, until it is settled."""

import msgspec

from gateway.domain.budgets.standing import RateStanding
from gateway.domain.budgets.totals import Counter


class Reservation(msgspec.Struct, frozen=True):
    """Where it was counted."""

    counters: tuple[Counter, ...]
    rate: RateStanding | None = None
    """How the key's rate stands with this request; None where it has none."""
