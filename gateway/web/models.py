"""GET models and models/{id}, in OpenAI's shapes."""

import msgspec
from aiohttp import web

from gateway.domain import groups, models
from gateway.domain.models import Model
from gateway.ports import Exchange
from gateway.web.context import Caller, Context

JSON = {"Content-Type": "application/json"}
CREATED = 0
"""OpenAI's shape wants a date of creation; upstream's catalogue has none."""


async def list_models(
    context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
) -> web.StreamResponse:
    """All models the caller may name."""
    found = await _models(context, caller, exchange)
    document = {"object": "list", "data": [_shape(model) for model in found]}
    return web.Response(body=msgspec.json.encode(document), headers=JSON)


async def get_model(
    context: Context, request: web.BaseRequest, caller: Caller, exchange: Exchange
) -> web.StreamResponse:
    """One model; the last segment of the path is its id."""
    found = await _models(context, caller, exchange)
    model = models.find(found, request.path.partition("/models/")[2])
    return web.Response(body=msgspec.json.encode(_shape(model)), headers=JSON)


async def _models(context: Context, caller: Caller, exchange: Exchange) -> tuple[Model, ...]:
    account, found = await context.catalogue.models(caller.group, caller.key.account)
    exchange.account = account.id
    return groups.allowed(caller.group, found)


def _shape(model: Model) -> dict[str, str | int]:
    return {
        "id": model.id,
        "object": "model",
        "created": CREATED,
        "owned_by": model.vendor or "unknown",
    }
