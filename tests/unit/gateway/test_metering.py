"""What is written down of a request, once, and what is made of it."""

from typing import Any

import pytest

from gateway.adapters.budget_counters import MemoryBudgets
from gateway.budgets import Budgets
from gateway.domain.api_keys import ApiKey
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.totals import Totals
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.initiator import BY_DEFAULT
from gateway.domain.usage.journal import Begun, Sent
from gateway.domain.usage.prices import Prices, Tier
from gateway.domain.usage.record import MAX_MODEL_CHARACTERS, Outcome, UsageRecord
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.domain.usage.tokens import Tokens
from gateway.metering import FULL_SECONDS, Metering, record_of
from gateway.ports.exchange import Exchange
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import RecordedEvents
from tests.fakes.journal import RecordedJournal
from tests.fakes.ledger import FakeLedger
from tests.fakes.shipping import Told
from tests.fakes.usage_records import NOVEMBER_25

pytestmark = pytest.mark.anyio

CHEAP = Prices(Tier(input=1_000_000, output=10_000_000, cached=100_000, cache_written=2_000_000))
"""Nano-AIU for a million: 1 for a token of input, 10 for one of output."""
SAID = Tokens(input=100, output=7, cached=20, cache_written=5, reasoning=3)
BUDGET = Budget(Period.DAY, requests=5)
KEY = ApiKey("bot", "team", None, None, False, budget=BUDGET)
GROUP = Group("team", "copilot", (GroupAccount("seat-1"),))
LONG = "m" * (MAX_MODEL_CHARACTERS + 50)


def an_exchange(**fields: Any) -> Exchange:
    usual: dict[str, Any] = {
        "key": "bot",
        "group": "team",
        "platform": "copilot",
        "model": "gpt-5",
        "served_model": "gpt-5-2026",
        "account": "seat-1",
        "served_by": "team",
        "verdict": BY_DEFAULT,
    }
    return Exchange("r-1", "/v1/chat/completions", 1_000.0, **{**usual, **fields})


class Bench:
    """The use case with all that it needs."""

    def __init__(self, *, refuses_when_full: bool = True) -> None:
        self.clock = FakeClock(now=NOVEMBER_25)
        self.journal, self.events, self.told = RecordedJournal(), RecordedEvents(), Told()
        counters = MemoryBudgets(self.clock)
        self.budgets = Budgets(counters, FakeLedger(), self.clock, self.events)
        self.metering = Metering(
            self.journal,
            self.budgets,
            self.clock,
            self.events,
            self.told,
            refuses_when_full=refuses_when_full,
        )

    async def admitted(self, exchange: Exchange) -> Exchange:
        exchange.reservation = await self.budgets.admit(KEY, GROUP, exchange.time)
        return exchange

    async def used(self) -> Totals:
        (standing,) = await self.budgets.standing(KEY, GROUP)
        assert standing.used is not None
        return standing.used


# --- once -----------------------------------------------------------------------------------------


async def test_a_request_leaves_its_beginning_each_attempt_and_one_end() -> None:
    bench, exchange = Bench(), an_exchange(caller_request_id="mine")
    bench.metering.begin(exchange)
    bench.metering.send(exchange)
    bench.metering.send(exchange)
    await bench.clock.advance(2.0)
    exchange.status = 200
    bench.metering.end(exchange)
    begun, first, second, record = bench.journal.lines
    assert isinstance(begun, Begun)
    assert (begun.request_id, begun.time, begun.caller_request_id) == ("r-1", NOVEMBER_25, "mine")
    assert isinstance(first, Sent)
    assert isinstance(second, Sent)
    assert (first.attempts, second.attempts, second.served_model) == (1, 2, "gpt-5-2026")
    assert isinstance(record, UsageRecord)
    assert (record.attempts, record.duration_seconds, record.outcome) == (2, 2.0, "complete")
    assert bench.events.records == [record]


async def test_after_its_end_nothing_changes_its_record() -> None:
    bench, exchange = Bench(), an_exchange(status=200)
    bench.metering.begin(exchange)
    bench.metering.end(exchange, Outcome.COMPLETE)
    bench.metering.end(exchange, Outcome.CLIENT_GONE)
    bench.metering.end(exchange)
    assert [record.outcome for record in bench.journal.records] == ["complete"]
    assert len(bench.events.records) == 1


async def test_without_a_beginning_there_is_no_end() -> None:
    bench, exchange = Bench(), an_exchange(status=401, fault="caller_key_unknown")
    bench.metering.end(exchange)
    assert bench.journal.lines == []
    assert bench.events.records == []


async def test_a_reservation_is_settled_once() -> None:
    bench, exchange = Bench(), an_exchange(spent=Spent(SAID, 1234), status=200)
    bench.metering.begin(exchange)
    await bench.admitted(exchange)
    bench.metering.send(exchange)
    bench.metering.end(exchange)
    bench.metering.end(exchange)
    assert exchange.reservation is None
    assert await bench.used() == Totals(reserved=1, tokens=107, nano_aiu=1234)


