"""USE CASE: one inference request, from account to account, up to the first event of an answer.

seat → token → upstream → judge → the same seat again, the next one, or the caller's error. Knows
no HTTP server and no client library. Nothing has gone to the caller before an answer is handed
out, so until then every failure may still be made good (docs/decisions/0014).
"""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TypeVar

from gateway.answers import assemble, read_whole, refusal_of
from gateway.domain import failover
from gateway.domain.call import Call
from gateway.domain.errors import GatewayError
from gateway.domain.failover import Action, Journey
from gateway.domain.usage.outcomes import leaves_cost_unknown
from gateway.domain.usage.reading import Meter
from gateway.health import Attempt, Health
from gateway.metering import Metering
from gateway.plan import Plan, Planner
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.exchange import Exchange, Tried
from gateway.ports.tokens import AccountToken, TokenProvider
from gateway.ports.upstream import Upstream, UpstreamReply, UpstreamRequest
from gateway.quota_watch import QuotaWatch
from gateway.search import Search, Seat
from gateway.seats import Seats
from gateway.stream_answers import StreamAnswer, open_stream

Answer = StreamAnswer | bytes
"""A whole one as its body."""
AT_THE_START = Journey()

T = TypeVar("T")


class Passage:
    """One call's way over the accounts, and the answer it has led to.

    Whoever has it gives it back to `Relay.close`.
    """

    __slots__ = (
        "answer", "call", "deadline", "exchange", "journey", "reply", "search", "seat", "span",
        "token",
    )  # fmt: skip

    answer: Answer

    def __init__(self, call: Call, exchange: Exchange, deadline: float) -> None:
        self.call = call
        self.search = Search(call)
        self.exchange = exchange
        self.deadline = deadline
        self.seat: Seat | None = None
        self.token: AccountToken | None = None
        """What to use instead of asking for one: the seat's token was just renewed."""
        self.journey = AT_THE_START
        self.reply: UpstreamReply | None = None
        self.span: AbstractContextManager[UpstreamRequest] | None = None
        """Of the present attempt, where there are traces."""


