"""Keys' and groups' budgets: who is let through, what is settled, and what the ledger is asked."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from gateway import budgets as module
from gateway.adapters.budget_counters import MemoryBudgets
from gateway.budgets import Budgets
from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.reservation import Reservation
from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, Finding
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.usage.record import UsageRecord
from gateway.ports.usage import Spending
from tests.fakes.clock import FakeClock, settle
from tests.fakes.gateway_ports import RecordedEvents
from tests.fakes.ledger import FakeLedger

pytestmark = pytest.mark.anyio

NOON = 1_795_608_000.0
"""2026-11-25T12:00:00Z."""
HOUR = 3600.0
KEY = ApiKey("ci-bot", "team", None, None, False)
GROUP = Group("team", "copilot", (GroupAccount("seat-1"),))
BOT, TEAM = Holder(HolderKind.KEY, "ci-bot"), Holder(HolderKind.GROUP, "team")
THREE = Budget(Period.DAY, requests=3)


class SlowLedger(FakeLedger):
    """Answers when it is let; forgets to when it hangs."""

    def __init__(self, *records: UsageRecord) -> None:
        super().__init__(*records)
        self.may_answer = asyncio.Event()

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        found = await super().key_spending(key_id, since, until)
        await self.may_answer.wait()
        return found


class Counters(MemoryBudgets):
    """Counters that can be lost, and that may not be able to ask the others."""

    lost: frozenset[Counter] = frozenset()
    seeds: int = 0
    is_alone = False

    async def take(self, claims: Sequence[Claim]) -> Answer:
        if self.is_alone:
            return Answer((Finding.UNCHECKED,) * len(claims), False)
        if any(claim.counter in self.lost and not claim.trusts_missing for claim in claims):
            return Answer((Finding.MISSING,) * len(claims), False)
        return await super().take(claims)

    async def seed(self, counter: Counter, spent: Totals) -> None:
        self.seeds += 1
        await super().seed(counter, spent)


class Bench:
    """The use case with all that it needs."""

    def __init__(self, ledger: FakeLedger | None = None) -> None:
        self.clock = FakeClock(now=NOON)
        self.counters = Counters(self.clock)
        self.ledger = ledger or FakeLedger()
        self.events = RecordedEvents()
        self.budgets = Budgets(self.counters, self.ledger, self.clock, self.events)

    async def admit(self, key: Budget | None = None, group: Budget | None = None) -> Reservation:
        found = await self.budgets.admit(replace(KEY, budget=key), replace(GROUP, budget=group))
        assert found is not None
        return found

    async def refused(self, key: Budget | None = None, group: Budget | None = None) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            await self.admit(key, group)
        return caught.value

    async def used(self, key: Budget) -> Totals | None:
        (standing,) = await self.budgets.standing(replace(KEY, budget=key), GROUP)
        return standing.used


def record(**fields: Any) -> UsageRecord:
    usual: dict[str, Any] = {
        "request_id": "r-1",
        "time": NOON,
        "key_id": "ci-bot",
        "group_id": "team",
        "endpoint": "/v1/messages",
        "outcome": "complete",
        "attempts": 1,
    }
    return UsageRecord(**{**usual, **fields})


def records(count: int, **fields: Any) -> list[UsageRecord]:
    return [record(request_id=f"r-{number}", **fields) for number in range(count)]


class TestAdmission:
    """Who is let through."""

    async def test_without_a_budget_nothing_is_waited_for(self) -> None:
        bench = Bench()
        admitting = bench.budgets.admit(KEY, GROUP)
        with pytest.raises(StopIteration) as ended:
            admitting.send(None)
        assert ended.value.value is None
        bench.budgets.settle(None, record())
        assert await bench.budgets.standing(KEY, GROUP) == ()
        assert bench.ledger.asked == []

    async def test_as_many_as_the_budget_has(self) -> None:
        bench = Bench()
        for _ in range(3):
            await bench.admit(THREE)
        error = await bench.refused(THREE)
        assert error.fault is Fault.POLICY_BUDGET
        assert "the key 'ci-bot', 3 requests a day" in error.message
        assert "2026-11-26T00:00:00Z" in error.message
        assert error.retry_after == 12 * HOUR
        assert bench.events.over == [(BOT, "requests", False)]

    async def test_the_groups_keys_share_its_budget(self) -> None:
        bench = Bench()
        for name in ("a", "b", "c"):
            key, group = replace(KEY, id=name), replace(GROUP, budget=THREE)
            await bench.budgets.admit(key, group)
        error = await bench.refused(Budget(Period.DAY, requests=9), THREE)
        assert "the group 'team'" in error.message
        assert bench.events.over == [(TEAM, "requests", False)]
        assert await bench.used(Budget(Period.DAY, requests=9)) == Totals(0)

    async def test_a_reservation_names_where_it_was_counted(self) -> None:
        reservation = await Bench().admit(THREE, Budget(Period.MONTH, tokens=9))
        assert [(each.holder, each.span.name) for each in reservation.counters] == [
            (BOT, "2026-11-25"),
            (TEAM, "2026-11"),
        ]

    async def test_a_new_day_begins_anew(self) -> None:
        bench = Bench()
        for _ in range(3):
            await bench.admit(THREE)
        await bench.clock.advance(12 * HOUR - 1)
        assert (await bench.refused(THREE)).retry_after == 1.0
        await bench.clock.advance(1)
        await bench.admit(THREE)

    async def test_what_is_in_shadow_is_reported_and_let_through(self) -> None:
        bench = Bench()
        for _ in range(5):
            await bench.admit(replace(THREE, is_shadow=True))
        assert bench.events.over == [(BOT, "requests", True)] * 2

    async def test_what_is_in_shadow_is_not_to_blame_for_anothers_refusal(self) -> None:
        bench = Bench()
        shadow = replace(THREE, requests=1, is_shadow=True)
        await bench.admit(shadow, Budget(Period.DAY, requests=1))
        await bench.refused(shadow, Budget(Period.DAY, requests=1))
        assert bench.events.over == [(TEAM, "requests", False)]


class TestSettling:
    """What a request turns out to have used."""

    async def test_tokens_and_credits_are_counted_at_its_end(self) -> None:
        bench = Bench()
        budget = Budget(Period.DAY, tokens=100, nano_aiu=10**9)
        reservation = await bench.admit(budget)
        bench.budgets.settle(
            reservation,
            record(input_tokens=60, output_tokens=39, cached_tokens=50, nano_aiu=7),
        )
        assert await bench.used(budget) == Totals(1, 0, 99, 7)
        bench.budgets.settle(await bench.admit(budget), record(output_tokens=1))
        assert "100 tokens" in (await bench.refused(budget)).message

    async def test_what_was_never_answered_counts_as_no_request(self) -> None:
        bench = Bench()
        for fields in ({"attempts": 0}, {"outcome": "unavailable"}, {"outcome": "refused"}):
            bench.budgets.settle(await bench.admit(THREE), record(**fields))
        assert await bench.used(THREE) == Totals(3, 3)
        for _ in range(3):
            bench.budgets.settle(await bench.admit(THREE), record(outcome="client_gone"))
        await bench.refused(THREE)

    async def test_it_is_settled_where_it_was_counted(self) -> None:
        bench = Bench()
        budget = Budget(Period.DAY, tokens=10)
        reservation = await bench.admit(budget)
        await bench.clock.advance(13 * HOUR)
        bench.budgets.settle(reservation, record(input_tokens=10))
        await bench.admit(budget)
        assert await bench.used(budget) == Totals(1)

    async def test_those_under_way_together_exceed_by_no_more_than_themselves(self) -> None:
        bench = Bench()
        budget = Budget(Period.DAY, tokens=10)
        under_way = [await bench.admit(budget) for _ in range(4)]
        for each in under_way:
            bench.budgets.settle(each, record(input_tokens=10))
        await bench.refused(budget)
        assert await bench.used(budget) == Totals(4, 0, 40)


class TestRebuilding:
    """A counter that is not whole begins with what the ledger says."""

    async def test_after_a_restart_what_was_used_is_still_used(self) -> None:
        bench = Bench(FakeLedger(*records(2), record(request_id="uncounted", attempts=0)))
        await bench.admit(THREE)
        await bench.refused(THREE)
        day = 1_795_564_800.0
        assert bench.ledger.asked == [("ci-bot", day, day + 24 * HOUR)]

    async def test_the_groups_budget_is_asked_for_all_of_its_keys(self) -> None:
        bench = Bench(FakeLedger(*records(3, key_id="another")))
        month = Budget(Period.MONTH, requests=3)
        await bench.refused(group=month)
        assert [who for who, *_ in bench.ledger.asked] == ["team"]

    async def test_those_who_wait_share_one_question(self) -> None:
        ledger = SlowLedger(*records(2))
        bench = Bench(ledger)
        async with asyncio.TaskGroup() as tasks:
            asking = [tasks.create_task(_outcome(bench, THREE)) for _ in range(10)]
            await settle()
            assert len(ledger.asked) == 1
            ledger.may_answer.set()
        assert [task.result() for task in asking].count(None) == 1
        assert len(ledger.asked) == 1

    async def test_who_asks_and_leaves_lets_the_next_one_ask(self) -> None:
        ledger = SlowLedger(*records(2))
        bench = Bench(ledger)
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(_outcome(bench, THREE))
            await settle()
            second = tasks.create_task(_outcome(bench, THREE))
            await settle()
            first.cancel()
            ledger.may_answer.set()
        assert second.result() is None
        assert len(ledger.asked) == 2
        assert await bench.used(THREE) == Totals(3)

    async def test_a_budget_without_a_ledger_allows_if_it_says_so(self) -> None:
        bench = Bench()
        bench.ledger.is_down = True
        for _ in range(3):
            await bench.admit(THREE)
        # What is known here counts all the same.
        assert (await bench.refused(THREE)).fault is Fault.POLICY_BUDGET

    async def test_and_refuses_if_it_says_so(self) -> None:
        bench = Bench()
        bench.ledger.is_down = True
        error = await bench.refused(replace(THREE, refuses_unknown=True))
        assert (error.fault, error.retry_after) == (Fault.POLICY_BUDGET_UNKNOWN, 5.0)
        assert bench.events.over == []
        await bench.admit(replace(THREE, refuses_unknown=True, is_shadow=True))

    async def test_a_question_that_failed_is_not_repeated_for_a_while(self) -> None:
        bench = Bench()
        bench.ledger.is_down = True
        await bench.admit(THREE)
        await bench.admit(THREE)
        assert len(bench.ledger.asked) == 1
        await bench.clock.advance(4.9)
        await bench.admit(THREE)
        assert len(bench.ledger.asked) == 1
        bench.ledger.is_down = False
        await bench.clock.advance(0.2)
        await bench.refused(THREE)
        assert len(bench.ledger.asked) == 1, "what is used up needs no question"
        await bench.admit(replace(THREE, requests=4))
        assert len(bench.ledger.asked) == 2

    async def test_a_ledger_that_hangs_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "LEDGER_SECONDS", 0.01)
        bench = Bench(SlowLedger())
        await bench.admit(THREE)
        error = await bench.refused(replace(THREE, refuses_unknown=True))
        assert error.fault is Fault.POLICY_BUDGET_UNKNOWN

    async def test_what_is_forbidden_anyhow_asks_nobody(self) -> None:
        bench = Bench()
        one = Budget(Period.DAY, requests=1)
        await bench.admit(one)
        asked = len(bench.ledger.asked)
        await bench.refused(one, THREE)
        assert len(bench.ledger.asked) == asked

    async def test_a_store_that_is_emptied_again_and_again_ends_somewhere(self) -> None:
        bench = Bench()
        counters = (await bench.admit(THREE)).counters
        bench.counters.lost = frozenset(counters)
        await bench.admit(THREE)
        unknown = await bench.refused(replace(THREE, refuses_unknown=True))
        assert unknown.fault is Fault.POLICY_BUDGET_UNKNOWN

    async def test_without_the_others_it_is_not_the_ledger_that_is_asked(self) -> None:
        bench = Bench()
        bench.counters.is_alone = True
        error = await bench.refused(replace(THREE, refuses_unknown=True))
        assert error.fault is Fault.POLICY_BUDGET_UNKNOWN
        assert bench.ledger.asked == []

    async def test_what_was_asked_about_long_ago_is_forgotten(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_INQUIRIES", 5)
        bench = Bench()
        for _ in range(20):
            await bench.admit(THREE)
            await bench.clock.advance(24 * HOUR)
        assert len(bench.budgets._inquiries._inquiries) <= 5


class TestRates:
    """Budgets of a minute."""

    KEY = replace(KEY, rate=Rate(requests_per_minute=2, tokens_per_minute=100))

    async def test_as_many_as_a_minute_has_and_the_ledger_is_not_asked(self) -> None:
        bench = Bench()
        await bench.clock.advance(22.5)
        for left in (1, 0):
            found = await bench.budgets.admit(self.KEY, GROUP)
            assert found is not None
            assert found.rate is not None
            assert 2 - found.rate.used.requests == left
            assert (found.rate.resets_at, found.rate.resets_in) == (NOON + 60, 37.5)
        error = await _refused(bench, self.KEY)
        assert (error.fault, error.retry_after) == (Fault.POLICY_RATE, 37.5)
        assert error.rate is not None
        assert error.rate.used == Totals(2)
        assert bench.ledger.asked == []
        assert bench.events.over == [], "that is of budgets"
        await bench.clock.advance(37.5)
        await bench.budgets.admit(self.KEY, GROUP)

    async def test_each_key_has_its_own(self) -> None:
        bench = Bench()
        for name in ("a", "b", "c"):
            for _ in range(2):
                await bench.budgets.admit(replace(self.KEY, id=name), GROUP)
            await _refused(bench, replace(self.KEY, id=name))

    async def test_a_key_without_one_measure_is_not_limited_by_it(self) -> None:
        bench = Bench()
        key = replace(KEY, rate=Rate(None, None))
        assert await bench.budgets.admit(key, GROUP) is None
        tokens_only = replace(KEY, rate=Rate(None, 10))
        for _ in range(5):
            await bench.budgets.admit(tokens_only, GROUP)

    async def test_tokens_are_known_at_the_end(self) -> None:
        bench = Bench()
        reservation = await bench.budgets.admit(self.KEY, GROUP)
        bench.budgets.settle(reservation, record(input_tokens=60, output_tokens=40))
        error = await _refused(bench, self.KEY)
        assert "100 tokens a minute" in error.message
        await bench.clock.advance(60)
        await bench.budgets.admit(self.KEY, GROUP)

    async def test_what_takes_longer_than_a_minute_is_of_the_one_it_ends_in(self) -> None:
        bench = Bench()
        reservation = await bench.budgets.admit(self.KEY, GROUP)
        await bench.clock.advance(130)
        bench.budgets.settle(reservation, record(input_tokens=100))
        assert "100 tokens a minute" in (await _refused(bench, self.KEY)).message
        (standing,) = await bench.budgets.standing(self.KEY, GROUP)
        assert (standing.used, standing.span.start) == (Totals(tokens=100), NOON + 120)

    async def test_a_place_that_is_given_back_is_given_back_in_its_own_minute(self) -> None:
        bench = Bench()
        for _ in range(2):
            reservation = await bench.budgets.admit(self.KEY, GROUP)
            bench.budgets.settle(reservation, record(attempts=0))
        late = await bench.budgets.admit(self.KEY, GROUP)
        await bench.clock.advance(60)
        await bench.budgets.admit(self.KEY, GROUP)
        bench.budgets.settle(late, record(attempts=0))
        (standing,) = await bench.budgets.standing(self.KEY, GROUP)
        assert standing.used == Totals(1)

    async def test_a_budget_that_is_used_up_takes_no_place_in_the_minute(self) -> None:
        bench = Bench()
        key = replace(self.KEY, budget=replace(THREE, requests=1))
        await bench.budgets.admit(key, GROUP)
        error = await _refused(bench, key)
        assert error.fault is Fault.POLICY_BUDGET
        assert error.rate is not None
        assert error.rate.used == Totals(1)

    async def test_who_is_too_fast_uses_nothing_of_the_budget_and_asks_nobody(self) -> None:
        bench = Bench()
        key = replace(self.KEY, budget=THREE)
        for _ in range(2):
            await bench.budgets.admit(key, GROUP)
        asked = len(bench.ledger.asked)
        assert (await _refused(bench, key)).fault is Fault.POLICY_RATE
        mine, rate = await bench.budgets.standing(key, GROUP)
        assert (mine.used, rate.used, len(bench.ledger.asked)) == (Totals(2), Totals(2), asked)

    async def test_a_budgets_question_to_the_ledger_counts_one_place_once(self) -> None:
        bench = Bench(FakeLedger(*records(2)))
        key = replace(self.KEY, budget=THREE)
        await bench.budgets.admit(key, GROUP)
        (_, rate) = await bench.budgets.standing(key, GROUP)
        assert rate.used == Totals(1)

    async def test_a_budget_is_used_in_the_period_in_which_a_request_came(self) -> None:
        """As in the ledger; only a minute is too short to come in."""
        bench = Bench()
        key = replace(self.KEY, budget=THREE)
        found = await bench.budgets.admit(key, GROUP, NOON - 86_400)
        assert found is not None
        day, minute = (counter.span for counter in found.counters)
        assert day.end == NOON - 43_200
        assert minute.start <= NOON < minute.end

    async def test_who_holds_back_bodies_uses_no_minute_that_is_over(self) -> None:
        """Which is forgotten, and would be there anew for each of them."""
        bench = Bench()
        await bench.clock.advance(3600)
        for came in (NOON + 59, NOON + 119):
            found = await bench.budgets.admit(self.KEY, GROUP, came)
            assert found is not None
            assert found.rate is not None
            assert (found.rate.resets_at, found.rate.resets_in) == (NOON + 3660, 60.0)
        with pytest.raises(GatewayError) as caught:
            await bench.budgets.admit(self.KEY, GROUP, NOON + 179)
        assert caught.value.fault is Fault.POLICY_RATE


class TestStanding:
    """What a key's owner is shown."""

    async def test_both_budgets_are_shown_with_what_was_used(self) -> None:
        bench = Bench(FakeLedger(*records(2, input_tokens=5)))
        month = Budget(Period.MONTH, tokens=9)
        key, group = replace(KEY, budget=THREE), replace(GROUP, budget=month)
        mine, ours = await bench.budgets.standing(key, group)
        assert (mine.holder, mine.budget, mine.span.name) == (BOT, THREE, "2026-11-25")
        assert (ours.holder, ours.budget, ours.span.name) == (TEAM, month, "2026-11")
        assert mine.used == ours.used == Totals(2, 0, 10)

    async def test_what_nobody_can_tell_is_not_made_up(self) -> None:
        bench = Bench()
        bench.ledger.is_down = True
        assert await bench.used(THREE) is None


async def _refused(bench: Bench, key: ApiKey) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        await bench.budgets.admit(key, GROUP)
    return caught.value


async def _outcome(bench: Bench, budget: Budget) -> Fault | None:
    try:
        await bench.admit(budget)
    except GatewayError as error:
        return error.fault
    return None
