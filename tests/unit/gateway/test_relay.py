"""One call over several accounts: what is sent where, and what the caller gets."""

from asyncio import CancelledError, TaskGroup
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import msgspec
import pytest
from msgspec.structs import replace

from gateway.adapters.affinity import MemoryAffinity
from gateway.adapters.board import MemoryBoard
from gateway.adapters.budget_counters import MemoryBudgets
from gateway.adapters.slots import MemorySlots
from gateway.budgets import Budgets
from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.models import Model
from gateway.domain.protocols import Protocol
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.domain.usage.prices import Prices, Tier
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.domain.usage.tokens import Tokens
from gateway.health import Health
from gateway.metering import Metering
from gateway.plan import Planner
from gateway.ports.exchange import Exchange
from gateway.ports.shared_state import Bond
from gateway.ports.upstream import UpstreamReply, UpstreamRequest
from gateway.quota_watch import QuotaWatch
from gateway.relay import Passage, Relay
from gateway.rooms import Rooms
from gateway.seats import Seats
from gateway.stream_answers import StreamAnswer
from tests.fakes.calls import BODY, a_call, a_group, an_exchange, bound_to
from tests.fakes.clock import FakeClock, settle
from tests.fakes.gateway_ports import FakeTokens, RecordedEvents
from tests.fakes.journal import RecordedJournal
from tests.fakes.ledger import FakeLedger
from tests.fakes.shipping import Told
from tests.fakes.upstream import FakeReply, FakeUpstream
from tests.servers.gateway_front import Unknowing

pytestmark = pytest.mark.anyio
UPSTREAM_SECONDS = 2.0
GOOD = (
    b'{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"finish_reason":"stop","message":{"role":"assistant","content":"hi"}}]}'
)
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"hi"},"finish_reason":null}]}\n\n'
)
DONE = b"data: [DONE]\n\n"
ERROR_EVENT = b'data: {"error":{"code":"server_error","message":"no"}}\n\n'


@dataclass
class Reply(FakeReply):
    """One answer of upstream's; a chunk that is an error breaks it off."""

    pieces: tuple[bytes | GatewayError, ...] = (GOOD,)
    on_close: Callable[[], None] = lambda: None

    def close(self) -> None:
        super().close()
        self.on_close()


@dataclass
class Upstream(FakeUpstream):
    """Gives each account's replies in order; each takes two seconds."""

    replies: dict[str, list[Reply | GatewayError]]
    clock: FakeClock
    requests: list[UpstreamRequest] = field(default_factory=list)
    at_a_time: int = 0

    async def open(self, request: UpstreamRequest) -> UpstreamReply:
        assert self.at_a_time == 0, "two attempts at a time"
        self.requests.append(request)
        reply = self.replies[request.url.split("/")[2]].pop(0)
        await self.clock.advance(UPSTREAM_SECONDS)
        if isinstance(reply, GatewayError):
            raise reply
        self.at_a_time += 1
        reply.on_close = self._closed
        return reply

    def _closed(self) -> None:
        self.at_a_time -= 1

    @property
    def asked(self) -> list[str]:
        """The accounts, in the order in which they were asked."""
        return [request.url.split("/")[2] for request in self.requests]


@dataclass
class Taken:
    """An outlet that only keeps what comes."""

    pieces: list[bytes] = field(default_factory=list)

    def write(self, piece: bytes, is_complete: bool) -> None:
        self.pieces.append(piece)


def streamed(passage: Passage) -> StreamAnswer:
    assert isinstance(passage.answer, StreamAnswer)
    return passage.answer


class Listed(Unknowing):
    """Knows of one model at most, and asks nobody."""

    model_known: Model | None = None

    async def model(self, account: str, platform: str, model_id: str) -> Model | None:
        known = self.model_known
        return known if known is not None and known.id == model_id else None


