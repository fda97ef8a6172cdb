"""POST to an inference endpoint: read, relay, answer whole or as it arrives."""

from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway.domain.call import Call
from gateway.domain.errors import GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.usage.record import Outcome
from gateway.ports import Exchange
from gateway.relay import Answer
from gateway.stream_answers import StreamAnswer
from gateway.web.bodies import READERS, Incoming
from gateway.web.body import read_body
from gateway.web.context import Caller, Context
from gateway.web.downstream import Downstream
from gateway.web.ids import id_headers
from gateway.web.rate_headers import rate_headers

JSON = {"Content-Type": "application/json"}

Endpoint = Callable[[Context, web.BaseRequest, Caller, Exchange], Awaitable[web.StreamResponse]]


def endpoint_for(protocol: Protocol) -> Endpoint:
    """The endpoint that takes a protocol's requests."""
    read = READERS[protocol]

    async def infer(
        context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
    ) -> web.StreamResponse:
        body = await read_body(request, context.body_bytes)
        call = read(Incoming(context, caller, request.headers, body))
        exchange.model = call.model
        exchange.stream, exchange.verdict = call.stream, call.verdict
        reservation = await context.budgets.admit(call.key, call.group, exchange.time)
        exchange.reservation = reservation
        rate = None if reservation is None else reservation.rate
        limits = rate_headers(rate, protocol)
        try:
            if call.stream:
                return await _stream(context, request, call, exchange, limits)
            return await _answer(context, call, exchange, limits)
        except GatewayError as error:
            if rate is None:
                raise
            raise error.under(rate) from error

    return infer


async def _answer(
    context: Context, call: Call, exchange: Exchange, limits: Mapping[str, str]
) -> web.Response:
    async with (
        context.lifetimes.one(call.key.sha256),
        context.admission.place(call.key, exchange),
        context.relay.open(call, exchange) as answer,
    ):
        return _whole(context, answer, exchange, limits)


def _whole(
    context: Context, answer: Answer, exchange: Exchange, limits: Mapping[str, str]
) -> web.Response:
    assert not isinstance(answer, StreamAnswer)  # noqa: S101  the relay assembles those
    exchange.first_byte_seconds = context.clock.monotonic() - exchange.started
    exchange.answer_bytes = len(answer.body)
    context.metering.end(exchange, Outcome.COMPLETE)
    return web.Response(status=200, headers={**JSON, **limits}, body=answer.body)


async def _stream(
    context: Context,
    request: web.BaseRequest,
    call: Call,
    exchange: Exchange,
    limits: Mapping[str, str],
) -> web.StreamResponse:
    downstream = Downstream(
        request, exchange, call.protocol, context.heartbeats, context.clock, context.metering
    )
    downstream.headers = {
        **id_headers(request, exchange),
        **context.connections.closing_headers(request),
        **limits,
    }
    try:
        async with (
            downstream.beating(),
            context.lifetimes.one(call.key.sha256),
            context.admission.place(call.key, exchange),
            context.relay.open(call, exchange) as answer,
        ):
            assert isinstance(answer, StreamAnswer)  # noqa: S101  a stream was asked for
            await downstream.carry(answer)
    except GatewayError as error:
        if downstream.response is None:
            raise
        await downstream.break_off(error)
    assert downstream.response is not None  # noqa: S101  carry has written it
    return downstream.response
