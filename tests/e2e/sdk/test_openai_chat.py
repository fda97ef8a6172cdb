"""The official openai SDK, unmodified, speaks chat completions to models of every kind.

Chat is upstream's own for two of them, and translated for the one that has Responses only.
"""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import (
    ChatCompletionMessageParam,
    ChatCompletionToolMessageParam,
    ChatCompletionToolParam,
)

from tests.e2e.sdk.asked import (
    ABOUT_TOOL,
    CODEX,
    GPT,
    PIXEL_URL,
    PLACE,
    SERVED_CHAT,
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
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

HELLO: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Say hello."},
]
WEATHER_TOOL: ChatCompletionToolParam = {
    "type": "function",
    "function": {"name": TOOL, "description": ABOUT_TOOL, "parameters": PLACE, "strict": True},
}
each_model = pytest.mark.parametrize(("model", "path"), SERVED_CHAT.items())


@each_model
@pytest.mark.parametrize("prefix", ["/v1", "/copilot/v1"])
def test_a_whole_answer(
    client: openai.OpenAI, pair: Pair, simulator: Simulator, prefix: str, model: str, path: str
) -> None:
    client = client.with_options(base_url=pair.base_url + prefix)
    answer = client.chat.completions.create(model=model, messages=HELLO)
    (choice,) = answer.choices
    assert choice.message.role == "assistant"
    assert choice.message.content == (
        f"This is a simulated answer from {model}. You said: Say hello."
    )
    assert choice.finish_reason == "stop"
    assert answer.object == "chat.completion"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer.usage.prompt_tokens > 0
    seen = the_one(simulator)
    assert (seen.path, seen.initiator, seen.vision) == (path, "user", False)


@each_model
def test_a_streamed_answer_comes_in_pieces(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    stream = client.chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    texts = [c.choices[0].delta.content for c in chunks if c.choices and c.choices[0].delta.content]
    assert len(texts) > 3
    assert "".join(texts) == f"This is a simulated answer from {model}. You said: Say hello."
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    assert len({chunk.id for chunk in chunks}) == 1
    (usage,) = [chunk.usage for chunk in chunks if chunk.usage]
    assert usage.total_tokens > 0
    assert the_one(simulator).path == path


@each_model
def test_a_stream_that_was_not_asked_for_its_usage_is_complete_without(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    assert all(chunk.choices for chunk in chunks)
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"


@pytest.mark.anyio
@each_model
async def test_the_async_client_streams_too(
    async_client: openai.AsyncOpenAI, simulator: Simulator, model: str, path: str
) -> None:
    stream = await async_client.chat.completions.create(model=model, messages=HELLO, stream=True)
    text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    assert text.endswith("You said: Say hello.")
    whole = await async_client.chat.completions.create(model=model, messages=HELLO)
    assert whole.choices[0].message.content == text


@each_model
@pytest.mark.parametrize("calls", [1, 3])
def test_a_tool_loop(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str, calls: int
) -> None:
    calls_at_once(simulator, calls)
    messages = list(HELLO)
    first = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER_TOOL])
    assert first.choices[0].finish_reason == "tool_calls"
    made = first.choices[0].message.tool_calls or []
    assert len({call.id for call in made}) == calls
    messages += [
        first.choices[0].message.to_dict(),  # type: ignore[list-item]  # as the SDK's guide does
        *(result_of(call) for call in made),
    ]
    second = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER_TOOL])
    assert second.choices[0].finish_reason == "stop"
    assert (second.choices[0].message.content or "").endswith(f"The tool answered: {WEATHER}")
    assert_one_loop(simulator, path)


