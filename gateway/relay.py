"""USE CASE: one inference request, from account to account, up to the first event of an answer.

seat → token → upstream → judge → the same seat again, the next one, or the caller's error. Knows
no HTTP server and no client library. Nothing has gone to the caller before an answer is handed
out, so until then every failure may still be made good (docs/decisions/0014).
"""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.answers import assemble, read_whole, refusal_of
from gateway.domain import failover
from gateway.domain.call import Call
from gateway.domain.errors import GatewayError
from gateway.domain.failover import Action, Journey
from gateway.domain.usage.reading import Meter
from gateway.health import Attempt, Health
from gateway.metering import Metering
from gateway.plan import Plan, Planner
from gateway.ports import (
    AccountToken,
    Clock,
    Exchange,
    GatewayEvents,
    TokenProvider,
    Tried,
    Upstream,
    UpstreamReply,
    UpstreamRequest,
)
from gateway.quota_watch import QuotaWatch
from gateway.seats import Search, Seat, Seats
from gateway.stream_answers import StreamAnswer, open_stream


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    """An answer that is all there."""

    body: bytes = field(repr=False)


Answer = StreamAnswer | WholeAnswer


@dataclass(slots=True)
class _Trip:
    """One call's way over the accounts."""

    call: Call
    search: Search
    exchange: Exchange
    deadline: float
    answer_id: str
    """What the ids of a translated answer are made of."""
    seat: Seat | None = None
    token: AccountToken | None = None
    """What to use instead of asking for one: the seat's token was just renewed."""
    journey: Journey = field(default_factory=Journey)


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

    @asynccontextmanager
    async def open(self, call: Call, exchange: Exchange) -> AsyncIterator[Answer]:
        """The answer to a call, once there is one that may be handed out.

        Raises GatewayError for everything that is no success; what the answer raises later, while
        it is being read, is the account's failure too. Leaving the context ends the upstream
        request, finished or not, and gives the account's place back.

        `exchange.spent` is what all attempts cost that are over, failed ones too; of a whole answer
        it is all there when that is handed out. A stream that is handed out adds `answer.spent`
        while the context is left, however that happens; before, the sum of both is what is known.
        """
        trip = _Trip(
            call,
            Search(call),
            exchange,
            exchange.started + self._total_seconds,
            exchange.request_id.replace("-", ""),
        )
        self._health.asked(call.group.id)
        try:
            async with AsyncExitStack() as stack:
                answer = await self._first_good(stack, trip)
                seat = trip.seat
                try:
                    yield answer
                except GatewayError as error:
                    # After the commit point: nothing can be made good, but it counts.
                    if exchange.trace is not None:
                        exchange.trace.failed(error.fault)
                    self._blame(trip, seat, error)
                    raise
                finally:
                    if isinstance(answer, StreamAnswer):
                        exchange.spent += answer.spent
        finally:
            self._leave(trip)

    async def _first_good(self, stack: AsyncExitStack, trip: _Trip) -> Answer:
        while True:
            seat = trip.seat
            if seat is None:
                seat = trip.seat = await self._seats.find(trip.search)
                trip.exchange.account = seat.account.id
                trip.exchange.served_by = seat.group.id
                trip.exchange.platform = seat.group.platform
                trip.journey = replace(trip.journey, stripped=seat.has_foreign_state)
            try:
                answer = await self._attempt(stack, trip, seat)
            except GatewayError as error:
                if trip.exchange.trace is not None:
                    trip.exchange.trace.failed(error.fault)
                await stack.aclose()
                await self._go_on(trip, seat, error)
            else:
                self._health.succeeded(seat.account.id, seat.group.platform)
                return answer

    # --- one attempt ---

    async def _attempt(self, stack: AsyncExitStack, trip: _Trip, seat: Seat) -> Answer:
        """Upstream's answer to one request. Raises GatewayError."""
        trip.token = token = trip.token or await self._tokens.get(seat.account.id)
        plan = await self._planner.plan(
            trip.call, seat.group, seat.account.id, seat.has_foreign_state, trip.answer_id
        )
        _record(trip.exchange, plan)
        meter = Meter(plan.expected.protocol)
        answer: Answer | None = None
        sent = self._clock.monotonic()
        try:
            request = plan.request(token)
            if trip.exchange.trace is not None:
                request = stack.enter_context(trip.exchange.trace.attempt(trip.exchange, request))
            reply = await self._send(stack, trip.exchange, request)
            answer = await self._answer(reply, plan, meter)
        finally:
            trip.exchange.upstream_seconds += self._clock.monotonic() - sent
            if not isinstance(answer, StreamAnswer):
                # A stream goes on costing; it is added when it is over.
                trip.exchange.spent += meter.spent
        return answer

    async def _send(
        self, stack: AsyncExitStack, exchange: Exchange, request: UpstreamRequest
    ) -> UpstreamReply:
        self._metering.send(exchange)
        reply = await stack.enter_async_context(self._upstream.send(request))
        if exchange.trace is not None:
            exchange.trace.answered(reply.status)
        self._quotas.look(exchange.account, reply.headers)
        return reply

    async def _answer(self, reply: UpstreamReply, plan: Plan, meter: Meter) -> Answer:
        if reply.status != 200:
            raise await refusal_of(reply, self._clock.now(), plan.group.platform)
        if plan.call.stream:
            return await open_stream(reply, plan.expected, meter, self._idle_seconds, self._clock)
        if plan.is_assembled:
            body = await assemble(reply, plan.expected, meter, self._idle_seconds, self._clock)
        else:
            body = await read_whole(reply, plan.expected, meter)
        return WholeAnswer(body)

    # --- after a failure ---

    async def _go_on(self, trip: _Trip, seat: Seat, error: GatewayError) -> None:
        """Prepare the next attempt. Raises the error where it is the caller's."""
        action = self._judge(trip, seat, error)
        if action is Action.RENEW:
            if await self._renew(trip, seat):
                trip.exchange.note(Tried(seat.account.id, error.fault))
                return
            action = self._judge(trip, seat, error)
        if action is Action.STRIP:
            trip.journey = replace(trip.journey, stripped=True)
            seat.has_foreign_state = True
            return
        self._blame(trip, seat, error)
        if action is Action.STOP:
            raise self._seats.last_word(trip.search, error)
        self._move(trip, seat, error)

    def _judge(self, trip: _Trip, seat: Seat, error: GatewayError) -> Action:
        tried = trip.search.tried
        tried.add(seat.account.id)
        journey = replace(
            trip.journey,
            is_bound=trip.search.bound_to is not None,
            has_another=self._seats.has_another(trip.search),
            budget_allows=self._health.allows_failover(trip.call.group.id),
            seconds_left=trip.deadline - self._clock.monotonic(),
        )
        return failover.decide(error.fault, journey, trip.call.group.failover)

    async def _renew(self, trip: _Trip, seat: Seat) -> bool:
        """Whether the account has another token now. It is asked for once a call and account."""
        trip.journey = replace(trip.journey, renewed=True)
        refused, trip.token = trip.token, None
        if refused is None:
            return False
        trip.token = await self._tokens.invalidate(seat.account.id, refused.token_id)
        return trip.token is not None

    def _move(self, trip: _Trip, seat: Seat, error: GatewayError) -> None:
        self._events.failed_over(trip.call.group.id, seat.account.id, error.fault)
        self._health.moved(trip.call.group.id)
        row = failover.TABLE[error.fault]
        trip.journey = Journey(
            switches=trip.journey.switches + 1,
            timeouts_moved=trip.journey.timeouts_moved + (row.action is Action.MOVE_ONCE),
        )
        self._leave(trip)

    def _blame(self, trip: _Trip, seat: Seat | None, error: GatewayError) -> None:
        if seat is not None:
            trip.exchange.note(Tried(seat.account.id, error.fault))
            self._health.failed(self._attempt_of(trip, seat), error)

    def _leave(self, trip: _Trip) -> None:
        trip.token = None
        if trip.seat is not None:
            self._seats.leave(trip.seat)
            trip.seat = None

    def _attempt_of(self, trip: _Trip, seat: Seat) -> Attempt:
        call = trip.call
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