class Office:
    """A relay over scripted accounts; an account's host is its name."""

    def __init__(self, newer: str | None = None, **replies: list[Reply | GatewayError]) -> None:
        self.clock, self.events = FakeClock(), RecordedEvents()
        self.upstream = Upstream(replies, self.clock)
        self.tokens = FakeTokens("https://nowhere", newer=newer)
        self.tokens.urls.update({name: f"https://{name}" for name in replies})
        self.slots, self.affinity = MemorySlots(), MemoryAffinity(self.clock)
        health = Health(MemoryBoard(self.clock), self.clock, self.events)
        seats = Seats(health, Rooms(self.slots), self.affinity, self.clock, self.events)
        self.journal = RecordedJournal()
        budgets = Budgets(MemoryBudgets(self.clock), FakeLedger(), self.clock, self.events)
        self.listed = Listed(self.tokens, self.upstream, self.clock)
        self.relay = Relay(
            seats,
            health,
            self.tokens,
            Planner(self.listed, self.clock, lambda: "attempt"),
            self.upstream,
            self.clock,
            self.events,
            Metering(
                self.journal, budgets, self.clock, self.events, Told(), refuses_when_full=True
            ),
            QuotaWatch(self.events),
            members=lambda _: 0,
            idle_seconds=60,
            total_seconds=100,
        )

    def exchange(self) -> Exchange:
        """A request that comes now."""
        return an_exchange(self.clock.monotonic())

    @asynccontextmanager
    async def passing(self, call: Call, exchange: Exchange | None = None) -> AsyncIterator[Passage]:
        passage = await self.relay.open(call, exchange or an_exchange(self.clock.monotonic()))
        failure = None
        try:
            yield passage
        except GatewayError as error:
            failure = error
            raise
        finally:
            self.relay.close(passage, failure)

    async def whole(self, call: Call, exchange: Exchange | None = None) -> bytes:
        async with self.passing(call, exchange) as passage:
            assert isinstance(passage.answer, bytes)
            return passage.answer

    async def stream(self, call: Call, exchange: Exchange | None = None) -> bytes:
        taken = Taken()
        async with self.passing(call, exchange) as passage:
            await streamed(passage).pour(taken)
        return b"".join(taken.pieces)

    async def fault(self, call: Call) -> Fault:
        with pytest.raises(GatewayError) as caught:
            await (self.stream(call) if call.stream else self.whole(call))
        return caught.value.fault


def refused(status: int, code: str = "", **headers: str) -> Reply:
    body = msgspec.json.encode({"error": {"code": code, "message": "x"}})
    return Reply(status, (body,), {name.replace("_", "-"): text for name, text in headers.items()})


async def test_the_callers_bytes_go_to_the_account_and_its_answer_comes_back() -> None:
    office = Office(a=[Reply()])
    call = a_call(a_group("a"))
    assert await office.whole(call) == GOOD
    assert office.upstream.requests[0].body is call.body
    assert office.upstream.requests[0].url == "https://a/chat/completions"


async def test_a_refused_token_is_renewed_and_the_same_account_asked_once_more() -> None:
    office = Office(newer="newer", a=[refused(401), Reply()], b=[])
    assert await office.whole(a_call(a_group("a", "b"))) == GOOD
    assert office.upstream.asked == ["a", "a"]
    assert office.tokens.refused == [("a", "the-token")]
    assert office.upstream.requests[1].headers["Authorization"] == "Bearer newer"
    assert office.events.moves == []


async def test_a_token_that_is_refused_twice_moves_the_request() -> None:
    office = Office(newer="newer", a=[refused(401), refused(401)], b=[Reply()])
    assert await office.whole(a_call(a_group("a", "b"))) == GOOD
    assert office.upstream.asked == ["a", "a", "b"]
    assert office.events.moves == [("team", "a", Fault.SEAT_TOKEN_REJECTED)]


async def test_without_another_token_the_request_moves_at_once() -> None:
    office = Office(a=[refused(401)], b=[Reply()])
    assert await office.whole(a_call(a_group("a", "b"))) == GOOD
    assert office.upstream.asked == ["a", "b"]


async def test_an_error_inside_a_200_moves_while_nothing_was_sent() -> None:
    for first in ((ERROR_EVENT,), (b": ping\n\n", ERROR_EVENT), (EVENT + ERROR_EVENT,)):
        office = Office(a=[Reply(pieces=first)], b=[Reply(pieces=(EVENT, DONE))])
        got = await office.stream(a_call(a_group("a", "b"), stream=True))
        assert got == EVENT + DONE
        assert office.upstream.asked == ["a", "b"]


