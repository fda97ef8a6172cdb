"""The official openai SDK, unmodified, against the running pair; upstream is the simulator."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam

from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

MODEL = "gpt-4o-mini"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello."}]
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q"
    "DwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather at a place",
        "parameters": {
            "type": "object",
            "properties": {"location": {"type": "string"}},
            "required": ["location"],
        },
    },
}


@pytest.fixture(params=["/v1", "/copilot/v1"])
def client(pair: Pair, request: pytest.FixtureRequest) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=pair.base_url + request.param, api_key=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


@pytest.fixture
async def async_client(pair: Pair) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        base_url=pair.base_url + "/v1", api_key=pair.key, max_retries=0, timeout=20
    ) as client:
        yield client


def sent(simulator: Simulator) -> Any:
    """The one inference request upstream got, once upstream has noted how it ended."""
    deadline = time.monotonic() + 5
    while True:
        (seen,) = [entry for entry in simulator.ledger() if entry.path == "/chat/completions"]
        if seen.outcome != "open" or time.monotonic() > deadline:
            return seen
        time.sleep(0.02)


def test_a_whole_answer(client: openai.OpenAI, simulator: Simulator) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=HELLO)
    assert "simulated" in (answer.choices[0].message.content or "")
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0
    assert sent(simulator).initiator == "user"


def test_a_streamed_answer_comes_in_pieces(client: openai.OpenAI, simulator: Simulator) -> None:
    stream = client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    chunks = list(stream)
    pieces = [
        c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content
    ]
    assert len(pieces) > 3
    assert "simulated" in "".join(pieces)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert sent(simulator).outcome == "finished"


def test_a_tool_call_round_trip(client: openai.OpenAI, simulator: Simulator) -> None:
    messages = list(HELLO)
    first = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    (call,) = first.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "get_weather"
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    messages += [
        first.choices[0].message.to_dict(),  # type: ignore[list-item]  # as the SDK's guide does
        {"role": "tool", "tool_call_id": call.id, "content": "22 degrees and sunny"},
    ]
    second = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    assert "22 degrees and sunny" in (second.choices[0].message.content or "")
    initiators = [e.initiator for e in simulator.ledger() if e.path == "/chat/completions"]
    assert initiators == ["user", "agent"]


def test_a_streamed_tool_call_can_be_put_together(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model=MODEL, messages=HELLO, tools=[WEATHER], stream=True
    )
    deltas = [c.choices[0].delta for c in stream if c.choices]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    arguments = "".join(call.function.arguments or "" for call in calls if call.function)
    assert "location" in json.loads(arguments)


def test_an_image_is_announced_to_upstream(client: openai.OpenAI, simulator: Simulator) -> None:
    """Upstream refuses an image that is not announced (copilot-upstream.md §7.2)."""
    messages: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL}},
            ],
        }
    ]
    answer = client.chat.completions.create(model="gpt-4o", messages=messages)
    assert answer.choices[0].message.content
    assert sent(simulator).vision


def test_the_model_list(client: openai.OpenAI) -> None:
    models = client.models.list()
    ids = [model.id for model in models]
    assert MODEL in ids
    assert len(ids) == len(set(ids))
    assert client.models.retrieve(MODEL).id == MODEL


def test_a_bad_key_is_an_authentication_error(pair: Pair) -> None:
    with openai.OpenAI(base_url=pair.base_url + "/v1", api_key="nope", max_retries=0) as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.chat.completions.create(model=MODEL, messages=HELLO)
    assert caught.value.code == "invalid_api_key"
    assert caught.value.response.headers["x-gateway-error"] == "caller_key_unknown"


@pytest.mark.parametrize("stream", [False, True])
def test_a_bad_model_is_a_not_found_error(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-none", messages=HELLO, stream=stream)
    assert caught.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-none")


def test_a_wrong_type_is_a_bad_request(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages="hi")  # type: ignore[arg-type]
    assert caught.value.param == "messages"


@pytest.mark.anyio
async def test_the_async_client_streams_too(async_client: openai.AsyncOpenAI) -> None:
    stream = await async_client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    assert "simulated" in text
