"""What a request under way holds of its budgets: one request in each, until it is settled."""

from dataclasses import dataclass

from gateway.domain.budgets.holder import Holder
from gateway.domain.budgets.period import Span
from gateway.domain.budgets.standing import RateStanding


@dataclass(frozen=True, slots=True)
class Reservation:
    """Which budgets it was counted in, and the periods that these were in."""

    spans: tuple[tuple[Holder, Span], ...]
    rate: RateStanding | None = None
    """How the key's rate stands with this request; None where it has none."""
