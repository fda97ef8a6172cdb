"""Budgets' counters of one process; what they have in common with many. Knows no store."""

from collections.abc import Iterable, Sequence

from gateway.domain.budgets.known import Known
from gateway.domain.budgets.totals import TAKEN, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, judge
from gateway.ports.clock import Clock


class MemoryBudgets:
    """The BudgetCounters port for a process that is alone."""

    def __init__(self, clock: Clock) -> None:
        self._known = Known()
        self._clock = clock

    async def take(self, claims: Sequence[Claim]) -> Answer:
        """See ports.shared_state.BudgetCounters."""
        known = self._known
        answer = judge(claims, known.stand)
        if not answer.is_granted:
            return answer.with_used(claims, known.totals)
        now = self._clock.monotonic()
        used = tuple([known.add(claim.counter, TAKEN, now) for claim in claims])
        return Answer(answer.findings, True, used)

    async def seed(self, counter: Counter, spent: Totals) -> None:
        """See ports.shared_state.BudgetCounters."""
        self._known.seed(counter, spent)

    def add(self, counters: Iterable[Counter], use: Totals) -> None:
        """See ports.shared_state.BudgetCounters."""
        now = self._clock.monotonic()
        for counter in counters:
            self._known.add(counter, use, now)

    async def totals(self, counters: Sequence[Counter]) -> Sequence[Totals | None]:
        """See ports.shared_state.BudgetCounters."""
        return known_totals(self._known, counters)


def known_totals(known: Known, counters: Sequence[Counter]) -> Sequence[Totals | None]:
    """Of each counter that is whole."""
    return [known.totals(each) if known.is_whole(each) else None for each in counters]
