"""The route table: which path is which endpoint, and for which platform (design §7)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from gateway.domain.errors import Fault, GatewayError
from gateway.ports import Exchange
from gateway.web.completions import complete
from gateway.web.context import Caller, Context
from gateway.web.models import get_model, list_models

Endpoint = Callable[[Context, web.BaseRequest, Caller, Exchange], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint under one prefix."""

    name: str
    """The path as a template: the metric's label."""
    method: str
    endpoint: Endpoint
    platform: str | None
    """The platform a key's group must have; None takes the group's own."""


UNROUTED = "other"

ENDPOINTS: dict[str, tuple[str, Endpoint]] = {
    "/chat/completions": ("POST", complete),
    "/models": ("GET", list_models),
}
PREFIXES: dict[str, str | None] = {"/v1": None, "/copilot/v1": "copilot"}
NOT_HERE_YET = ("/responses", "/messages", "/embeddings")

ROUTES: dict[str, Route] = {
    prefix + path: Route(prefix + path, method, endpoint, platform)
    for prefix, platform in PREFIXES.items()
    for path, (method, endpoint) in ENDPOINTS.items()
}
MODEL_ROUTES: dict[str, Route] = {
    f"{prefix}/models/": Route(f"{prefix}/models/{{id}}", "GET", get_model, platform)
    for prefix, platform in PREFIXES.items()
}


def find_route(method: str, path: str) -> Route:
    """The route of a request. Raises GatewayError: no such path, or not with this method."""
    route = ROUTES.get(path) or _model_route(path)
    if route is None:
        raise _unknown(path)
    if method != route.method and not (method == "HEAD" and route.method == "GET"):
        raise GatewayError(
            Fault.CALLER_METHOD_NOT_ALLOWED,
            f"This path takes {route.method}, not {method}.",
            allow=route.method,
        )
    return route


def _model_route(path: str) -> Route | None:
    for prefix, route in MODEL_ROUTES.items():
        if path.startswith(prefix) and len(path) > len(prefix):
            return route
    return None


def _unknown(path: str) -> GatewayError:
    for prefix in PREFIXES:
        if path.startswith(tuple(prefix + missing for missing in NOT_HERE_YET)):
            return GatewayError(
                Fault.CALLER_ENDPOINT_UNSUPPORTED,
                "This endpoint is not served here; use chat/completions.",
            )
    return GatewayError(
        Fault.CALLER_PATH_UNKNOWN,
        "There is no such path here; the API is under /v1 and /copilot/v1.",
    )
