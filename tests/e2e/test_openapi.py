"""The description that the gateway serves, held against the running pair."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given, settings
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from schemathesis.specs.openapi.schemas import OpenApiSchema

from gateway.web import openapi
from gateway.web.routes import DESCRIPTION, MODEL_ROUTES, ROUTES, Route
from tests.servers.pair import Pair
from tests.servers.process import clean_environment
from tests.servers.simulator import Simulator

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CHECKED = "unsupported_method,allow_header_conformance," + ",".join(
    check.__name__ for check in CHECKS
)
EVERYTHING = [*ROUTES.values(), *MODEL_ROUTES.values()]
FEW = settings(max_examples=3, derandomize=True, database=None, deadline=None)

TALKING = ["gpt-4o-mini", "gpt-5.4", "claude-sonnet-4.6"]
"""For each of the three protocols one that has it and two that need another."""
MODELS: Mapping[str, list[str]] = {
    "ChatRequest": TALKING,
    "ResponsesRequest": TALKING,
    "MessagesRequest": TALKING,
    "EmbeddingsRequest": ["text-embedding-3-small"],
}
HELLO: Mapping[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "hello"}]},
    "/v1/responses": {"input": "hello"},
    "/v1/messages": {"max_tokens": 64, "messages": [{"role": "user", "content": "hello"}]},
}
REFUSALS = {
    "prompt_too_long": "caller_context_length",
    "model_not_supported": "caller_model_not_found",
    "content_filtered": "caller_content_filtered",
    "feature_forbidden": "seat_forbidden",
    "vision_header_missing": "gateway_vision_header",
}
"""Each leaves the account as it is."""


def get(pair: Pair, path: str) -> httpx.Response:
    return httpx.get(pair.base_url + path, timeout=20, trust_env=False)


def post(pair: Pair, path: str, model: str, **more: Any) -> httpx.Response:
    return httpx.post(
        pair.base_url + path,
        json={"model": model, **HELLO[path], **more},
        headers={"x-api-key": pair.key},
        timeout=20,
        trust_env=False,
    )


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemathesis would send what is for this machine to a proxy of the environment."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module")
def described() -> OpenApiSchema:
    return schemathesis.openapi.from_dict(json.loads(DESCRIPTION))


def name_of(route: Route) -> str:
    return f"{route.method} {route.name}"


def test_the_description_is_served_without_a_key_and_there_alone(pair: Pair) -> None:
    answer = get(pair, openapi.PATH)
    assert (answer.status_code, answer.content) == (200, DESCRIPTION)
    assert answer.headers["content-type"] == "application/json"
    assert "x-request-id" in answer.headers
    assert get(pair, "/v1" + openapi.PATH).status_code == 404


def test_the_description_is_openapi(described: OpenApiSchema) -> None:
    described.validate()


@pytest.mark.slow
def test_whatever_is_sent_is_answered_as_described(
    pair: Pair, simulator: Simulator, tmp_path: Path
) -> None:
    """Schemathesis' own examples, edges and mistakes, about a thousand, the same in each run."""
    document = json.loads(DESCRIPTION)
    for name, models in MODELS.items():
        # So that requests get further than to a model that is not there.
        fields = document["components"]["schemas"][name]["properties"]
        fields["model"] = {"anyOf": [{"enum": models}, fields["model"]]}
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(document))
    found = subprocess.run(
        [
            *(sys.executable, "-m", "schemathesis.cli", "run", str(file), "--no-color"),
            *("--url", pair.base_url, "--header", f"x-api-key:{pair.key}", "--checks", CHECKED),
            *("--phases", "examples,coverage,fuzzing", "--max-examples", "10"),
            *("--generation-deterministic", "--generation-with-security-parameters", "false"),
            # The same endpoints once more.
            *("--exclude-path-regex", "^/copilot/"),
        ],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert found.returncode == 0, found.stdout + found.stderr
    reached = {seen.endpoint for seen in simulator.ledger(status=200)}
    assert {"chat", "responses", "messages", "embeddings"} <= reached


@pytest.mark.parametrize(
    "route", [route for route in EVERYTHING if route.platform is not None], ids=name_of
)
def test_a_platforms_own_prefix_is_described_too(
    pair: Pair, described: OpenApiSchema, route: Route
) -> None:
    for case, _ in answered(pair, described, route, {"x-api-key": pair.key}):
        assert case.path == route.name


@pytest.mark.parametrize("route", EVERYTHING, ids=name_of)
def test_without_a_key_everything_but_the_description_is_a_401(
    pair: Pair, described: OpenApiSchema, route: Route
) -> None:
    for _, status in answered(pair, described, route, {}):
        assert status == (401 if route.needs_key else 200)


def answered(
    pair: Pair, described: OpenApiSchema, route: Route, headers: dict[str, str]
) -> Iterator[tuple[Case[Any], int]]:
    """A few requests of an operation and their statuses, answered as it is described."""
    found: list[tuple[Case[Any], int]] = []

    @FEW
    @given(case=described[route.name][route.method].as_strategy())
    def ask(case: Case[Any]) -> None:
        answer = case.call_and_validate(base_url=pair.base_url, headers=headers, checks=CHECKS)
        found.append((case, answer.status_code))

    ask()
    assert found
    yield from found


@pytest.mark.parametrize("path", HELLO)
@pytest.mark.parametrize(("refusal", "fault"), REFUSALS.items())
def test_what_upstream_refuses_is_answered_as_described(
    pair: Pair, simulator: Simulator, described: OpenApiSchema, path: str, refusal: str, fault: str
) -> None:
    simulator.faults({"match": {"model": "gpt-4o-mini"}, "refusal": refusal})
    answer = post(pair, path, "gpt-4o-mini")
    described[path]["POST"].validate_response(answer)
    assert answer.headers["x-gateway-error"] == fault


@pytest.mark.parametrize("path", HELLO)
@pytest.mark.parametrize("model", TALKING)
def test_a_stream_is_answered_as_described(
    pair: Pair, described: OpenApiSchema, path: str, model: str
) -> None:
    answer = post(pair, path, model, stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    described[path]["POST"].validate_response(answer)