async def test_after_the_first_event_nothing_moves() -> None:
    office = Office(a=[Reply(pieces=(EVENT, ERROR_EVENT))], b=[])
    with pytest.raises(GatewayError) as caught:
        await office.stream(a_call(a_group("a", "b"), stream=True))
    assert caught.value.fault is Fault.UPSTREAM_STREAM_ERROR
    assert office.upstream.asked == ["a"]


async def test_a_stream_that_ends_without_its_end_is_truncated() -> None:
    office = Office(a=[Reply(pieces=(EVENT,))])
    call = a_call(a_group("a"), stream=True)
    assert await office.fault(call) is Fault.UPSTREAM_TRUNCATED


async def test_a_time_out_moves_once_and_both_attempts_are_on_record() -> None:
    late = GatewayError(Fault.UPSTREAM_TIMEOUT, "late")
    office = Office(a=[late], b=[GatewayError(Fault.UPSTREAM_TIMEOUT, "late")], c=[])
    exchange = an_exchange(office.clock.monotonic())
    with pytest.raises(GatewayError) as caught:
        await office.whole(a_call(a_group("a", "b", "c")), exchange)
    assert caught.value.fault is Fault.UPSTREAM_TIMEOUT
    assert office.upstream.asked == ["a", "b"]
    assert [tried.account for tried in exchange.tried] == ["a", "b"]


async def test_the_switches_of_one_request_are_limited() -> None:
    office = Office(a=[refused(500)], b=[refused(500)], c=[refused(500)], d=[refused(500)])
    call = a_call(a_group("a", "b", "c", "d", max_switches=2))
    assert await office.fault(call) is Fault.UPSTREAM_UNAVAILABLE
    assert office.upstream.asked == ["a", "b", "c"]


async def test_no_account_is_asked_when_the_time_is_over() -> None:
    office = Office(a=[refused(500)], b=[])
    call = a_call(a_group("a", "b"))
    exchange = an_exchange(office.clock.monotonic() - 99)
    with pytest.raises(GatewayError):
        await office.whole(call, exchange)
    assert office.upstream.asked == ["a"]


@pytest.mark.parametrize("status", [400, 403, 404, 413, 422, 466])
async def test_what_every_account_would_say_moves_nothing(status: int) -> None:
    office = Office(a=[refused(status)], b=[])
    await office.fault(a_call(a_group("a", "b")))
    assert office.upstream.asked == ["a"]


async def test_the_wait_named_is_the_shortest_of_all_accounts() -> None:
    office = Office(a=[refused(429, retry_after="30")], b=[refused(429, retry_after="900")])
    with pytest.raises(GatewayError) as caught:
        await office.whole(a_call(a_group("a", "b")))
    assert caught.value.retry_after == pytest.approx(30 - UPSTREAM_SECONDS)


@pytest.mark.parametrize(("status", "seconds"), [(402, 3600), (429, 60)])
async def test_a_limit_without_a_time_has_the_time_for_which_the_account_is_set_aside(
    status: int, seconds: float
) -> None:
    office = Office(a=[refused(status)])
    with pytest.raises(GatewayError) as caught:
        await office.whole(a_call(a_group("a")))
    assert caught.value.retry_after == pytest.approx(seconds)


async def test_a_bound_key_moves_nowhere() -> None:
    office = Office(a=[refused(500)], b=[])
    call = a_call(a_group("a", "b"), key=bound_to("a"))
    assert await office.fault(call) is Fault.UPSTREAM_UNAVAILABLE
    assert office.upstream.asked == ["a"]


async def test_an_alias_is_what_upstream_is_asked_for() -> None:
    office = Office(a=[Reply()])
    group = a_group("a", aliases=(("m*", "real"),))
    await office.whole(a_call(group))
    body = office.upstream.requests[0].body
    assert body is not None
    assert msgspec.json.decode(body)["model"] == "real"


