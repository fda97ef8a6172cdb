"""The description of the callers' port, held against what the gateway goes by."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import msgspec
import pytest

from gateway.domain import conversations
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.standing import RateStanding
from gateway.domain.budgets.totals import Totals
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.platforms import copilot, openai
from gateway.domain.protocols import Protocol
from gateway.domain.requests import chat, embeddings, messages, reading, responses
from gateway.domain.routing import PREFERENCES
from gateway.web import openapi, openapi_errors, openapi_requests
from gateway.web.ids import CALLER_REQUEST_ID_HEADER, REQUEST_ID_HEADER
from gateway.web.problems import ANTHROPIC_SERVER, ANTHROPIC_TYPES, SHAPES, error_response
from gateway.web.rate_headers import rate_headers
from gateway.web.routes import DESCRIPTION, MODEL_ROUTES, ROUTES, Route
from runtime.version import VERSION
from tests.servers.process import ROOT

PAGE = (ROOT / "docs/http.md").read_text()
DOCUMENT: dict[str, Any] = json.loads(DESCRIPTION)
EVERYTHING = [*ROUTES.values(), *MODEL_ROUTES.values()]
EVERY_ID = [f"{route.method} {route.name}" for route in EVERYTHING]


def operation_of(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = DOCUMENT["paths"][route.name][route.method.lower()]
    return found


def resolved(value: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    found: Any = DOCUMENT
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    assert isinstance(found, dict)
    return found


def schema_of(schema: dict[str, Any]) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator({**schema, "components": DOCUMENT["components"]})


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if "$ref" in value else []
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from references(each)


# --- paths ---


def test_every_route_is_described_and_every_described_one_is_a_route() -> None:
    described = {
        (method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item
    }
    assert described == {(route.method, route.name) for route in EVERYTHING}
    prefixes = ("/copilot/v1", "/v1")
    assert set(openapi.OPERATIONS) == {
        next((name.removeprefix(each) for each in prefixes if name.startswith(each)), name)
        for _, name in described
    }


def test_a_route_of_which_nothing_is_said_stops_the_start() -> None:
    new = openapi.OwnRoute(name="/v1/new")
    with pytest.raises(KeyError):
        openapi.document([new])


def test_it_says_which_version_it_is_of_and_is_whole() -> None:
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", VERSION)
    ids = [operation_of(route)["operationId"] for route in EVERYTHING]
    assert len(ids) == len(set(ids))
    assert all(resolved({"$ref": each}) for each in references(DOCUMENT))


@pytest.mark.parametrize("route", EVERYTHING, ids=EVERY_ID)
def test_a_key_is_wanted_where_the_gateway_wants_one(route: Route) -> None:
    assert DOCUMENT["security"] == [{"bearer": []}, {"x-api-key": []}]
    assert operation_of(route).get("security", DOCUMENT["security"]) == (
        DOCUMENT["security"] if route.needs_key else []
    )
    assert ("401" in operation_of(route)["responses"]) is route.needs_key
    assert route.platform is None or "403" in operation_of(route)["responses"]


# --- errors ---


def test_every_fault_is_described_with_its_status() -> None:
    described = {
        (word, int(name.rpartition("-")[2]))
        for name, header in DOCUMENT["components"]["headers"].items()
        if name.startswith("x-gateway-error-")
        for word in header["schema"]["enum"]
    }
    assert described == {(fault.value, shape.status) for fault, shape in SHAPES.items()}


def test_every_fault_but_those_that_meet_no_endpoint_is_some_endpoints() -> None:
    possible = frozenset().union(*(row.faults for row in openapi.OPERATIONS.values()))
    missing = set(Fault) - possible - openapi_errors.OF_PREFIXES
    assert missing <= openapi_errors.ELSEWHERE


@pytest.mark.parametrize("fault", list(Fault))
@pytest.mark.parametrize("protocol", [None, *Protocol])
def test_an_error_is_as_it_is_described(fault: Fault, protocol: Protocol | None) -> None:
    error = GatewayError(fault, "words", param="model", retry_after=1.5)
    answer = error_response(error, protocol, "00000000-0000-0000-0000-000000000000")
    assert isinstance(answer.body, bytes)
    reference = openapi_errors.references(frozenset({fault}), protocol)[str(answer.status)]
    described = resolved(reference)
    kind = answer.headers["Content-Type"]
    schema_of(described["content"][kind]["schema"]).validate(json.loads(answer.body))
    for name, header in described["headers"].items():
        if name in answer.headers:
            value: Any = answer.headers[name]
            schema = resolved(header)["schema"]
            schema_of(schema).validate(int(value) if schema.get("type") == "integer" else value)
        else:
            ids = {REQUEST_ID_HEADER, CALLER_REQUEST_ID_HEADER}
            assert name in ids or not resolved(header).get("required")


RATE = RateStanding(Budget(Period.MINUTE, 10, 1000), Totals(3, 0, 40), 1_795_608_060.0, 36.2)


@pytest.mark.parametrize("route", EVERYTHING, ids=EVERY_ID)
def test_a_rate_is_described_where_requests_count_in_it(route: Route) -> None:
    told = set(rate_headers(RATE, route.protocol))
    operation = operation_of(route)
    described = set(operation["responses"]["200"]["headers"])
    assert (told <= described) is (Fault.POLICY_RATE in faults_of(operation))
    if told <= described:
        ids = {REQUEST_ID_HEADER, CALLER_REQUEST_ID_HEADER}
        assert described == told | ids
        assert told <= set(resolved(operation["responses"]["429"])["headers"])


def faults_of(operation: dict[str, Any]) -> frozenset[Fault]:
    name = operation["operationId"].removeprefix("copilot_")
    return next(each.faults for each in openapi.OPERATIONS.values() if each.id == name)


@pytest.mark.parametrize("protocol", list(Protocol))
def test_the_headers_of_a_rate_are_as_they_are_described(protocol: Protocol) -> None:
    described = DOCUMENT["components"]["headers"]
    for name, text in rate_headers(RATE, protocol).items():
        schema = described[name]["schema"]
        value: Any = int(text) if schema["type"] == "integer" else text
        schema_of(schema).validate(value)


@pytest.mark.parametrize("route", EVERYTHING, ids=EVERY_ID)
def test_errors_are_in_the_routes_protocol(route: Route) -> None:
    dialect = "anthropic" if route.protocol is Protocol.MESSAGES else "openai"
    for status, answer in operation_of(route)["responses"].items():
        if status != "200":
            assert answer == {"$ref": f"#/components/responses/{dialect}-{status}"}


@pytest.mark.parametrize("dialect", openapi_errors.DIALECTS.values())
def test_one_shape_of_errors_is_not_taken_for_the_other(dialect: str) -> None:
    protocols = [Protocol.CHAT, Protocol.MESSAGES]
    schema = schema_of({"$ref": f"#/components/schemas/{dialect}"})
    bodies = [error_response(GatewayError(Fault.SEAT_BUSY, "m"), each).body for each in protocols]
    fitting = [schema.is_valid(json.loads(body)) for body in bodies if isinstance(body, bytes)]
    assert sorted(fitting) == [False, True]


def test_every_answer_has_the_headers_that_every_answer_has() -> None:
    answers = [operation_of(route)["responses"]["200"] for route in EVERYTHING]
    answers += DOCUMENT["components"]["responses"].values()
    for answer in answers:
        assert {REQUEST_ID_HEADER, CALLER_REQUEST_ID_HEADER} <= set(answer["headers"])


# --- requests ---

READ: dict[str, tuple[type[msgspec.Struct], set[str]]] = {
    "ChatRequest": (chat.ChatRequest, set()),
    "ResponsesRequest": (responses.ResponsesRequest, set()),
    "MessagesRequest": (messages.MessagesRequest, {"thread"}),
    "EmbeddingsRequest": (embeddings.EmbeddingsRequest, set()),
}
"""The structs, and what is read beside them."""
NOTICED = {"max_tokens", "max_output_tokens", "client_metadata", "service_tier", "id"} | {
    "reasoning_opaque", "encrypted_content", "cache_control", "context_management",
}  # fmt: skip
"""What is looked at only to know whether the body may have to be changed: any value will do."""
PARSERS = {
    "ChatRequest": chat.parse,
    "ResponsesRequest": responses.parse,
    "MessagesRequest": messages.parse,
    "EmbeddingsRequest": embeddings.parse,
}


def fields_of(struct: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(struct)} - NOTICED


def properties_at(schema: dict[str, Any], *names: str) -> set[str]:
    for name in names:
        schema = schema["properties"][name]
        schema = next(each for each in schema.get("anyOf", [schema]) if "items" in each)["items"]
    return set(schema["properties"])


@pytest.mark.parametrize("name", READ)
def test_the_fields_of_a_request_are_those_the_gateway_looks_at(name: str) -> None:
    struct, others = READ[name]
    schema = DOCUMENT["components"]["schemas"][name]
    assert set(schema["properties"]) == fields_of(struct) | others
    assert schema["additionalProperties"] is True


def test_the_fields_of_a_message_are_those_the_gateway_looks_at() -> None:
    bodies = openapi_requests.BODIES
    assert properties_at(bodies["ChatRequest"], "messages") == fields_of(chat.Message)
    assert properties_at(bodies["MessagesRequest"], "messages") == fields_of(messages.Turn)
    assert properties_at(bodies["ResponsesRequest"], "input") == fields_of(responses.Item)
    parts = properties_at(bodies["ChatRequest"], "messages", "content")
    assert parts <= fields_of(reading.Part)


@pytest.mark.parametrize("name", PARSERS)
def test_the_example_of_a_request_is_one(name: str) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    (example,) = schema["examples"]
    schema_of(schema).validate(example)
    PARSERS[name](json.dumps(example).encode())


WRONG: dict[str, list[Any]] = {
    "model": [None, 5, "", "m" * (reading.MAX_MODEL_CHARACTERS + 1)],
    "stream": ["yes", 1],
    "messages": [None, [], "hello", [5], [{"content": "no role"}], [{"role": 1}]],
    "input": [None, [], "", 5],
    "previous_response_id": ["resp_1"],
}


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        (name, field, value)
        for name, schema in openapi_requests.BODIES.items()
        for field, values in WRONG.items()
        if field in schema["properties"]
        for value in values
    ],
)
def test_what_the_gateway_refuses_the_description_forbids(
    name: str, field: str, value: Any
) -> None:
    schema = DOCUMENT["components"]["schemas"][name]
    request = {**schema["examples"][0], field: value}
    assert not schema_of(schema).is_valid(request)
    with pytest.raises(GatewayError):
        PARSERS[name](json.dumps(request).encode())


def test_the_headers_of_a_conversation_are_described() -> None:
    names = {
        each["name"] for each in DOCUMENT["paths"]["/v1/chat/completions"]["post"]["parameters"]
    }
    passed_on = {*copilot.FROM_CALLER, *openai.FROM_CALLER}
    assert names == {"X-Initiator", *conversations.HEADERS, *passed_on}


# --- answers ---


@pytest.mark.parametrize("route", EVERYTHING, ids=EVERY_ID)
def test_events_are_described_where_a_request_can_ask_for_a_stream(route: Route) -> None:
    operation = operation_of(route)
    kinds = set(operation["responses"]["200"]["content"])
    is_inference = re.search(r"/(chat/completions|responses|messages)$", route.name) is not None
    assert kinds == {"application/json"} | ({"text/event-stream"} if is_inference else set())
    assert ("requestBody" in operation) is (route.method == "POST")


# --- the page beside it ---


def test_the_page_names_anthropics_types_by_status() -> None:
    rows = re.findall(r"^\| ([\d ]+|else) \| `(\w+)` \|$", PAGE, re.MULTILINE)
    named = {status: kind for statuses, kind in rows for status in statuses.split()}
    other = named.pop("else")
    assert named == {str(status): kind for status, kind in ANTHROPIC_TYPES.items()}
    assert other == ANTHROPIC_SERVER


@pytest.mark.parametrize("caller", [Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES])
def test_the_page_names_the_protocols_a_request_is_translated_through(caller: Protocol) -> None:
    pages = re.findall(rf"translation/{caller.value}_over_(\w+)\.md", PAGE)
    assert [caller.value, *pages] == [each.value for each in PREFERENCES[caller]]
