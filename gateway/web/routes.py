"""The route table: which path is which endpoint, and for which platform (design §7)."""

from dataclasses import dataclass

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.web import openapi
from gateway.web.counting import count_tokens
from gateway.web.inference import Endpoint, endpoint_for
from gateway.web.models import get_model, list_models
from gateway.web.usage import get_usage


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint under one prefix."""

    name: str
    """The path as a template: the metric's label."""
    method: str
    endpoint: Endpoint
    platform: str | None
    """The platform a key's group must have; None takes the group's own."""
    protocol: Protocol | None = None
    """What errors are written in; None: OpenAI's."""
    needs_key: bool = True
    is_inference: bool = False
    """Whether a POST is answered by a model, and has a usage record."""


UNROUTED = "other"

MESSAGES_PATH = "/messages"
NO_INFERENCE = "/messages/count_tokens"
ENDPOINTS: dict[str, tuple[str, Endpoint, Protocol | None]] = {
    "/chat/completions": ("POST", endpoint_for(Protocol.CHAT), Protocol.CHAT),
    "/responses": ("POST", endpoint_for(Protocol.RESPONSES), Protocol.RESPONSES),
    MESSAGES_PATH: ("POST", endpoint_for(Protocol.MESSAGES), Protocol.MESSAGES),
    NO_INFERENCE: ("POST", count_tokens, Protocol.MESSAGES),
    "/embeddings": ("POST", endpoint_for(Protocol.EMBEDDINGS), Protocol.EMBEDDINGS),
    "/models": ("GET", list_models, None),
}
USAGE_PATH = "/v1/usage"
PREFIXES: dict[str, str | None] = {"/v1": None, "/copilot/v1": "copilot"}
STORED_RESPONSES = "/responses/"
"""Upstream keeps no answers, so there are none to get, cancel or list (design §7)."""

ROUTES: dict[str, Route] = {
    prefix + path: Route(
        prefix + path,
        method,
        endpoint,
        platform,
        protocol,
        is_inference=protocol is not None and path != NO_INFERENCE,
    )
    for prefix, platform in PREFIXES.items()
    for path, (method, endpoint, protocol) in ENDPOINTS.items()
}
MODEL_ROUTES: dict[str, Route] = {
    f"{prefix}/models/": Route(f"{prefix}/models/{{id}}", "GET", get_model, platform)
    for prefix, platform in PREFIXES.items()
}
ROUTES[USAGE_PATH] = Route(USAGE_PATH, "GET", get_usage, None)
DESCRIPTION = openapi.document([*ROUTES.values(), *MODEL_ROUTES.values()])
ROUTES[openapi.PATH] = Route(
    openapi.PATH, "GET", openapi.endpoint_for(DESCRIPTION), None, needs_key=False
)


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
        if path.startswith(prefix + STORED_RESPONSES):
            return GatewayError(
                Fault.CALLER_ENDPOINT_UNSUPPORTED,
                "Upstream keeps no responses: there are none to get, cancel or delete.",
            )
    return GatewayError(
        Fault.CALLER_PATH_UNKNOWN,
        "There is no such path here; the API is under /v1 and /copilot/v1.",
    )


def protocol_of(path: str) -> Protocol | None:
    """What an error at this path is written in, whether there is such a path or not."""
    for prefix in PREFIXES:
        if path.startswith(prefix + MESSAGES_PATH):
            return Protocol.MESSAGES
    return None