async def test_what_was_not_served_gives_its_place_back_once() -> None:
    bench = Bench()
    exchange = an_exchange(status=503, fault=Fault.UPSTREAM_UNAVAILABLE.value)
    bench.metering.begin(exchange)
    await bench.admitted(exchange)
    bench.metering.send(exchange)
    bench.metering.end(exchange)
    bench.metering.end(exchange)
    assert await bench.used() == Totals(reserved=1, released=1)


async def test_what_an_answer_has_cost_so_far_is_added() -> None:
    bench, exchange = Bench(), an_exchange(spent=Spent(SAID, 1000), stream=True)
    bench.metering.begin(exchange)
    bench.metering.send(exchange)
    bench.metering.end(exchange, Outcome.COMPLETE, Spent(Tokens(input=1, output=2), 34))
    (record,) = bench.journal.records
    assert (record.input_tokens, record.output_tokens, record.nano_aiu) == (101, 9, 1034)
    assert (record.status, record.stream) == (200, True)


# --- a journal without room -----------------------------------------------------------------------


async def test_without_room_a_request_is_refused_and_asked_to_come_again() -> None:
    bench, exchange = Bench(), an_exchange()
    bench.journal.has_room = False
    with pytest.raises(GatewayError) as caught:
        bench.metering.begin(exchange)
    error = caught.value
    assert (error.fault, error.retry_after) == (Fault.GATEWAY_JOURNAL_FULL, FULL_SECONDS)
    bench.metering.end(exchange)
    assert bench.journal.lines == []
    assert bench.told.dropped == 0


async def test_without_room_a_request_that_is_served_is_settled_once_all_the_same() -> None:
    bench, exchange = Bench(refuses_when_full=False), an_exchange(status=200)
    bench.journal.has_room = False
    bench.metering.begin(exchange)
    await bench.admitted(exchange)
    bench.metering.send(exchange)
    exchange.spent = Spent(SAID, 1234)
    bench.metering.end(exchange)
    bench.metering.end(exchange)
    assert bench.journal.lines == []
    assert bench.told.dropped == 1
    assert await bench.used() == Totals(reserved=1, tokens=107, nano_aiu=1234)
    assert [record.nano_aiu for record in bench.events.records] == [1234]


async def test_room_that_comes_later_is_the_next_requests() -> None:
    """Half a request is not written down: its end without a beginning would be nobody's."""
    bench, exchange = Bench(refuses_when_full=False), an_exchange(status=200)
    bench.journal.has_room = False
    bench.metering.begin(exchange)
    bench.journal.has_room = True
    bench.metering.send(exchange)
    bench.metering.end(exchange)
    assert bench.journal.lines == []
    assert exchange.attempts == 1


# --- the record -----------------------------------------------------------------------------------


def of(spent: Spent = NOTHING, outcome: Outcome = Outcome.COMPLETE, **fields: Any) -> UsageRecord:
    return record_of(an_exchange(**fields), outcome, spent, 1.5)


def test_what_upstream_charges_is_taken_as_it_is_said() -> None:
    record = of(Spent(SAID, 1234), prices=CHEAP)
    assert (record.nano_aiu, record.credits_source) == (1234, "upstream")
    free = of(Spent(SAID, 0), prices=CHEAP)
    assert (free.nano_aiu, free.credits_source) == (0, "upstream"), "for nothing is said too"


def test_only_where_upstream_says_nothing_its_prices_stand_in() -> None:
    record = of(Spent(SAID), prices=CHEAP)
    assert (record.nano_aiu, record.credits_source) == (75 + 2 + 10 + 70, "catalogue")


@pytest.mark.parametrize(
    ("spent", "prices"), [(Spent(SAID), None), (NOTHING, CHEAP), (Spent(Tokens()), CHEAP)]
)
def test_of_what_nobody_knows_nothing_is_made_up(spent: Spent, prices: Prices | None) -> None:
    record = of(spent, prices=prices)
    assert (record.nano_aiu, record.credits_source) == (None, "")


def test_every_field_of_a_record_is_the_exchanges_own() -> None:
    exchange = an_exchange(
        time=NOVEMBER_25,
        caller_request_id="mine",
        served_by="fallback",
        stream=True,
        status=502,
        fault="upstream_truncated",
        premium_multiplier=0.33,
        attempts=2,
        first_byte_seconds=0.5,
    )
    assert record_of(exchange, Outcome.TRUNCATED, Spent(SAID, 1234), 1.5) == UsageRecord(
        request_id="r-1",
        time=NOVEMBER_25,
        key_id="bot",
        group_id="team",
        endpoint="/v1/chat/completions",
        outcome="truncated",
        caller_request_id="mine",
        served_group_id="fallback",
        account_id="seat-1",
        platform="copilot",
        requested_model="gpt-5",
        served_model="gpt-5-2026",
        initiator=BY_DEFAULT.initiator.value,
        initiator_rule=BY_DEFAULT.rule.value,
        stream=True,
        status=502,
        fault="upstream_truncated",
        is_partial=True,
        input_tokens=100,
        output_tokens=7,
        cached_tokens=20,
        cache_write_tokens=5,
        reasoning_tokens=3,
        nano_aiu=1234,
        credits_source="upstream",
        premium_multiplier=0.33,
        attempts=2,
        first_byte_seconds=0.5,
        duration_seconds=1.5,
    )


