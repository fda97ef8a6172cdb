"""POST to an inference endpoint: read, relay, answer whole or as it arrives.

What a request takes on its way (a life, a place of its key, a way to an account) is given back in
one place, in the order opposite to that in which it was taken.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from gateway.domain.call import Call
from gateway.domain.errors import GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.usage.record import Outcome
from gateway.ports.exchange import Exchange
from gateway.ports.shared_state import Lease
from gateway.relay import Passage
from gateway.stream_answers import StreamAnswer
from gateway.web.bodies import READERS, Incoming
from gateway.web.context import Caller, Context
from gateway.web.downstream import Downstream
from gateway.web.ids import id_headers
from gateway.web.inbound import Inbound
from gateway.web.rate_headers import rate_headers
from gateway.web.responses import JSON, Response

Endpoint = Callable[[Context, Inbound, Caller, Exchange], Awaitable[Response | None]]
"""None: the answer was streamed."""


def endpoint_for(protocol: Protocol) -> Endpoint:
    """The endpoint that takes a protocol's requests."""
    read = READERS[protocol]

    async def infer(
        context: Context, request: Inbound, caller: Caller, exchange: Exchange
    ) -> Response | None:
        asked = context.clock.monotonic()
        body = await request.body(context.body_bytes)
        exchange.waited_seconds += context.clock.monotonic() - asked
        call = read(Incoming(context, caller, request.headers, body))
        exchange.model = call.model
        exchange.stream, exchange.verdict = call.stream, call.verdict
        reservation = await context.budgets.admit(call.key, call.group, exchange.time)
        exchange.reservation = reservation
        rate = None if reservation is None else reservation.rate
        limits = rate_headers(rate, protocol)
        try:
            return await _serve(context, request, call, exchange, limits)
        except GatewayError as error:
            if rate is None:
                raise
            raise error.under(rate) from error

    return infer


async def _serve(
    context: Context,
    request: Inbound,
    call: Call,
    exchange: Exchange,
    limits: Mapping[str, str],
) -> Response | None:
    """A whole answer, or None where it was streamed. Raises GatewayError: nothing was sent yet."""
    failure: GatewayError | None = None
    blamed: GatewayError | None = None
    passage: Passage | None = None
    lease: Lease | None = None
    life = context.lifetimes.begin(call.key.sha256)
    stream = _downstream(context, request, call, exchange, limits) if call.stream else None
    try:
        lease = await context.admission.enter(call.key, exchange)
        passage = await context.relay.open(call, exchange)
        answer = passage.answer
        if not isinstance(answer, StreamAnswer):
            return _whole(context, answer, exchange, limits)
        assert stream is not None  # noqa: S101  where none was asked for, the relay assembles it
        await stream.carry(answer)
        return None
    except GatewayError as error:
        failure = blamed = error
    except asyncio.CancelledError:
        failure = life.why_cancelled()
        if failure is None:
            raise
    finally:
        if passage is not None:
            context.relay.close(passage, blamed)
        context.admission.leave(lease)
        context.lifetimes.end(life)
        if stream is not None:
            stream.stop()
    if stream is None or not stream.has_begun:
        raise failure
    stream.break_off(failure)
    return None


def _whole(
    context: Context, body: bytes, exchange: Exchange, limits: Mapping[str, str]
) -> Response:
    exchange.first_byte_seconds = context.clock.monotonic() - exchange.started
    exchange.answer_bytes = len(body)
    context.metering.end(exchange, Outcome.COMPLETE)
    return Response(200, {**JSON, **limits}, body)


def _downstream(
    context: Context,
    request: Inbound,
    call: Call,
    exchange: Exchange,
    limits: Mapping[str, str],
) -> Downstream:
    """The stream's way back, with pings from now on."""
    stream = Downstream(
        request.outgoing,
        exchange,
        call.protocol,
        context.clock,
        context.metering,
        {**id_headers(exchange), **limits},
        heartbeat_seconds=context.heartbeat_seconds,
        closes=request.is_aged,
    )
    stream.start()
    return stream
