"""What a complete answer would say is known without asking for one."""

import json
from typing import Any

import pytest

from simulator.endpoints.expecting import expected
from simulator.scenario.faults import Endpoint
from tests.unit.simulator.asking import WEATHER, Simulated

USER = {"messages": [{"role": "user", "content": "größer"}]}


def expect(endpoint: Endpoint, body: dict[str, Any], script: dict[str, Any] | None = None) -> Any:
    world = Simulated({"chat": script or {}}).world
    return expected(world, endpoint, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.CHAT, USER),
        (Endpoint.RESPONSES, {"input": "größer"}),
        (Endpoint.MESSAGES, {**USER, "max_tokens": 100}),
    ],
)
@pytest.mark.parametrize("model", ["gpt-4o", "gpt-5.4", "claude-sonnet-4.6"])
def test_it_does_not_depend_on_the_protocol(
    endpoint: Endpoint, body: dict[str, Any], model: str
) -> None:
    said = expect(endpoint, {"model": model, **body})
    assert said["text"] == f"This is a simulated answer from {model}. You said: größer"
    assert (said["calls"], said["finish_reason"]) == ([], "stop")


def test_it_is_what_is_answered() -> None:
    script = {"text": "simulated ", "chunks": 30}
    body = {"model": "gpt-4o", **USER}
    told = Simulated({"chat": script}).chat("größer").json
    said = expect(Endpoint.CHAT, body, script)
    assert (
        said["text"] == told["choices"][0]["message"]["content"] == "simulated simulated simulated "
    )


def test_calls_are_known_too() -> None:
    said = expect(Endpoint.CHAT, {"model": "gpt-4o", **USER, "tools": [WEATHER]})
    (call,) = said["calls"]
    assert call["name"] == "get_weather"
    assert json.loads(call["arguments"]) == {"city": "Berlin", "unit": "celsius"}


@pytest.mark.parametrize(
    ("endpoint", "body"),
    [
        (Endpoint.MODELS, {}),
        (Endpoint.EMBEDDINGS, {"model": "text-embedding-3-small", "input": ["a"]}),
        (Endpoint.CHAT, {"model": "nonsense", **USER}),
        (Endpoint.CHAT, {"model": "gpt-4o", "messages": []}),
    ],
)
def test_what_nothing_is_said_to(endpoint: Endpoint, body: dict[str, Any]) -> None:
    assert expect(endpoint, body) is None
