"""The three protocols' requests as a model is told them: who spoke last, what of, which tools."""

import json
from typing import Any

import pytest

from simulator.wire.chat_request import decode_chat
from simulator.wire.messages_request import decode_messages
from simulator.wire.prompt import Calling, Prompt, Speaker, ToolChoice, unmatched
from simulator.wire.responses_request import decode_responses
from tests.unit.simulator.asking import PARAMETERS, WEATHER

USER, TOOL, OTHER = Speaker.USER, Speaker.TOOL, Speaker.OTHER
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}


def chat(messages: list[Any], **fields: Any) -> Prompt:
    request = decode_chat(json.dumps({"model": "m", "messages": messages, **fields}).encode())
    assert request is not None
    return request.prompt()


def responses(said: Any, **fields: Any) -> Prompt:
    request = decode_responses(json.dumps({"model": "m", "input": said, **fields}).encode())
    assert request is not None
    return request.prompt()


def messages(said: list[Any], **fields: Any) -> Prompt:
    request = decode_messages(json.dumps({"model": "m", "messages": said, **fields}).encode())
    assert request is not None
    return request.prompt()


def u(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


def text(said: str, kind: str = "text") -> dict[str, Any]:
    return {"type": kind, "text": said}


def result(content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": "t", "content": content}


SCREENSHOT = {"type": "computer_call_output", "output": {"type": "computer_screenshot"}}
A = {"role": "assistant", "content": "a"}


@pytest.mark.parametrize(
    ("prompt", "speaker", "said"),
    [
        (chat([u("hi")]), USER, "hi"),
        (chat([u([text("a"), text("b")])]), USER, "a b"),
        (chat([u("hi"), A]), OTHER, "a"),
        (chat([{"role": "tool", "content": "rain"}]), TOOL, "rain"),
        (chat([u("hi"), {"role": "developer", "content": "d"}]), OTHER, "d"),
        (responses("hi"), USER, "hi"),
        (responses([u("hi")]), USER, "hi"),
        (responses([u([text("a", "input_text"), text("b", "input_text")])]), USER, "a b"),
        (responses([{"type": "function_call_output", "output": "rain"}]), TOOL, "rain"),
        (
            responses([{"type": "custom_tool_call_output", "output": [text("ok", "input_text")]}]),
            TOOL,
            "ok",
        ),
        (
            responses([SCREENSHOT]),
            TOOL,
            "",
        ),
        (responses([u("hi"), {"type": "reasoning", "summary": []}]), OTHER, ""),
        (responses([u("hi"), {"type": "function_call", "arguments": "{}"}]), OTHER, ""),
        (messages([u("hi")]), USER, "hi"),
        (messages([u([text("a"), text("b")])]), USER, "a b"),
        (messages([u([result("rain")])]), TOOL, "rain"),
        (messages([u([result([text("rain"), text("wind")])])]), TOOL, "rain wind"),
        (messages([u([result("rain"), text("go on")])]), TOOL, "rain go on"),
        (messages([u("hi"), A]), OTHER, "a"),
    ],
)  # fmt: skip
def test_who_spoke_last(prompt: Prompt, speaker: Speaker, said: str) -> None:
    assert (prompt.speaker, prompt.said) == (speaker, said)


CHAT_IMAGE = {"type": "image_url", "image_url": {"url": "data:,"}}
INPUT_IMAGE = {"type": "input_image", "image_url": "data:,"}
IMAGE = {"type": "image", "source": {"type": "base64", "data": ""}}
DOCUMENT = {"type": "document", "source": {"type": "content", "content": [text("a"), IMAGE]}}
SPEAKS_OF_IMAGES = {
    "type": "function",
    "name": "look",
    "parameters": {"properties": {"type": {"enum": ["input_image", "image", "image_url"]}}},
}


@pytest.mark.parametrize(
    ("prompt", "images"),
    [
        (chat([u([CHAT_IMAGE]), A, u("what is it?")]), 1),
        (chat([{"role": "tool", "content": [CHAT_IMAGE, CHAT_IMAGE]}]), 2),
        (chat([u('{"type": "image_url"}')]), 0),
        (responses([u([INPUT_IMAGE]), u("what is it?")]), 1),
        (responses([{"type": "function_call_output", "output": [INPUT_IMAGE]}]), 1),
        (
            responses([SCREENSHOT]),
            1,
        ),
        (responses("input_image", tools=[SPEAKS_OF_IMAGES]), 0),
        (messages([u([IMAGE]), u("what is it?")]), 1),
        (messages([u([result([text("a"), IMAGE])])]), 1),
        (messages([u([DOCUMENT])]), 1),
        (messages([u([result([DOCUMENT])])]), 1),
        (messages([u("image")], tools=[{"name": "t", "input_schema": SPEAKS_OF_IMAGES}]), 0),
        (messages([u([{"type": "document", "source": {"type": "text", "data": "image"}}])]), 0),
    ],
)  # fmt: skip
def test_images_are_parts_and_not_words(prompt: Prompt, images: int) -> None:
    """§8.3: wherever they are."""
    assert prompt.images == images


FUNCTION = {"type": "function", "name": "f", "parameters": PARAMETERS}
SERVER_TOOL = {"type": "web_search"}


@pytest.mark.parametrize(
    ("prompt", "tools"),
    [
        (chat([u("")], tools=[WEATHER]), [("get_weather", False)]),
        (responses("", tools=[SERVER_TOOL, FUNCTION]), [("f", False)]),
        (responses("", tools=[{"type": "custom", "name": "c"}]), [("c", True)]),
        (
            messages([u("")], tools=[{"type": "web_search_20250305", "name": "w"},
                                     {"name": "t", "input_schema": PARAMETERS}]),
            [("t", False)],
        ),
    ],
)  # fmt: skip
def test_tools_that_can_be_called(prompt: Prompt, tools: list[tuple[str, bool]]) -> None:
    assert [(tool.name, tool.is_custom) for tool in prompt.tools] == tools


AUTO, NEVER, ALWAYS = Calling.AUTO, Calling.NEVER, Calling.ALWAYS


@pytest.mark.parametrize(
    ("prompt", "choice"),
    [
        (chat([u("")]), ToolChoice(AUTO)),
        (chat([u("")], tool_choice="none"), ToolChoice(NEVER)),
        (chat([u("")], tool_choice="required"), ToolChoice(ALWAYS)),
        (
            chat([u("")], tool_choice={"type": "function", "function": {"name": "f"}}),
            ToolChoice(ALWAYS, "f"),
        ),
        (responses("", tool_choice="required"), ToolChoice(ALWAYS)),
        (responses("", tool_choice={"type": "custom", "name": "c"}), ToolChoice(ALWAYS, "c")),
        (messages([u("")], tool_choice={"type": "auto"}), ToolChoice(AUTO)),
        (messages([u("")], tool_choice={"type": "none"}), ToolChoice(NEVER)),
        (messages([u("")], tool_choice={"type": "any"}), ToolChoice(ALWAYS)),
        (messages([u("")], tool_choice={"type": "tool", "name": "t"}), ToolChoice(ALWAYS, "t")),
    ],
)
def test_tool_choices(prompt: Prompt, choice: ToolChoice) -> None:
    assert prompt.choice == choice


@pytest.mark.parametrize(
    ("prompt", "thinks"),
    [
        (chat([u("")]), False),
        (chat([u("")], reasoning_effort="low"), True),
        (chat([u("")], reasoning_effort="none"), False),
        (chat([u("")], thinking_budget=1024), True),
        (responses(""), True),
        (responses("", reasoning={"effort": "none"}), False),
        (messages([u("")]), False),
        (messages([u("")], thinking={"type": "adaptive"}), True),
        (messages([u("")], thinking={"type": "disabled"}), False),
    ],
)
def test_who_is_asked_to_think(prompt: Prompt, thinks: bool) -> None:
    assert prompt.thinks is thinks


@pytest.mark.parametrize(
    "prompt",
    [
        chat([u("")], response_format={"type": "json_schema", "json_schema": {"schema": SCHEMA}}),
        responses("", text={"format": {"type": "json_schema", "schema": SCHEMA}}),
        messages([u("")], output_config={"format": {"type": "json_schema", "schema": SCHEMA}}),
        messages([u("")], output_format={"type": "json_schema", "schema": SCHEMA}),
    ],
)
def test_what_form_an_answer_has_to_have(prompt: Prompt) -> None:
    assert prompt.schema == SCHEMA


@pytest.mark.parametrize(
    "prompt",
    [
        chat([u("")], parallel_tool_calls=False),
        responses("", parallel_tool_calls=False),
        messages([u("")], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_one_call_at_a_time(prompt: Prompt) -> None:
    assert not prompt.parallel


@pytest.mark.parametrize(
    ("calls", "results", "expected"),
    [
        ("", "", None),
        ("ab", "ba", None),
        ("ab", "a", "b"),
        ("a", "ab", "b"),
        ("aa", "a", "a"),
        ("a", "aa", "a"),
    ],
)
def test_calls_have_one_result_each(calls: str, results: str, expected: str | None) -> None:
    assert unmatched(calls, results) == expected


def test_everything_that_is_said_is_counted() -> None:
    """A quarter of the characters, four tokens a message; instructions are one."""
    said = chat([{"role": "system", "content": "1234"}, u("12345678")])
    assert said.tokens == 1 + 2 + 2 * 4
    assert responses("12345678", instructions="1234").tokens == said.tokens
    assert messages([u("12345678")], system="1234").tokens == said.tokens
    assert messages([u("12345678")], system=[text("1234")]).tokens == said.tokens
