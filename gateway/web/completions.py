"""POST chat/completions: parse, judge, relay, answer whole or as it arrives."""

from aiohttp import web

from gateway.domain import chat, groups, headers, initiator, vision
from gateway.domain.call import Call
from gateway.ports import Exchange
from gateway.web.body import read_body
from gateway.web.context import Caller, Context
from gateway.web.stream import pass_on

MAX_WHOLE_ANSWER_BYTES = 64 * 1024 * 1024


async def complete(
    context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
) -> web.StreamResponse:
    """Answer one chat request."""
    call = await _read_call(context, request, caller)
    exchange.account, exchange.model = call.account, call.model
    exchange.stream, exchange.verdict = call.stream, call.verdict
    async with context.relay.open(call, exchange) as reply:
        if call.stream:
            return await pass_on(request, reply, exchange, context.clock)
        body = await reply.read(MAX_WHOLE_ANSWER_BYTES)
        exchange.first_byte_seconds = context.clock.monotonic() - exchange.started
        exchange.answer_bytes = len(body)
        return web.Response(status=200, headers=headers.for_caller(reply.headers), body=body)


async def _read_call(context: Context, request: web.BaseRequest, caller: Caller) -> Call:
    body = await read_body(request, context.body_bytes)
    view = chat.parse(body)
    groups.check_model(caller.group, view.model)
    return Call(
        path="/chat/completions",
        account=groups.account_for(caller.group, caller.key),
        model=view.model,
        stream=bool(view.stream),
        vision=vision.has_image(view.messages),
        verdict=initiator.judge_chat(
            view.messages, request.headers.get("x-initiator"), caller.key.may_mark_agent
        ),
        body=body,
        caller_headers=request.headers,
    )
