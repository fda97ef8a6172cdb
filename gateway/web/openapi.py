"""The description of the callers' port that GET /openapi.json serves (design §7), in OpenAPI 3.1.

Built once, at start, from the tables that the gateway itself goes by: a route without a row in
OPERATIONS, and a row without a route, fail there. Knows the routes only as they are handed in.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol as Contract

import msgspec

from gateway.domain.errors import Fault
from gateway.domain.protocols import Protocol
from gateway.ports.exchange import Exchange
from gateway.web import openapi_answers as answers
from gateway.web import openapi_errors as errors
from gateway.web import openapi_requests as requests
from gateway.web.context import Caller, Context
from gateway.web.inbound import Inbound
from gateway.web.inference import Endpoint
from gateway.web.openapi_answers import Content, Schema
from gateway.web.responses import JSON, Response
from runtime.version import VERSION

PATH = "/openapi.json"
WORDS = (
    "Under /v1 a request goes to the platform of the key's group; under a platform's prefix it "
    "must be that platform. Of a request's fields only those are described that the gateway "
    "looks at; the others are upstream's to judge. Every error says in x-gateway-error whose "
    "fault it was. What meets no endpoint is an error too: 404 for a path that is not there, "
    "405 for another method, 400 in OpenAI's shape for what is not HTTP."
)


class Described(Contract):
    """What the description takes from a route."""

    @property
    def name(self) -> str:
        """The path as a template."""

    @property
    def method(self) -> str:
        """In capitals."""

    @property
    def platform(self) -> str | None:
        """The platform a key's group must have."""

    @property
    def protocol(self) -> Protocol | None:
        """What errors are written in."""


@dataclass(frozen=True, slots=True)
class OwnRoute:
    """Where the description itself is."""

    name: str = PATH
    method: str = "GET"
    platform: None = None
    protocol: None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What is to be said of an endpoint beside its path."""

    id: str
    summary: str
    answer: Content
    faults: frozenset[Fault]
    request: str = ""
    """The schema of the body; empty where there is none."""
    parameters: tuple[Schema, ...] = ()
    needs_key: bool = True

    @property
    def has_rate(self) -> bool:
        """Whether it counts in the rate of its key."""
        return Fault.POLICY_RATE in self.faults


OPERATIONS: Mapping[str, Operation] = {
    "/chat/completions": Operation(
        "chat_completions",
        "OpenAI's chat completions.",
        answers.streamed("ChatCompletion"),
        errors.INFERRING,
        "ChatRequest",
        requests.OF_CONVERSATIONS,
    ),
    "/responses": Operation(
        "responses",
        "OpenAI's Responses; nothing is kept between requests.",
        answers.streamed("Response"),
        errors.INFERRING,
        "ResponsesRequest",
        requests.OF_CONVERSATIONS,
    ),
    "/messages": Operation(
        "messages",
        "Anthropic's Messages.",
        answers.streamed("Message"),
        errors.INFERRING,
        "MessagesRequest",
        (requests.BETA_QUERY, requests.VERSION, requests.BETAS, *requests.OF_CONVERSATIONS),
    ),
    "/messages/count_tokens": Operation(
        "count_tokens",
        "How many tokens a Messages request is: an estimate, made here.",
        answers.whole("TokenCount"),
        errors.COUNTING,
        "MessagesRequest",
        (requests.BETA_QUERY,),
    ),
    "/embeddings": Operation(
        "embeddings",
        "OpenAI's embeddings, of texts.",
        answers.whole("Embeddings"),
        errors.INFERRING,
        "EmbeddingsRequest",
        (requests.INITIATOR,),
    ),
    "/models": Operation(
        "list_models",
        "The models that the key's group may name.",
        answers.either("OpenAIModels", "AnthropicModels"),
        errors.LISTING,
        parameters=(requests.SHAPING,),
    ),
    "/models/{id}": Operation(
        "get_model",
        "One model.",
        answers.either("OpenAIModel", "AnthropicModel"),
        errors.FINDING,
        parameters=(requests.MODEL_ID, requests.SHAPING),
    ),
    "/usage": Operation(
        "get_usage",
        "What the calling key has used, and what is left of its budgets.",
        answers.whole("Usage"),
        errors.REPORTING,
        parameters=(requests.PERIOD,),
    ),
    PATH: Operation(
        "describe",
        "This description.",
        answers.whole("Description"),
        frozenset({Fault.GATEWAY_OTHER}),
        needs_key=False,
    ),
}
"""By path, without what the prefixes add."""


def document(routes: Iterable[Described]) -> bytes:
    """The description of these routes and its own, as JSON.

    Raises KeyError for a route of which nothing is said here.
    """
    paths: dict[str, Schema] = {}
    for route in (*routes, OwnRoute()):
        paths.setdefault(route.name, {})[route.method.lower()] = _operation(route)
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Copilot Gateway",
                "version": VERSION,
                "summary": "GitHub Copilot seats behind the APIs of OpenAI and Anthropic.",
                "description": WORDS,
            },
            "servers": [{"url": "/"}],
            "security": [{"bearer": []}, {"x-api-key": []}],
            "paths": paths,
            "components": _components(),
        }
    )


def endpoint_for(described: bytes) -> Endpoint:
    """The endpoint that answers with a description."""

    async def describe(
        context: Context, request: Inbound, caller: Caller, exchange: Exchange
    ) -> Response:
        return Response(200, dict(JSON), described)

    return describe


def _operation(route: Described) -> Schema:
    row = OPERATIONS[route.name.removeprefix("/copilot").removeprefix("/v1")]
    faults = row.faults | (errors.OF_PREFIXES if route.platform is not None else frozenset())
    found: Schema = {
        "operationId": f"{route.platform}_{row.id}" if route.platform is not None else row.id,
        "summary": row.summary,
        "parameters": list(row.parameters),
        "responses": {
            "200": {
                "description": answers.words_of(row.answer),
                "headers": _headers(_of_rates(route.protocol) if row.has_rate else ()),
                "content": row.answer,
            },
            **errors.references(faults, route.protocol),
        },
    }
    if row.request:
        schema = {"$ref": f"#/components/schemas/{row.request}"}
        found["requestBody"] = {"required": True, "content": {answers.JSON: {"schema": schema}}}
    if not row.needs_key:
        found["security"] = []
    return found


def _components() -> Schema:
    responses = errors.responses()
    for name, response in responses.items():
        is_anthropic = name.startswith(errors.dialect_of(Protocol.MESSAGES))
        response["headers"] |= _headers(_of_rates(Protocol.MESSAGES if is_anthropic else None))
    return {
        "securitySchemes": {
            "bearer": {"type": "http", "scheme": "bearer"},
            "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
        },
        "schemas": {**requests.BODIES, **answers.SCHEMAS, **errors.schemas()},
        "headers": {
            **answers.HEADERS,
            **answers.RATE_HEADERS,
            **answers.ANTHROPIC_RATE_HEADERS,
            **errors.headers(),
        },
        "responses": responses,
    }


def _headers(more: Iterable[str] = ()) -> Schema:
    names = (*answers.HEADERS, *more)
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _of_rates(protocol: Protocol | None) -> Iterable[str]:
    """The names of the headers that tell of a rate, in a protocol."""
    is_messages = protocol is Protocol.MESSAGES
    return (*answers.RATE_HEADERS, *(answers.ANTHROPIC_RATE_HEADERS if is_messages else ()))