class Relay:
    """Sends calls upstream.

    members: how many keys a group has that the configuration does not know.
    """

    def __init__(
        self,
        seats: Seats,
        health: Health,
        tokens: TokenProvider,
        planner: Planner,
        upstream: Upstream,
        clock: Clock,
        events: GatewayEvents,
        metering: Metering,
        quotas: QuotaWatch,
        *,
        members: Callable[[str], int],
        idle_seconds: float,
        total_seconds: float,
    ) -> None:
        self._seats = seats
        self._health = health
        self._tokens = tokens
        self._planner = planner
        self._upstream = upstream
        self._clock = clock
        self._events = events
        self._metering = metering
        self._quotas = quotas
        self._members = members
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds

    async def open(self, call: Call, exchange: Exchange) -> Passage:
        """The way to the answer of a call, once there is one that may be handed out.

        Raises GatewayError for everything that is no success.

        `exchange.spent` is what all attempts cost that are over, failed ones too; of a whole answer
        it is all there when that is handed out. What a stream costs that is handed out is added by
        `close`; before, the sum of both is what is known.
        """
        passage = Passage(call, exchange, exchange.started + self._total_seconds)
        self._health.asked(call.group.id)
        try:
            while True:
                seat = passage.seat or await self._sit(passage)
                try:
                    passage.answer = await self._attempt(passage, seat)
                except GatewayError as error:
                    if exchange.trace is not None:
                        exchange.trace.failed(error.fault)
                    self._end_attempt(passage)
                    await self._go_on(passage, seat, error)
                else:
                    self._health.succeeded(seat.account.id, seat.group.platform)
                    return passage
        except BaseException:
            self._end_attempt(passage)
            self._leave(passage)
            raise

    def close(self, passage: Passage, error: GatewayError | None = None) -> None:
        """End the upstream request, finished or not, and give the account's place back.

        error: what the answer raised while it was being read, which is the account's failure too:
        after the commit point nothing can be made good, but it counts.
        """
        exchange = passage.exchange
        if error is not None:
            if exchange.trace is not None:
                exchange.trace.failed(error.fault)
            self._blame(passage, passage.seat, error)
        if isinstance(passage.answer, StreamAnswer):
            exchange.spent += passage.answer.spent
        self._end_attempt(passage)
        self._leave(passage)

    async def _sit(self, passage: Passage) -> Seat:
        search, exchange = passage.search, passage.exchange
        seat = passage.seat = await self._seats.find(search)
        exchange.waited_seconds += search.waited_seconds
        search.waited_seconds = 0.0
        exchange.account = seat.account.id
        exchange.served_by = seat.group.id
        exchange.platform = seat.group.platform
        if seat.has_foreign_state is not passage.journey.stripped:
            passage.journey = replace(passage.journey, stripped=seat.has_foreign_state)
        return seat

    # --- one attempt ---

    async def _attempt(self, passage: Passage, seat: Seat) -> Answer:
        """Upstream's answer to one request. Raises GatewayError."""
        exchange = passage.exchange
        if passage.token is None:
            got: AccountToken = await self._waited(exchange, self._tokens.get(seat.account.id))
            passage.token = got
        token = passage.token
        plan = await self._planner.plan(
            passage.call,
            seat.group,
            seat.account.id,
            seat.has_foreign_state,
            exchange.request_id.replace("-", ""),
        )
        _record(exchange, plan)
        meter = Meter(plan.expected.protocol)
        answer: Answer | None = None
        sent = self._clock.monotonic()
        try:
            request = self._begun(passage, plan.request(token))
            reply = passage.reply = await self._upstream.open(request)
            if exchange.trace is not None:
                exchange.trace.answered(reply.status)
            self._quotas.look(exchange.account, reply.headers)
            answer = await self._answer(reply, plan, meter)
        except GatewayError as error:
            if leaves_cost_unknown(error):
                exchange.is_cost_unknown = True
            raise
        finally:
            exchange.upstream_seconds += self._clock.monotonic() - sent
            if not isinstance(answer, StreamAnswer):
                # A stream goes on costing; it is added when it is over.
                exchange.spent += meter.spent
        return answer

    async def _waited(self, exchange: Exchange, asked: Awaitable[T]) -> T:
        """For a token: what that takes is neither upstream's time nor ours."""
        began = self._clock.monotonic()
        try:
            return await asked
        finally:
            exchange.waited_seconds += self._clock.monotonic() - began

    def _begun(self, passage: Passage, request: UpstreamRequest) -> UpstreamRequest:
        """Written down, and traced: what goes out then."""
        exchange = passage.exchange
        if exchange.trace is not None:
            passage.span = exchange.trace.attempt(exchange, request)
            request = passage.span.__enter__()
        self._metering.send(exchange)
        return request

    def _answer(self, reply: UpstreamReply, plan: Plan, meter: Meter) -> Awaitable[Answer]:
        """To be awaited at once; raises GatewayError then."""
        if reply.status != 200:
            return self._refused(reply, plan.group.platform)
        if plan.call.stream:
            return open_stream(reply, plan.expected, meter, self._idle_seconds)
        if plan.is_assembled:
            return assemble(reply, plan.expected, meter, self._idle_seconds)
        return read_whole(reply, plan.expected, meter, self._idle_seconds)

    async def _refused(self, reply: UpstreamReply, platform: str) -> Answer:
        raise await refusal_of(reply, self._clock.now(), platform, self._idle_seconds)

    def _end_attempt(self, passage: Passage) -> None:
        """Closing the reply does nothing where it has been read to its end."""
        reply, passage.reply = passage.reply, None
        if reply is not None:
            reply.close()
        span, passage.span = passage.span, None
        if span is not None:
            span.__exit__(None, None, None)

    # --- after a failure ---

    async def _go_on(self, passage: Passage, seat: Seat, error: GatewayError) -> None:
        """Prepare the next attempt. Raises the error where it is the caller's."""
        action = self._judge(passage, seat, error)
        if action is Action.RENEW:
            if await self._renew(passage, seat):
                passage.exchange.note(Tried(seat.account.id, error.fault))
                return
            action = self._judge(passage, seat, error)
        if action is Action.STRIP:
            passage.journey = replace(passage.journey, stripped=True)
            seat.has_foreign_state = True
            return
        self._blame(passage, seat, error)
        if action is Action.STOP:
            raise self._seats.last_word(passage.search, error)
        self._move(passage, seat, error)

    def _judge(self, passage: Passage, seat: Seat, error: GatewayError) -> Action:
        tried = passage.search.tried
        tried.add(seat.account.id)
        journey = replace(
            passage.journey,
            is_bound=passage.search.bound_to is not None,
            has_another=self._seats.has_another(passage.search),
            budget_allows=self._health.allows_failover(passage.call.group.id),
            seconds_left=passage.deadline - self._clock.monotonic(),
        )
        return failover.decide(error.fault, journey, passage.call.group.failover)

    async def _renew(self, passage: Passage, seat: Seat) -> bool:
        """Whether the account has another token now. It is asked for once a call and account."""
        passage.journey = replace(passage.journey, renewed=True)
        refused, passage.token = passage.token, None
        if refused is None:
            return False
        asked = self._tokens.invalidate(seat.account.id, refused.token_id)
        passage.token = await self._waited(passage.exchange, asked)
        return passage.token is not None

    def _move(self, passage: Passage, seat: Seat, error: GatewayError) -> None:
        self._events.failed_over(passage.call.group.id, seat.account.id, error.fault)
        self._health.moved(passage.call.group.id)
        row = failover.TABLE[error.fault]
        passage.journey = Journey(
            switches=passage.journey.switches + 1,
            timeouts_moved=passage.journey.timeouts_moved + (row.action is Action.MOVE_ONCE),
        )
        self._leave(passage)

    def _blame(self, passage: Passage, seat: Seat | None, error: GatewayError) -> None:
        if seat is not None:
            passage.exchange.note(Tried(seat.account.id, error.fault))
            self._health.failed(self._attempt_of(passage, seat), error)

    def _leave(self, passage: Passage) -> None:
        passage.token = None
        if passage.seat is not None:
            self._seats.leave(passage.seat)
            passage.seat = None

    def _attempt_of(self, passage: Passage, seat: Seat) -> Attempt:
        call = passage.call
        return Attempt(
            account=seat.account.id,
            model=seat.group.resolve(call.model),
            group=call.group.id,
            platform=seat.group.platform,
            key=call.key.id,
            keys_in_group=call.group.keys + self._members(call.group.id),
            body_digest=hashlib.blake2b(call.body, digest_size=16).digest(),
        )


def _record(exchange: Exchange, plan: Plan) -> None:
    """What is asked of whom, before it is sent."""
    exchange.upstream_protocol = plan.expected.protocol.value
    exchange.is_listed = plan.is_listed
    exchange.served_model = plan.model_id
    exchange.premium_multiplier = plan.premium_multiplier
    exchange.prices = plan.prices