def test_so_is_every_field_of_what_is_written_before_the_end() -> None:
    bench = Bench()
    exchange = an_exchange(caller_request_id="mine", served_by="fallback", stream=True)
    exchange.premium_multiplier = 0.33
    bench.metering.begin(exchange)
    bench.metering.send(exchange)
    begun, sent = bench.journal.lines
    assert begun == Begun(
        request_id="r-1",
        time=NOVEMBER_25,
        key_id="bot",
        group_id="team",
        platform="copilot",
        endpoint="/v1/chat/completions",
        caller_request_id="mine",
    )
    assert sent == Sent(
        request_id="r-1",
        account_id="seat-1",
        served_group_id="fallback",
        platform="copilot",
        requested_model="gpt-5",
        served_model="gpt-5-2026",
        initiator=BY_DEFAULT.initiator.value,
        initiator_rule=BY_DEFAULT.rule.value,
        stream=True,
        attempts=1,
        premium_multiplier=0.33,
    )


def test_every_kind_of_token_has_its_column() -> None:
    record = of(Spent(SAID))
    assert (record.input_tokens, record.output_tokens, record.reasoning_tokens) == (100, 7, 3)
    assert (record.cached_tokens, record.cache_write_tokens) == (20, 5)


@pytest.mark.parametrize("multiplier", [None, 0.0, 0.33, 1.0])
def test_the_multiplier_is_the_models_and_0_is_one(multiplier: float | None) -> None:
    assert of(premium_multiplier=multiplier).premium_multiplier == multiplier


def test_a_models_name_is_kept_up_to_a_length() -> None:
    record = of(model=LONG, served_model="s" + LONG)
    assert record.requested_model == LONG[:MAX_MODEL_CHARACTERS]
    assert record.served_model == ("s" + LONG)[:MAX_MODEL_CHARACTERS]


def test_so_it_is_where_it_was_sent_upstream() -> None:
    bench, exchange = Bench(), an_exchange(model=LONG, served_model=LONG)
    exchange.is_metered = True
    bench.metering.send(exchange)
    (sent,) = bench.journal.lines
    assert isinstance(sent, Sent)
    assert sent.requested_model == sent.served_model == LONG[:MAX_MODEL_CHARACTERS]


def test_a_request_that_was_refused_before_it_was_judged_has_no_initiator() -> None:
    record = of(outcome=Outcome.REFUSED, verdict=None, status=400, fault="caller_body_invalid")
    assert (record.initiator, record.initiator_rule) == ("", "")
    assert (record.outcome, record.status, record.is_partial) == ("refused", 400, False)


@pytest.mark.parametrize(
    ("outcome", "fields", "is_partial"),
    [
        (Outcome.COMPLETE, {"attempts": 2, "spent": Spent(SAID)}, False),
        (Outcome.COMPLETE, {"attempts": 2, "spent": Spent(SAID), "is_cost_unknown": True}, True),
        (Outcome.COMPLETE, {"attempts": 1, "spent": Spent(nano_aiu=0)}, False),
        (Outcome.COMPLETE, {"attempts": 1}, True),
        (Outcome.COMPLETE, {"attempts": 0}, False),
        (Outcome.CLIENT_GONE, {"attempts": 1}, True),
        (Outcome.CLIENT_GONE, {"attempts": 0}, False),
        (Outcome.UNAVAILABLE, {"attempts": 1, "fault": "upstream_timeout"}, True),
        (Outcome.UNAVAILABLE, {"attempts": 1, "fault": "upstream_unavailable"}, False),
        (Outcome.UNAVAILABLE, {"attempts": 1, "fault": "seat_busy", "is_cost_unknown": True}, True),
    ],
)
def test_it_is_partial_when_upstream_may_have_charged_more(
    outcome: Outcome, fields: dict[str, Any], is_partial: bool
) -> None:
    assert of(outcome=outcome, **fields).is_partial is is_partial


def test_an_answer_that_is_still_being_written_has_the_status_it_began_with() -> None:
    """A stream's record comes before its end, and so before the access log knows a status."""
    assert of().status == 200
    assert of(outcome=Outcome.CLIENT_GONE).status == 0
    assert of(outcome=Outcome.CLIENT_GONE, status=499).status == 499


def test_a_group_of_its_own_and_the_one_that_served_are_told_apart() -> None:
    record = of(served_by="fallback", account="other-seat")
    assert (record.group_id, record.served_group_id) == ("team", "fallback")
    assert record.account_id == "other-seat"
