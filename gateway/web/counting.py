"""POST messages/count_tokens: a local estimate, since upstream has no such endpoint."""

import asyncio

import msgspec
from aiohttp import web

from gateway.domain import groups, token_estimate
from gateway.domain.requests import messages
from gateway.ports import Exchange
from gateway.web.body import read_body
from gateway.web.context import Caller, Context

JSON = {"Content-Type": "application/json"}


async def count_tokens(
    context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
) -> web.StreamResponse:
    """Answer `{"input_tokens": N}`."""
    body = await read_body(request, context.body_bytes)
    view = messages.parse(body)
    groups.check_model(caller.group, view.model)
    exchange.model = view.model
    model = caller.group.resolve(view.model)

    def count() -> int:
        texts, fixed = token_estimate.texts(body)
        tokens = sum(context.counter.count(text) for text in texts)
        return token_estimate.estimate(model, tokens, fixed)

    # In a thread: a large body, and the first count of all, would hold up everybody's streams.
    tokens = await asyncio.to_thread(count)
    return web.Response(body=msgspec.json.encode({"input_tokens": tokens}), headers=JSON)
