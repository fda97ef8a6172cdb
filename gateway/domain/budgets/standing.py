"""How a budget stands: what its holder is shown."""

from dataclasses import dataclass

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
