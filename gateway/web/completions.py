"""POST chat/completions: parse, judge, relay, answer whole or as it arrives."""

from aiohttp import web

from gateway.answers import StreamAnswer
from gateway.domain import chat, groups, initiator, vision
from gateway.domain.call import Call
from gateway.domain.conversations import conversation_of
from gateway.domain.errors import GatewayError
from gateway.domain.protocols import Protocol
from gateway.ports import Exchange
from gateway.relay import Answer
from gateway.web.body import read_body
from gateway.web.context import Caller, Context
from gateway.web.downstream import Downstream
from gateway.web.ids import id_headers

JSON = {"Content-Type": "application/json"}


async def complete(
    context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
) -> web.StreamResponse:
    """Answer one chat request."""
    call = await _read_call(context, request, caller)
    exchange.model = call.model
    exchange.stream, exchange.verdict = call.stream, call.verdict
    if call.stream:
        return await _stream(context, request, call, exchange)
    async with (
        context.lifetimes.one(),
        context.admission.place(call.key, exchange),
        context.relay.open(call, exchange) as answer,
    ):
        return _whole(context, answer, exchange)


def _whole(context: Context, answer: Answer, exchange: Exchange) -> web.Response:
    assert not isinstance(answer, StreamAnswer)  # noqa: S101  the relay assembles those
    exchange.first_byte_seconds = context.clock.monotonic() - exchange.started
    exchange.answer_bytes = len(answer.body)
    return web.Response(status=200, headers=JSON, body=answer.body)


async def _stream(
    context: Context, request: web.BaseRequest, call: Call, exchange: Exchange
) -> web.StreamResponse:
    downstream = Downstream(request, exchange, call.protocol, context.heartbeats, context.clock)
    downstream.headers = {
        **id_headers(request, exchange),
        **context.connections.closing_headers(request),
    }
    try:
        async with (
            downstream.beating(),
            context.lifetimes.one(),
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


async def _read_call(context: Context, request: web.BaseRequest, caller: Caller) -> Call:
    body = await read_body(request, context.body_bytes)
    view = chat.parse(body)
    groups.check_model(caller.group, view.model)
    return Call(
        protocol=Protocol.CHAT,
        key=caller.key,
        group=caller.group,
        fallback=context.fallback_of(caller.group),
        model=view.model,
        stream=bool(view.stream),
        choices=view.n or 1,
        vision=vision.has_image(view.messages),
        verdict=initiator.judge_chat(
            view.messages, request.headers.get("x-initiator"), caller.key.may_mark_agent
        ),
        conversation=conversation_of(
            request.headers, view, lambda: chat.first_messages(body), caller.key.sha256
        ),
        body=body,
        caller_headers=request.headers,
    )
