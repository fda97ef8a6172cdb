"""The official openai SDK, unmodified, speaks Responses to models of every kind.

Upstream's own for the Codex model, translated for the Claude model and for the one that only chats.
"""

import json
from typing import Any

import openai
import pytest
from openai.types.responses import FunctionToolParam, Response, ResponseInputParam

from tests.e2e.sdk.asked import (
    ABOUT_TOOL,
    CLAUDE,
    CODEX,
    PIXEL_URL,
    PLACE,
    SERVED_RESPONSES,
    TOOL,
    WEATHER,
    Forecast,
    answers_with,
    assert_one_loop,
    calls_at_once,
    initiators,
    reached,
    the_one,
)
from tests.servers.simulator import Simulator

WEATHER_TOOL: FunctionToolParam = {
    "type": "function",
    "name": TOOL,
    "description": ABOUT_TOOL,
    "parameters": PLACE,
    "strict": True,
}
LOOKS: ResponseInputParam = [
    {
        "role": "user",
        "content": [
            {"type": "input_text", "text": "What is this?"},
            {"type": "input_image", "image_url": PIXEL_URL, "detail": "low"},
        ],
    }
]
each_model = pytest.mark.parametrize(("model", "path"), SERVED_RESPONSES.items())


@each_model
def test_a_whole_answer(client: openai.OpenAI, simulator: Simulator, model: str, path: str) -> None:
    answer = client.responses.create(model=model, instructions="Be brief.", input="Say hello.")
    assert answer.output_text == f"This is a simulated answer from {model}. You said: Say hello."
    assert answer.status == "completed"
    assert answer.object == "response"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.usage.input_tokens > 0
    seen = the_one(simulator)
    assert (seen.path, seen.initiator, seen.vision) == (path, "user", False)


@each_model
def test_a_streamed_answer(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    events = list(client.responses.create(model=model, input="Say hello.", stream=True))
    assert events[0].type == "response.created"
    assert [e.sequence_number for e in events] == list(range(len(events)))
    deltas = [e.delta for e in events if e.type == "response.output_text.delta"]
    assert len(deltas) > 3
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "".join(deltas)
    assert last.response.output_text.endswith("You said: Say hello.")
    assert last.response.usage is not None
    assert last.response.id == events[0].response.id
    assert_items_are_whole(events)
    assert the_one(simulator).path == path


def assert_items_are_whole(events: list[Any]) -> None:
    """Each item is added and done once, under one id and in its place, and is what came of it."""
    added = [e for e in events if e.type == "response.output_item.added"]
    done = [e for e in events if e.type == "response.output_item.done"]
    assert [(e.output_index, e.item.id) for e in added] == list(enumerate(e.item.id for e in done))
    assert [e.item for e in done] == events[-1].response.output


@pytest.mark.anyio
@each_model
async def test_the_async_client(
    async_client: openai.AsyncOpenAI, simulator: Simulator, model: str, path: str
) -> None:
    async with async_client.responses.stream(model=model, input="Say hello.") as stream:
        kinds = [event.type async for event in stream]
        streamed = await stream.get_final_response()
    whole = await async_client.responses.create(model=model, input="Say hello.")
    assert "response.output_text.done" in kinds
    assert whole.output_text == streamed.output_text


@each_model
@pytest.mark.parametrize("calls", [1, 3])
def test_a_tool_loop(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str, calls: int
) -> None:
    """With its reasoning sent back, as clients do that keep nothing upstream."""
    calls_at_once(simulator, calls)
    said: ResponseInputParam = [{"role": "user", "content": "How is the weather?"}]
    asked: dict[str, Any] = {
        "model": model,
        "tools": [WEATHER_TOOL],
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium", "summary": "auto"},
    }
    first = client.responses.create(input=said, **asked)
    assert isinstance(first, Response)
    said += [*_sent_back(first), *_results(first, calls)]
    second = client.responses.create(input=said, **asked)
    assert f"The tool answered: {WEATHER}" in second.output_text
    assert_one_loop(simulator, path)


@each_model
@pytest.mark.parametrize("calls", [1, 3])
def test_a_streamed_tool_loop(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str, calls: int
) -> None:
    calls_at_once(simulator, calls)
    said: ResponseInputParam = [{"role": "user", "content": "How is the weather?"}]
    asked: dict[str, Any] = {
        "model": model,
        "tools": [WEATHER_TOOL],
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "medium"},
    }
    with client.responses.stream(input=said, **asked) as stream:
        events = list(stream)
        first = stream.get_final_response()
    arguments = [e.arguments for e in events if e.type == "response.function_call_arguments.done"]
    assert len(arguments) == calls
    said += [*_sent_back(first), *_results(first, calls)]
    with client.responses.stream(input=said, **asked) as stream:
        second = stream.get_final_response()
    assert f"The tool answered: {WEATHER}" in second.output_text
    assert initiators(simulator) == ["user", "agent"]


