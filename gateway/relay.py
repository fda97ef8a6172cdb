"""USE CASE: one inference request, from account to account, up to the first event of an answer.

seat → token → upstream → judge → the same seat again, the next one, or the caller's error. Knows
no HTTP server and no client library. Nothing has gone to the caller before an answer is handed
out, so until then every failure may still be made good (docs/decisions/0014).
"""

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace

from gateway.answers import StreamAnswer, assemble, open_stream, read_whole
from gateway.domain import failover, portable, upstream_errors
from gateway.domain.call import Call
from gateway.domain.errors import GatewayError
from gateway.domain.failover import Action, Journey
from gateway.domain.groups import rename_model
from gateway.domain.platforms.table import PLATFORMS
from gateway.domain.protocols import Protocol
from gateway.domain.whole.assembling import as_stream, wants_assembly
from gateway.health import Attempt, Health
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
from gateway.seats import Search, Seat, Seats


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
    seat: Seat | None = None
    token: AccountToken | None = None
    """What to use instead of asking for one: the seat's token was just renewed."""
    journey: Journey = field(default_factory=Journey)


class Relay:
    """Sends calls upstream."""

    def __init__(
        self,
        seats: Seats,
        health: Health,
        tokens: TokenProvider,
        upstream: Upstream,
        clock: Clock,
        events: GatewayEvents,
        *,
        idle_seconds: float,
        total_seconds: float,
    ) -> None:
        self._seats = seats
        self._health = health
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock
        self._events = events
        self._idle_seconds = idle_seconds
        self._total_seconds = total_seconds

    @asynccontextmanager
    async def open(self, call: Call, exchange: Exchange) -> AsyncIterator[Answer]:
        """The answer to a call, once there is one that may be handed out.

        Raises GatewayError for everything that is no success; what the answer raises later, while
        it is being read, is the account's failure too. Leaving the context ends the upstream
        request, finished or not, and gives the account's place back.
        """
        trip = _Trip(call, Search(call), exchange, exchange.started + self._total_seconds)
        self._health.asked(call.group.id)
        try:
            async with AsyncExitStack() as stack:
                answer = await self._first_good(stack, trip)
                seat = trip.seat
                try:
                    yield answer
                except GatewayError as error:
                    # After the commit point: nothing can be made good, but it counts.
                    self._blame(trip, seat, error)
                    raise
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
                await stack.aclose()
                await self._go_on(trip, seat, error)
            else:
                self._health.succeeded(seat.account.id, seat.group.platform)
                return answer

    # --- one attempt ---

    async def _attempt(self, stack: AsyncExitStack, trip: _Trip, seat: Seat) -> Answer:
        """Upstream's answer to one request. Raises GatewayError."""
        call = trip.call
        token = trip.token or await self._tokens.get(seat.account.id)
        trip.token = token
        is_assembled = (
            not call.stream
            and call.protocol is Protocol.CHAT
            and wants_assembly(seat.group.resolve(call.model))
        )
        request = _request(trip, seat, token, is_assembled)
        sent = self._clock.monotonic()
        try:
            return await self._answer(stack, call, seat, request, is_assembled)
        finally:
            trip.exchange.upstream_seconds += self._clock.monotonic() - sent

    async def _answer(
        self,
        stack: AsyncExitStack,
        call: Call,
        seat: Seat,
        request: UpstreamRequest,
        is_assembled: bool,
    ) -> Answer:
        reply = await stack.enter_async_context(self._upstream.send(request))
        rows = PLATFORMS[seat.group.platform].rows
        if reply.status != 200:
            raise await refusal_of(reply, self._clock.now(), seat.group.platform)
        if not call.stream and not is_assembled:
            return WholeAnswer(await read_whole(reply, call, rows, self._clock))
        answer = await open_stream(reply, call, rows, self._idle_seconds, self._clock)
        return WholeAnswer(await assemble(answer)) if is_assembled else answer

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
            self._health.failed(_attempt_of(trip, seat), error)

    def _leave(self, trip: _Trip) -> None:
        trip.token = None
        if trip.seat is not None:
            self._seats.leave(trip.seat)
            trip.seat = None


def _attempt_of(trip: _Trip, seat: Seat) -> Attempt:
    call = trip.call
    return Attempt(
        account=seat.account.id,
        model=seat.group.resolve(call.model),
        group=call.group.id,
        platform=seat.group.platform,
        key=call.key.id,
        keys_in_group=call.group.keys,
        body_digest=hashlib.blake2b(call.body, digest_size=16).digest(),
    )


def _request(trip: _Trip, seat: Seat, token: AccountToken, is_assembled: bool) -> UpstreamRequest:
    call, platform = trip.call, PLATFORMS[seat.group.platform]
    return UpstreamRequest(
        method="POST",
        url=token.api_base_url + platform.paths[call.protocol],
        headers=platform.headers(
            caller=call.caller_headers,
            token_value=token.value,
            token_headers=token.headers,
            attempt_id=str(uuid.uuid4()),
            initiator=call.verdict.initiator,
            vision=call.vision,
            stream=call.stream or is_assembled,
        ),
        body=_body(call, seat, is_assembled),
    )


def _body(call: Call, seat: Seat, is_assembled: bool) -> bytes:
    """The caller's own bytes, changed only where they have to be."""
    body = call.body
    model = seat.group.resolve(call.model)
    if model != call.model:
        body = rename_model(body, model)
    if seat.has_foreign_state:
        body = portable.strip(call.protocol, body)
    return as_stream(body) if is_assembled else body


async def refusal_of(reply: UpstreamReply, now: float, platform: str) -> GatewayError:
    """The caller's error for an answer that is no success."""
    body = await reply.read(upstream_errors.MAX_BODY_BYTES)
    refusal = upstream_errors.read_refusal(reply.status, reply.headers, body, now)
    return upstream_errors.explain(refusal, PLATFORMS[platform].rows)
