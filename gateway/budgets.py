"""USE CASE: lets no more be used of a key's or a group's budget, or of a key's rate, than it has.

Each request is counted before it goes upstream, in all of its budgets and its rate or in none, and
settled by its usage record. What a counter stood at that is not known to be whole, the ledger is
asked; but for rates, of which it knows nothing.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.domain.api_keys import ApiKey
from gateway.domain.budget_claims import RecentClaims, rate_standing, settled
from gateway.domain.budget_refusals import refusal
from gateway.domain.budgets.holder import HolderKind
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.reservation import Reservation
from gateway.domain.budgets.standing import Standing
from gateway.domain.budgets.totals import NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, Finding, is_in_the_way
from gateway.domain.groups import Group
from gateway.domain.usage.record import UsageRecord
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.shared_state import BudgetCounters
from gateway.ports.usage import LedgerDown, Spending, Sums

LEDGER_SECONDS = 2.0
"""For one question; whoever waits behind others waits no longer than for two."""
BLIND_SECONDS = 5.0
"""After a question that was not answered, before it is asked again."""
MOST_ROUNDS = 3
"""The store may be emptied again while the ledger is asked."""
MOST_INQUIRIES = 1_000
"""Counters asked about; beyond these the ones of periods that have ended are forgotten."""


class Budgets:
    """Keys' and groups' budgets, and keys' rates."""

    def __init__(
        self, counters: BudgetCounters, ledger: Sums, clock: Clock, events: GatewayEvents
    ) -> None:
        self._counters = counters
        self._inquiries = Inquiries(counters, ledger, clock)
        self._claims = RecentClaims()
        self._clock = clock
        self._events = events

    async def admit(
        self, key: ApiKey, group: Group, came: float | None = None
    ) -> Reservation | None:
        """Count a request; None when nothing limits it.

        Raises GatewayError (POLICY_BUDGET, POLICY_BUDGET_UNKNOWN, POLICY_RATE).

        came: when it did, in seconds since the epoch; None: now. It is counted in the budgets'
        periods of that moment, as in the ledger, and in the rate's minute that it is now.
        Waits for the store, and for the ledger where the store has lost a counter; for seconds at
        most. Cancelled meanwhile: nothing stays counted.
        """
        now = self._clock.now()
        claims, counters = self._claims.of(key, group, now if came is None else came, now)
        if not claims:
            return None
        answer = await self._counters.take(claims)
        if not answer.is_plain:
            claims, answer = await self._asked_about(claims, answer)
            self._report(claims, answer)
        now = self._clock.now()
        rate = rate_standing(claims, answer, now)
        if not answer.is_granted:
            raise refusal(claims, answer.findings, now).under(rate)
        return Reservation(counters, rate)

    def settle(self, reservation: Reservation | None, record: UsageRecord) -> None:
        """What the request has used; to be called once. Waits for nobody."""
        if reservation is None:
            return
        use = Totals(
            released=0 if record.is_counted else 1,
            tokens=record.input_tokens + record.output_tokens,
            nano_aiu=record.nano_aiu or 0,
        )
        if use == NOTHING:
            return
        for counters, more in settled(reservation, use, self._clock.now()):
            if counters and more != NOTHING:
                self._counters.add(counters, more)

    async def standing(self, key: ApiKey, group: Group) -> Sequence[Standing]:
        """How the budgets stand, the key's before its group's, and at last the key's rate."""
        now = self._clock.now()
        claims, counters = self._claims.of(key, group, now, now)
        if not claims:
            return ()
        used = await self._counters.totals(counters)
        missing = [each for each, totals in zip(counters, used, strict=True) if totals is None]
        if missing and await self._inquiries.answered(missing):
            used = await self._counters.totals(counters)
        return [
            Standing(counter.holder, claim.budget, counter.span, totals)
            for claim, counter, totals in zip(claims, counters, used, strict=True)
        ]

    async def _asked_about(
        self, claims: tuple[Claim, ...], answer: Answer
    ) -> tuple[tuple[Claim, ...], Answer]:
        """The claims as they were made in the end, and what was found of them, once the ledger
        has been asked for what was missing."""
        for left in reversed(range(MOST_ROUNDS)):
            missing = _missing(claims, answer)
            if not missing:
                break
            known = await self._inquiries.answered(missing) if left else set()
            trusting = set(missing) - known
            if any(claim.counter in trusting and claim.refuses_unknown for claim in claims):
                break
            claims = tuple(
                claim._replace(trusts_missing=claim.trusts_missing or claim.counter in trusting)
                for claim in claims
            )
            answer = await self._counters.take(claims)
        return claims, answer

    def _report(self, claims: Sequence[Claim], answer: Answer) -> None:
        """What is in shadow is reported when it would have made the difference; no rate is."""
        for claim, finding in zip(claims, answer.findings, strict=True):
            if finding is Finding.FINE:
                continue
            is_budget = claim.budget.period is not Period.MINUTE
            if is_budget and finding.is_used_up and claim.budget.is_shadow == answer.is_granted:
                self._events.over_budget(
                    claim.counter.holder, finding.value, claim.budget.is_shadow
                )


