"""How a budget stands: what its holder is shown."""

from dataclasses import dataclass

import msgspec

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder
from gateway.domain.budgets.period import Span
from gateway.domain.budgets.totals import Totals


@dataclass(frozen=True, slots=True)
class Standing:
    """One budget in its present period."""

    holder: Holder
    budget: Budget
    span: Span
    used: Totals | None
    """None: nobody can tell at the moment."""


class RateStanding(msgspec.Struct, frozen=True):
    """How a key's rate stood when a request asked to be counted."""

    rate: Budget
    used: Totals
    resets_at: float
    """Seconds since the epoch: the end of the minute."""
    resets_in: float
    """Seconds until then; nothing when the request came long ago."""