@each_model
@pytest.mark.parametrize("calls", [1, 3])
def test_a_streamed_tool_loop(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str, calls: int
) -> None:
    calls_at_once(simulator, calls)
    messages = list(HELLO)
    with client.chat.completions.stream(
        model=model, messages=messages, tools=[WEATHER_TOOL]
    ) as stream:
        finished = [e for e in stream if e.type == "tool_calls.function.arguments.done"]
        first = stream.get_final_completion().choices[0]
    assert [event.index for event in finished] == list(range(calls))
    assert first.finish_reason == "tool_calls"
    made = first.message.tool_calls or []
    assert len({call.id for call in made}) == calls
    messages += [
        first.message.to_dict(),  # type: ignore[list-item]
        *(result_of(call) for call in made),
    ]
    with client.chat.completions.stream(
        model=model, messages=messages, tools=[WEATHER_TOOL]
    ) as stream:
        second = stream.get_final_completion().choices[0]
    assert (second.message.content or "").endswith(f"The tool answered: {WEATHER}")
    assert initiators(simulator) == ["user", "agent"]


def result_of(call: Any) -> ChatCompletionToolMessageParam:
    assert call.type == "function"
    assert call.function.name == TOOL
    assert isinstance(json.loads(call.function.arguments)["location"], str)
    return {"role": "tool", "tool_call_id": call.id, "content": WEATHER}


@each_model
def test_a_tool_that_has_to_be_called_and_one_that_must_not_be(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    other: ChatCompletionToolParam = {
        "type": "function",
        "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
    }
    named = client.chat.completions.create(
        model=model,
        messages=HELLO,
        tools=[WEATHER_TOOL, other],
        tool_choice={"type": "function", "function": {"name": "get_time"}},
    )
    (call,) = named.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "get_time"
    none = client.chat.completions.create(
        model=model, messages=HELLO, tools=[WEATHER_TOOL], tool_choice="none"
    )
    assert not none.choices[0].message.tool_calls
    calls_at_once(simulator, 3)
    alone = client.chat.completions.create(
        model=model, messages=HELLO, tools=[WEATHER_TOOL], parallel_tool_calls=False
    )
    assert len(alone.choices[0].message.tool_calls or []) == 1


@each_model
def test_an_answer_parsed_into_a_class(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    answer = client.chat.completions.parse(model=model, messages=HELLO, response_format=Forecast)
    assert isinstance(answer.choices[0].message.parsed, Forecast)
    with client.chat.completions.stream(
        model=model, messages=HELLO, response_format=Forecast
    ) as stream:
        streamed = stream.get_final_completion().choices[0].message.parsed
    assert streamed == answer.choices[0].message.parsed


@each_model
def test_an_image_is_announced_to_upstream(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    """Upstream refuses an image that is not announced (copilot-upstream.md §7.2)."""
    messages: list[ChatCompletionMessageParam] = [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": PIXEL_URL, "detail": "low"}},
            ],
        }
    ]
    answer = client.chat.completions.create(model=model, messages=messages)
    assert (answer.choices[0].message.content or "").endswith("You said: What is this?")
    seen = the_one(simulator)
    assert seen.vision
    assert PIXEL_URL.partition(",")[2] in (seen.body or "")


@each_model
def test_an_answer_that_was_cut_short_says_so(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    answers_with(simulator, finish_reason="length")
    whole = client.chat.completions.create(model=model, messages=HELLO, max_tokens=50)
    assert whole.choices[0].finish_reason == "length"
    stream = client.chat.completions.create(model=model, messages=HELLO, stream=True)
    assert [c.choices[0].finish_reason for c in stream if c.choices][-1] == "length"


def test_several_answers_to_one_question(client: openai.OpenAI, simulator: Simulator) -> None:
    """Passed on where upstream has it; where it cannot be had it is refused, not ignored."""
    client.chat.completions.create(model=GPT, messages=HELLO, n=2)
    assert json.loads(the_one(simulator).body or "")["n"] == 2
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=CODEX, messages=HELLO, n=2)
    assert caught.value.param == "n"


@each_model
def test_a_wrong_type_is_a_bad_request(
    client: openai.OpenAI, simulator: Simulator, model: str, path: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, messages="hi")  # type: ignore[arg-type]
    assert caught.value.param == "messages"
    assert reached(simulator) == []
