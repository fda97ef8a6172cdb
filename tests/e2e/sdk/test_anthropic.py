"""The official anthropic SDK, unmodified, speaks Messages to models of every kind.

Upstream's own for the Claude model, translated for the one that has Responses only and for those
that only chat.
"""

import json
from collections.abc import Iterable
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageParam, RawMessageStreamEvent, ToolParam

from tests.e2e.sdk.asked import (
    ABOUT_TOOL,
    CLAUDE,
    CODEX,
    GEMINI,
    GPT,
    PIXEL,
    PLACE,
    SERVED_MESSAGES,
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

HELLO: list[MessageParam] = [{"role": "user", "content": "Say hello."}]
WEATHER_TOOL: ToolParam = {
    "name": TOOL,
    "description": ABOUT_TOOL,
    "input_schema": {**PLACE, "type": "object"},
}
IMAGE: dict[str, Any] = {
    "type": "image",
    "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
}
ROOM = 4096
each_model = pytest.mark.parametrize(("model", "path"), SERVED_MESSAGES.items())
each_that_thinks = pytest.mark.parametrize("model", [CLAUDE, CODEX, GEMINI])


@each_model
def test_a_whole_answer(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    answer = claude.messages.create(
        model=model, max_tokens=ROOM, system="Be brief.", messages=HELLO
    )
    (block,) = answer.content
    assert block.type == "text"
    assert block.text == f"This is a simulated answer from {model}. You said: Say hello."
    assert (answer.type, answer.role, answer.stop_reason) == ("message", "assistant", "end_turn")
    assert answer.id.startswith("msg_")
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    seen = the_one(simulator)
    assert (seen.path, seen.initiator, seen.vision) == (path, "user", False)


@each_model
def test_a_streamed_answer(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    with claude.messages.stream(model=model, max_tokens=ROOM, messages=HELLO) as stream:
        texts = list(stream.text_stream)
        final = stream.get_final_message()
    assert len(texts) > 3
    (block,) = final.content
    assert block.type == "text"
    assert block.text == "".join(texts)
    assert block.text.endswith("You said: Say hello.")
    assert final.stop_reason == "end_turn"
    assert final.usage.output_tokens > 0
    assert the_one(simulator).path == path


@each_model
def test_the_events_come_in_anthropics_order(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    calls_at_once(simulator, 2)
    stream = claude.messages.create(
        model=model,
        max_tokens=ROOM,
        messages=HELLO,
        tools=[WEATHER_TOOL],
        thinking={"type": "enabled", "budget_tokens": 1024},
        stream=True,
    )
    assert_in_order(stream)


def assert_in_order(stream: Iterable[RawMessageStreamEvent]) -> None:
    """One block at a time, numbered from 0, between the message's start and its end."""
    first, *events, delta, last = stream
    assert first.type == "message_start"
    assert first.message.content == []
    assert (delta.type, last.type) == ("message_delta", "message_stop")
    blocks, is_open = 0, False
    for event in events:
        if event.type == "content_block_start":
            assert (event.index, is_open) == (blocks, False)
            is_open = True
        elif event.type == "content_block_delta":
            assert (event.index, is_open) == (blocks, True)
        else:
            assert event.type == "content_block_stop"
            assert (event.index, is_open) == (blocks, True)
            blocks, is_open = blocks + 1, False
    assert not is_open
    assert blocks >= 2


@pytest.mark.anyio
@each_model
async def test_the_async_client_with_a_bearer_token(
    async_claude: anthropic.AsyncAnthropic, simulator: Simulator, model: str, path: str
) -> None:
    async with async_claude.messages.stream(model=model, max_tokens=ROOM, messages=HELLO) as stream:
        streamed = await stream.get_final_text()
    whole = await async_claude.messages.create(model=model, max_tokens=ROOM, messages=HELLO)
    assert text_of(whole) == streamed


def text_of(answer: Message) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def calls_of(answer: Message) -> list[Any]:
    return [block for block in answer.content if block.type == "tool_use"]


@each_model
@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_loop(
    claude: anthropic.Anthropic,
    simulator: Simulator,
    model: str,
    path: str,
    calls: int,
    streamed: bool,
) -> None:
    calls_at_once(simulator, calls)
    messages = list(HELLO)
    first = ask(claude, streamed, model=model, messages=messages, tools=[WEATHER_TOOL])
    assert first.stop_reason == "tool_use"
    made = calls_of(first)
    assert len({call.id for call in made}) == calls
    messages += [answer_of(first), results_of(made, WEATHER)]
    second = ask(claude, streamed, model=model, messages=messages, tools=[WEATHER_TOOL])
    assert second.stop_reason == "end_turn"
    assert f"The tool answered: {WEATHER}" in text_of(second)
    assert_one_loop(simulator, path)


def ask(claude: anthropic.Anthropic, streamed: bool, **fields: Any) -> Message:
    fields = {"max_tokens": ROOM, **fields}
    if not streamed:
        answer = claude.messages.create(**fields)
        assert isinstance(answer, Message)
        return answer
    with claude.messages.stream(**fields) as stream:
        return stream.get_final_message()


def answer_of(answer: Message) -> MessageParam:
    """As the SDK's guides send an answer back."""
    return {"role": "assistant", "content": answer.content}


def results_of(calls: list[Any], content: Any) -> MessageParam:
    for call in calls:
        assert call.name == TOOL
        assert isinstance(call.input["location"], str)
    return {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": call.id, "content": content} for call in calls
        ],
    }


@each_that_thinks
@pytest.mark.parametrize("streamed", [False, True])
def test_thinking_goes_through_a_tool_loop(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, streamed: bool
) -> None:
    """Its signature is what upstream sealed: sent back, it has to be taken."""
    asked: dict[str, Any] = {
        "model": model,
        "tools": [WEATHER_TOOL],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    messages = list(HELLO)
    first = ask(claude, streamed, messages=messages, **asked)
    (thinking,) = [block for block in first.content if block.type == "thinking"]
    assert thinking.signature
    assert first.content[0] is thinking
    messages += [answer_of(first), results_of(calls_of(first), WEATHER)]
    second = ask(claude, streamed, messages=messages, **asked)
    assert f"The tool answered: {WEATHER}" in text_of(second)
    assert [(seen.initiator, seen.status) for seen in reached(simulator)] == [
        ("user", 200),
        ("agent", 200),
    ]
    assert sealed(model) in (reached(simulator)[-1].body or "")


def sealed(model: str) -> str:
    """The field in which a model's own protocol brings back what it thought."""
    return {CLAUDE: '"signature"', CODEX: '"encrypted_content"', GEMINI: '"reasoning_opaque"'}[
        model
    ]


@each_that_thinks
def test_adaptive_thinking(claude: anthropic.Anthropic, simulator: Simulator, model: str) -> None:
    answer = ask(
        claude,
        True,
        model=model,
        messages=HELLO,
        thinking={"type": "adaptive", "display": "summarized"},
        output_config={"effort": "high"},
    )
    assert [block.type for block in answer.content] == ["thinking", "text"]


@each_model
def test_an_image_is_announced_to_upstream(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    said: Any = [{"role": "user", "content": [IMAGE, {"type": "text", "text": "What is this?"}]}]
    answer = ask(claude, False, model=model, messages=said)
    assert text_of(answer).endswith("You said: What is this?")
    seen = the_one(simulator)
    assert seen.vision
    assert PIXEL in (seen.body or "")


@each_model
def test_an_image_that_a_tool_returns(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    messages = list(HELLO)
    first = ask(claude, False, model=model, messages=messages, tools=[WEATHER_TOOL])
    content = [{"type": "text", "text": WEATHER}, IMAGE]
    messages += [answer_of(first), results_of(calls_of(first), content)]
    ask(claude, True, model=model, messages=messages, tools=[WEATHER_TOOL])
    last = reached(simulator)[-1]
    assert (last.initiator, last.vision) == ("agent", True)
    assert PIXEL in (last.body or "")
    assert WEATHER in (last.body or "")


@each_model
def test_a_tool_that_has_to_be_called_and_one_that_must_not_be(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    other: ToolParam = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
    named = ask(
        claude,
        False,
        model=model,
        messages=HELLO,
        tools=[WEATHER_TOOL, other],
        tool_choice={"type": "tool", "name": "get_time"},
    )
    assert [call.name for call in calls_of(named)] == ["get_time"]
    none = ask(
        claude,
        False,
        model=model,
        messages=HELLO,
        tools=[WEATHER_TOOL],
        tool_choice={"type": "none"},
    )
    assert calls_of(none) == []
    calls_at_once(simulator, 3)
    alone = ask(
        claude,
        False,
        model=model,
        messages=HELLO,
        tools=[WEATHER_TOOL],
        tool_choice={"type": "auto", "disable_parallel_tool_use": True},
    )
    assert len(calls_of(alone)) == 1


@each_model
def test_an_answer_parsed_into_a_class(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    answer = claude.messages.parse(
        model=model, max_tokens=ROOM, messages=HELLO, output_format=Forecast
    )
    assert isinstance(answer.parsed_output, Forecast)


@each_model
def test_an_answer_that_was_cut_short_says_so(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    answers_with(simulator, finish_reason="length")
    for streamed in (False, True):
        answer = ask(claude, streamed, model=model, messages=HELLO)
        assert answer.stop_reason == "max_tokens"


def test_tokens_are_counted_without_asking_upstream(
    claude: anthropic.Anthropic, simulator: Simulator
) -> None:
    def count(**more: Any) -> int:
        return claude.messages.count_tokens(model=CLAUDE, messages=HELLO, **more).input_tokens

    plain = count()
    assert 0 < plain < 50
    assert count(system="Be brief. " * 100) > plain + 150
    assert count(tools=[WEATHER_TOOL]) > plain + 20
    longer: list[MessageParam] = [{"role": "user", "content": "Say hello. " * 1000}]
    counted = claude.messages.count_tokens(model=CODEX, messages=longer).input_tokens
    assert 2000 < counted < 5000
    assert reached(simulator) == []


def test_the_model_list_in_anthropics_shape(claude: anthropic.Anthropic) -> None:
    found = list(claude.models.list())
    ids = [model.id for model in found]
    assert {CLAUDE, CODEX, GPT} <= set(ids)
    assert len(ids) == len(set(ids))
    assert "claude-opus-4.5" not in ids  # its holder has not accepted the terms
    assert all(model.type == "model" and model.display_name for model in found)
    assert claude.models.retrieve(CLAUDE).display_name == "Claude Sonnet 4.6"
    assert claude.models.retrieve("claude-sonnet-4-6-20260101").id == CLAUDE


def test_a_dated_name_is_the_model_that_is_meant(
    claude: anthropic.Anthropic, simulator: Simulator
) -> None:
    answer = ask(claude, False, model="claude-sonnet-4-6-20260101", messages=HELLO)
    assert answer.stop_reason == "end_turn"
    assert json.loads(the_one(simulator).body or "")["model"] == CLAUDE


@each_model
def test_the_sdks_own_tool_loop_with_betas(
    claude: anthropic.Anthropic, simulator: Simulator, model: str, path: str
) -> None:
    """It begins with a thread, is told that there are none, and goes on without."""

    @anthropic.beta_tool
    def get_weather(location: str) -> str:
        """The weather at a place."""
        return WEATHER

    runner = claude.beta.messages.tool_runner(
        model=model,
        max_tokens=ROOM,
        messages=[{"role": "user", "content": "How is the weather?"}],
        tools=[get_weather],
        betas=["interleaved-thinking-2025-05-14", "files-api-2025-04-14"],
    )
    final = runner.until_done()
    assert final.content[-1].type == "text"
    assert f"The tool answered: {WEATHER}" in final.content[-1].text
    assert initiators(simulator) == ["user", "agent"]
    kept = "interleaved-thinking-2025-05-14" if model == CLAUDE else None
    assert {seen.headers.get("anthropic-beta") for seen in reached(simulator)} == {kept}