def _sent_back(answer: Response) -> list[Any]:
    return [item.to_dict() for item in answer.output]


def _results(answer: Response, expected: int) -> list[Any]:
    calls = [item for item in answer.output if item.type == "function_call"]
    assert len({call.call_id for call in calls}) == expected
    for call in calls:
        assert call.name == TOOL
        assert isinstance(json.loads(call.arguments)["location"], str)
    return [
        {"type": "function_call_output", "call_id": call.call_id, "output": WEATHER}
        for call in calls
    ]


@each_model
def test_reasoning_with_a_summary(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    """Where the model thinks; the one that only chats does not."""
    answer = client.responses.create(
        model=model,
        input="Say hello.",
        reasoning={"effort": "high", "summary": "detailed"},
        include=["reasoning.encrypted_content"],
    )
    reasoning = [item for item in answer.output if item.type == "reasoning"]
    assert bool(reasoning) == (model in (CODEX, CLAUDE))
    for item in reasoning:
        assert item.summary[0].text
        assert item.encrypted_content


@each_model
def test_an_answer_parsed_into_a_class(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    answer = client.responses.parse(model=model, input="Say hello.", text_format=Forecast)
    assert isinstance(answer.output_parsed, Forecast)
    with client.responses.stream(model=model, input="Say hello.", text_format=Forecast) as stream:
        streamed = stream.get_final_response()
    assert streamed.output_parsed == answer.output_parsed


@each_model
def test_an_image_is_announced_to_upstream(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    answer = client.responses.create(model=model, input=LOOKS)
    assert answer.output_text.endswith("You said: What is this?")
    seen = the_one(simulator)
    assert seen.vision
    assert PIXEL_URL.partition(",")[2] in (seen.body or "")


@each_model
def test_an_image_that_a_tool_returns(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    said: ResponseInputParam = [{"role": "user", "content": "How does it look?"}]
    first = client.responses.create(model=model, input=said, tools=[WEATHER_TOOL])
    (call,) = [item for item in first.output if item.type == "function_call"]
    said += _sent_back(first)
    said.append(
        {
            "type": "function_call_output",
            "call_id": call.call_id,
            "output": [
                {"type": "input_text", "text": WEATHER},
                {"type": "input_image", "image_url": PIXEL_URL},
            ],
        }
    )
    client.responses.create(model=model, input=said, tools=[WEATHER_TOOL])
    last = reached(simulator)[-1]
    assert (last.initiator, last.vision) == ("agent", True)
    assert PIXEL_URL.partition(",")[2] in (last.body or "")
    assert WEATHER in (last.body or "")


@each_model
def test_an_answer_that_was_cut_short_says_so(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    answers_with(simulator, finish_reason="length")
    whole = client.responses.create(model=model, input="Say hello.")
    *_, last = client.responses.create(model=model, input="Say hello.", stream=True)
    assert last.type == "response.incomplete"
    for answer in (whole, last.response):
        assert answer.status == "incomplete"
        assert answer.incomplete_details is not None
        assert answer.incomplete_details.reason == "max_output_tokens"


@each_model
def test_what_lies_with_upstream_cannot_be_continued(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=model, input="And?", previous_response_id="resp_1")
    assert caught.value.code == "previous_response_not_found"
    assert caught.value.param == "previous_response_id"
    with pytest.raises(openai.NotFoundError) as missing:
        client.responses.retrieve("resp_1")
    assert missing.value.code == "unsupported_endpoint"
    assert reached(simulator) == []