async def test_places_are_given_back_whatever_happens() -> None:
    office = Office(a=[refused(500), Reply()], b=[Reply(), refused(400)])
    group = a_group(
        GroupAccount("a", priority=0, max_concurrency=1),
        GroupAccount("b", priority=1, max_concurrency=1),
    )
    assert await office.whole(a_call(group)) == GOOD
    assert await office.fault(a_call(group)) is Fault.CALLER_REQUEST_REFUSED
    assert office.slots.taken("account:a") == office.slots.taken("account:b") == 0


async def test_a_whole_answer_that_loses_half_upstream_is_fetched_as_a_stream() -> None:
    office = Office(a=[Reply(pieces=(EVENT, EVENT.replace(b"null", b'"stop"'), DONE))])
    body = await office.whole(a_call(a_group("a"), model="claude-sonnet-4.6"))
    sent = office.upstream.requests[0].body
    assert sent is not None
    assert msgspec.json.decode(sent)["stream"] is True
    answer = msgspec.json.decode(body)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "hihi"


async def test_what_another_account_sealed_is_taken_out_of_a_history_that_moves() -> None:
    office = Office(b=[Reply()])
    body = (
        b'{"model":"m","messages":[{"role":"user","content":"a"},'
        b'{"role":"assistant","content":"b","reasoning_opaque":"sealed"},'
        b'{"role":"user","content":"c"}]}'
    )
    office.affinity.keep(b"c" * 16, Bond("gone", False))
    await office.whole(a_call(a_group("b"), body=body))
    sent = office.upstream.requests[0].body
    assert sent is not None
    assert b"sealed" not in sent
    assert b"reasoning_opaque" in body


async def test_a_history_upstream_cannot_open_is_sent_once_more_without_it() -> None:
    refusal = refused(400, "invalid_encrypted_content")
    office = Office(a=[refusal, Reply()], b=[])
    assert await office.whole(a_call(a_group("a", "b"))) == GOOD
    assert office.upstream.asked == ["a", "a"]


# --- what it cost ---

USED = b'"usage":{"prompt_tokens":9,"completion_tokens":2},"copilot_usage":{"total_nano_aiu":70}'
COST = Spent(Tokens(9, 2), 70)
GOOD_AND_COSTLY = GOOD[:-1] + b"," + USED + b"}"
USAGE_EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],'
    + USED
    + b"}\n\n"
)
FINISH = EVENT.replace(b"null", b'"stop"')
CUT_OFF = GatewayError(Fault.UPSTREAM_CUT_OFF, "cut")


async def test_what_a_whole_answer_cost_is_known_when_it_is_handed_out() -> None:
    office = Office(a=[Reply(pieces=(GOOD_AND_COSTLY,))])
    exchange = office.exchange()
    async with office.passing(a_call(a_group("a")), exchange):
        assert exchange.spent == COST
    assert (exchange.spent, exchange.attempts) == (COST, 1)


@pytest.mark.parametrize(
    ("good", "odd"), [(b'"prompt_tokens":9', b'"prompt_tokens":9.0'), (b":70", b":70.0")]
)
async def test_an_answer_with_numbers_in_another_form_goes_on_as_it_came_and_is_counted(
    good: bytes, odd: bytes
) -> None:
    body = GOOD_AND_COSTLY.replace(good, odd)
    office = Office(a=[Reply(pieces=(body,))])
    exchange = office.exchange()
    assert await office.whole(a_call(a_group("a")), exchange) == body
    assert exchange.spent == COST


async def test_an_answer_that_says_nothing_of_it_costs_nothing_known() -> None:
    office = Office(a=[Reply()])
    exchange = office.exchange()
    await office.whole(a_call(a_group("a")), exchange)
    assert exchange.spent == NOTHING


UNKNOWN = UpstreamUnreachable(Reason.CLOSED, was_sent=True)