def _missing(claims: Sequence[Claim], answer: Answer) -> list[Counter]:
    """The counters to ask about; none when another budget forbids the request all the same."""
    if Finding.MISSING not in answer.findings:
        return []
    found = list(zip(claims, answer.findings, strict=True))
    missing = [claim.counter for claim, finding in found if finding is Finding.MISSING]
    in_the_way = sum(is_in_the_way(*each) for each in found)
    return missing if in_the_way == len(missing) else []


@dataclass(slots=True)
class _Inquiry:
    """What is asked of the ledger about one counter: by one caller, for all who wait."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    rounds: int = 0
    is_known: bool = False
    not_before: float = 0.0
    """Monotonic seconds; the ledger did not answer."""


class Inquiries:
    """Questions to the ledger about counters; its answers go to the counters."""

    def __init__(self, counters: BudgetCounters, ledger: Sums, clock: Clock) -> None:
        self._counters = counters
        self._ledger = ledger
        self._clock = clock
        self._inquiries: dict[Counter, _Inquiry] = {}

    async def answered(self, counters: Iterable[Counter]) -> set[Counter]:
        """Those that have been seeded with what the ledger says."""
        async with asyncio.TaskGroup() as tasks:
            asked = {each: tasks.create_task(self._is_answered(each)) for each in counters}
        return {counter for counter, asking in asked.items() if asking.result()}

    async def _is_answered(self, counter: Counter) -> bool:
        inquiry = self._inquiry(counter)
        rounds = inquiry.rounds
        try:
            async with asyncio.timeout(2 * LEDGER_SECONDS):
                async with inquiry.lock:
                    # Somebody else may have asked meanwhile.
                    if inquiry.rounds == rounds and inquiry.not_before <= self._clock.monotonic():
                        await self._ask(counter, inquiry)
                    return inquiry.is_known
        except TimeoutError:
            return False

    async def _ask(self, counter: Counter, inquiry: _Inquiry) -> None:
        try:
            async with asyncio.timeout(LEDGER_SECONDS):
                spending = await self._spending(counter)
        except (LedgerDown, TimeoutError):
            inquiry.not_before = self._clock.monotonic() + BLIND_SECONDS
            inquiry.is_known = False
        else:
            spent = Totals(spending.requests, 0, spending.tokens, spending.nano_aiu)
            await self._counters.seed(counter, spent)
            inquiry.is_known = True
        inquiry.rounds += 1

    async def _spending(self, counter: Counter) -> Spending:
        (kind, name), span = counter.holder, counter.span
        asked = self._ledger.key_spending if kind is HolderKind.KEY else self._ledger.group_spending
        return await asked(name, span.start, span.end)

    def _inquiry(self, counter: Counter) -> _Inquiry:
        inquiry = self._inquiries.get(counter)
        if inquiry is None:
            if len(self._inquiries) >= MOST_INQUIRIES:
                now = self._clock.now()
                self._inquiries = {
                    each: kept for each, kept in self._inquiries.items() if each.span.end > now
                }
            inquiry = self._inquiries[counter] = _Inquiry()
        return inquiry
