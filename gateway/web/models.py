"""GET models and models/{id}, in OpenAI's shapes and in Anthropic's."""

from datetime import UTC, datetime
from typing import Any

from gateway.domain import models
from gateway.domain.models import Model
from gateway.ports.exchange import Exchange
from gateway.web.context import Caller, Context
from gateway.web.inbound import Inbound
from gateway.web.responses import Response, json_response

ANTHROPIC_HEADER = "anthropic-version"
"""Which SDK asks, at the same path: Anthropic's always sends this."""


async def list_models(
    context: Context, request: Inbound, caller: Caller, exchange: Exchange
) -> Response:
    """All models the caller may name."""
    found = await _models(context, caller, exchange)
    document = _anthropic_list(found) if _is_anthropic(request) else _openai_list(found)
    return json_response(document)


async def get_model(
    context: Context, request: Inbound, caller: Caller, exchange: Exchange
) -> Response:
    """One model; the last segment of the path is its id, or an alias of it."""
    found = await _models(context, caller, exchange)
    name = caller.group.resolve(request.path.partition("/models/")[2])
    shape = _anthropic if _is_anthropic(request) else _openai
    return json_response(shape(models.find(found, name)))


async def _models(context: Context, caller: Caller, exchange: Exchange) -> tuple[Model, ...]:
    account, found = await context.offers.models(caller.group, caller.key.account)
    exchange.account = account.id
    return found


def _is_anthropic(request: Inbound) -> bool:
    return ANTHROPIC_HEADER in request.headers


def _openai_list(found: tuple[Model, ...]) -> dict[str, Any]:
    return {"object": "list", "data": [_openai(model) for model in found]}


def _anthropic_list(found: tuple[Model, ...]) -> dict[str, Any]:
    return {
        "data": [_anthropic(model) for model in found],
        "has_more": False,
        "first_id": found[0].id if found else None,
        "last_id": found[-1].id if found else None,
    }


def _openai(model: Model) -> dict[str, Any]:
    return {
        "id": model.id,
        "object": "model",
        "created": model.created,
        "owned_by": model.vendor or model.owner or "unknown",
    }


def _anthropic(model: Model) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model.id,
        "display_name": model.name or model.id,
        # Both shapes want a date of creation; Copilot's catalogue has none.
        "created_at": f"{datetime.fromtimestamp(model.created, UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