@pytest.mark.parametrize(
    ("first", "is_unknown"),
    [
        (UNKNOWN, True),
        (CUT_OFF, True),
        (Reply(pieces=(b"<html>",)), True),
        (UpstreamUnreachable(Reason.CLOSED), False),
        (refused(503), False),
    ],
)
async def test_an_attempt_that_may_have_cost_something_is_not_forgotten_by_the_next(
    first: Reply | GatewayError, is_unknown: bool
) -> None:
    office = Office(a=[first], b=[Reply()])
    exchange = office.exchange()
    await office.whole(a_call(a_group("a", "b")), exchange)
    assert office.upstream.asked == ["a", "b"]
    assert exchange.is_cost_unknown is is_unknown


async def test_what_a_stream_cost_is_known_before_its_last_piece_goes_out() -> None:
    office = Office(a=[Reply(pieces=(EVENT, FINISH, USAGE_EVENT, DONE))])
    exchange = office.exchange()
    seen = []

    class Watching(Taken):
        def write(self, piece: bytes, is_complete: bool) -> None:
            seen.append((piece, is_complete, exchange.spent + answer.spent))

    async with office.passing(a_call(a_group("a"), stream=True), exchange) as passage:
        answer = streamed(passage)
        await answer.pour(Watching())
        assert exchange.spent == NOTHING
    assert exchange.spent == COST
    # The usage lets the end go that waited for it, so that both are one piece.
    assert seen == [
        (EVENT, False, NOTHING),
        (FINISH + USAGE_EVENT, False, COST),
        (DONE, True, COST),
    ]


async def test_a_stream_that_comes_all_at_once_is_counted_once() -> None:
    office = Office(a=[Reply(pieces=(EVENT + FINISH + USAGE_EVENT + DONE,))])
    exchange = office.exchange()
    await office.stream(a_call(a_group("a"), stream=True), exchange)
    assert exchange.spent == COST


@pytest.mark.parametrize("leaving", [CancelledError, RuntimeError])
async def test_a_stream_that_is_left_cost_what_is_known(leaving: type[BaseException]) -> None:
    office = Office(a=[Reply(pieces=(EVENT, FINISH, USAGE_EVENT, DONE))])
    exchange = office.exchange()
    call = a_call(a_group("a"), stream=True)

    class Leaving(Taken):
        def write(self, piece: bytes, is_complete: bool) -> None:
            super().write(piece, is_complete)
            if len(self.pieces) == 2:
                raise leaving

    async def leave() -> None:
        async with office.passing(call, exchange) as passage:
            await streamed(passage).pour(Leaving())

    with pytest.raises(leaving):
        await leave()
    assert exchange.spent == COST


async def test_a_stream_that_breaks_off_after_its_usage_cost_it() -> None:
    office = Office(a=[Reply(pieces=(EVENT, FINISH, USAGE_EVENT, CUT_OFF))])
    exchange = office.exchange()
    with pytest.raises(GatewayError):
        await office.stream(a_call(a_group("a"), stream=True), exchange)
    assert exchange.spent == COST


async def test_an_attempt_that_nobody_saw_cost_something_too() -> None:
    """A stream that fails before anything was handed out, then one that does not."""
    failed = Reply(pieces=(USAGE_EVENT + ERROR_EVENT,))
    office = Office(a=[failed], b=[Reply(pieces=(EVENT, USAGE_EVENT, DONE))])
    exchange = office.exchange()
    await office.stream(a_call(a_group("a", "b"), stream=True), exchange)
    assert exchange.spent == COST + COST
    assert exchange.attempts == 2


async def test_an_answer_that_is_put_together_cost_what_its_parts_said() -> None:
    cut = Reply(pieces=(EVENT, FINISH, USAGE_EVENT, CUT_OFF))
    good = Reply(pieces=(EVENT, FINISH, USAGE_EVENT, DONE))
    office = Office(a=[cut], b=[good])
    exchange = office.exchange()
    await office.whole(a_call(a_group("a", "b"), model="claude-sonnet-4.6"), exchange)
    assert exchange.spent == COST + COST


async def test_a_refusal_costs_an_attempt_and_nothing_else() -> None:
    office = Office(a=[refused(500)], b=[Reply(pieces=(GOOD_AND_COSTLY,))])
    exchange = office.exchange()
    await office.whole(a_call(a_group("a", "b")), exchange)
    assert (exchange.spent, exchange.attempts) == (COST, 2)


