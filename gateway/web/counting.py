"""POST messages/count_tokens: a local estimate, since upstream has no such endpoint."""

import asyncio

from gateway.domain import groups, token_estimate
from gateway.domain.requests import messages
from gateway.ports.exchange import Exchange
from gateway.web.context import Caller, Context
from gateway.web.inbound import Inbound
from gateway.web.responses import Response, json_response


async def count_tokens(
    context: Context, request: Inbound, caller: Caller, exchange: Exchange
) -> Response:
    """Answer `{"input_tokens": N}`."""
    body = await request.body(context.body_bytes)
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
    return json_response({"input_tokens": tokens})