async def test_an_account_without_a_token_is_no_attempt() -> None:
    office = Office()
    office.tokens.error = GatewayError(Fault.SEAT_CREDENTIAL, "none")
    exchange = office.exchange()
    with pytest.raises(GatewayError):
        await office.whole(a_call(a_group("a")), exchange)
    assert exchange.attempts == 0


async def test_what_is_asked_of_upstream_is_on_record() -> None:
    prices = Prices(Tier(1, 2, 3, 4))
    office = Office(a=[Reply()])
    office.listed.model_known = Model("real", prices=prices, premium_multiplier=0.33)
    exchange = office.exchange()
    await office.whole(a_call(a_group("a", aliases=(("m*", "real"),))), exchange)
    assert exchange.served_model == "real"
    assert (exchange.prices, exchange.premium_multiplier) == (prices, 0.33)
    assert exchange.is_listed


# --- usage that the caller did not ask for ---


def unasked(group: Group, body: bytes = BODY) -> Call:
    return replace(a_call(group, stream=True, body=body), wants_usage=False)


async def test_usage_that_the_caller_did_not_ask_for_is_for_the_ledger() -> None:
    office = Office(a=[Reply(pieces=(EVENT, FINISH, USAGE_EVENT, DONE))])
    exchange = office.exchange()
    call = unasked(a_group("a"))
    assert await office.stream(call, exchange) == EVENT + FINISH + DONE
    assert exchange.spent == COST
    sent = office.upstream.requests[0].body
    assert sent is not None
    expected = {**msgspec.json.decode(BODY), "stream_options": {"include_usage": True}}
    assert msgspec.json.decode(sent) == expected


async def test_a_caller_that_wants_no_usage_is_not_overruled() -> None:
    body = BODY[:-1] + b',"stream_options":{"include_usage":false}}'
    office = Office(a=[Reply(pieces=(EVENT, FINISH, DONE))])
    await office.stream(unasked(a_group("a"), body))
    assert office.upstream.requests[0].body is body


async def test_a_caller_that_asks_for_usage_gets_every_byte() -> None:
    pieces = (EVENT, FINISH, USAGE_EVENT, DONE)
    office = Office(a=[Reply(pieces=pieces)])
    call = a_call(a_group("a"), stream=True)
    assert await office.stream(call) == b"".join(pieces)
    assert office.upstream.requests[0].body is call.body


async def test_usage_that_a_translation_reads_is_asked_for_and_comes_through() -> None:
    body = b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"a"}],"stream":true}'
    office = Office(a=[Reply(pieces=(EVENT, FINISH, USAGE_EVENT, DONE))])
    call = replace(unasked(a_group("a"), body), protocol=Protocol.MESSAGES)
    exchange = office.exchange()
    office.listed.model_known = Model("m", endpoints=frozenset({Protocol.CHAT}))
    assert b'"output_tokens":2' in await office.stream(call, exchange)
    assert exchange.spent == COST


async def test_the_waits_for_a_token_and_for_a_place_are_neither_upstreams_nor_our_own() -> None:
    office = Office(a=[Reply(), Reply()])
    group = a_group(GroupAccount("a", max_concurrency=1))
    async with TaskGroup() as tasks:
        async with office.passing(a_call(group)) as first:
            exchange = office.exchange()
            second = tasks.create_task(office.whole(a_call(group), exchange))
            await settle()
            await office.clock.advance(3.0)
            office.tokens.on_ask = lambda: office.clock.advance(1.5)
            assert first.answer == GOOD
    assert second.result() == GOOD
    assert exchange.waited_seconds == pytest.approx(3.0 + 1.5)
    assert exchange.upstream_seconds == pytest.approx(UPSTREAM_SECONDS)


async def test_the_wait_for_another_token_is_not_our_own() -> None:
    office = Office(newer="newer", a=[refused(401), Reply()])
    office.tokens.on_complaint = lambda: office.clock.advance(4.0)
    exchange = office.exchange()
    assert await office.whole(a_call(a_group("a")), exchange) == GOOD
    assert exchange.waited_seconds == pytest.approx(4.0)
