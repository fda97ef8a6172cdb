"""Whether a request has an image, as upstream is told: a truth table for each protocol.

Upstream counts the parts itself and refuses an image that was not announced, so that an image
in an unexpected place shows as a 400. What only speaks of images is none.
"""

from typing import Any

import httpx
import pytest

from tests.e2e.sdk.asked import (
    CLAUDE,
    CODEX,
    GEMINI,
    GPT,
    PIXEL,
    PIXEL_URL,
    TOOL,
    WEATHER,
    reached,
    the_one,
)
from tests.servers.simulator import Simulator

Json = dict[str, Any]

WORDS = '[{"type": "image_url"}, {"type": "input_image"}, {"type": "image"}]'
"""What a tool's arguments and results may well be about."""
SCHEMA = {
    "type": "object",
    "properties": {
        "type": {"type": "string", "enum": ["image_url", "input_image", "image"]},
        "image_url": {"type": "string", "description": WORDS},
    },
}

# --- chat ---

SEEN = {"type": "image_url", "image_url": {"url": PIXEL_URL}}
TEXT = {"type": "text", "text": "What is this?"}
HELLO = {"role": "user", "content": "Say hello."}
SPOKE = {"role": "assistant", "content": "Hello."}
CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "1", "type": "function", "function": {"name": TOOL, "arguments": '{"type":"image"}'}}
    ],
}
LOOKS = {"role": "user", "content": [TEXT, SEEN]}

CHAT: dict[str, tuple[list[Json], bool]] = {
    "what a person shows": ([LOOKS], True),
    "nothing but an image": ([{"role": "user", "content": [SEEN]}], True),
    "what was shown before": ([LOOKS, SPOKE, HELLO], True),
    "what was shown before a tool's turn": (
        [LOOKS, CALLED, {"role": "tool", "tool_call_id": "1", "content": WEATHER}],
        True,
    ),
    "no image": ([HELLO], False),
    "text in parts": ([{"role": "user", "content": [TEXT]}], False),
    "words": ([{"role": "user", "content": WORDS}], False),
    "words in a part": ([{"role": "user", "content": [{"type": "text", "text": WORDS}]}], False),
    "a tool's arguments and result": (
        [HELLO, CALLED, {"role": "tool", "tool_call_id": "1", "content": WORDS}],
        False,
    ),
}
CHAT_ONLY: dict[str, tuple[list[Json], bool]] = {
    "what a tool shows": (
        [HELLO, CALLED, {"role": "tool", "tool_call_id": "1", "content": [TEXT, SEEN]}],
        True,
    ),
    "in the words of Responses": (
        [{"role": "user", "content": [{"type": "input_image", "image_url": PIXEL_URL}]}],
        True,
    ),
}

# --- Responses ---

SHOWN = {"type": "input_image", "image_url": PIXEL_URL, "detail": "auto"}
INPUT = {"type": "input_text", "text": "What is this?"}
CALL = {
    "type": "function_call",
    "call_id": "1",
    "name": TOOL,
    "arguments": '{"type":"input_image"}',
}
CUSTOM = {"type": "custom_tool_call", "call_id": "1", "name": "apply_patch", "input": WORDS}
COMPUTER = {
    "type": "computer_call",
    "call_id": "1",
    "action": {"type": "screenshot"},
    "status": "completed",
    "pending_safety_checks": [],
}


def output(content: Any, kind: str = "function_call_output") -> Json:
    return {"type": kind, "call_id": "1", "output": content}


RESPONSES: dict[str, tuple[Any, bool]] = {
    "what a person shows": ([{"role": "user", "content": [INPUT, SHOWN]}], True),
    "what was shown before": ([{"role": "user", "content": [SHOWN]}, SPOKE, HELLO], True),
    "what a tool shows": ([HELLO, CALL, output([INPUT, SHOWN])], True),
    "what a tool showed before": ([HELLO, CALL, output([SHOWN]), SPOKE, HELLO], True),
    "what a custom tool shows": (
        [HELLO, CUSTOM, output([INPUT, SHOWN], "custom_tool_call_output")],
        True,
    ),
    "no image": ("Say hello.", False),
    "words": (WORDS, False),
    "a tool's arguments and result": ([HELLO, CALL, output(WORDS)], False),
    "a custom tool's input and result": (
        [HELLO, CUSTOM, output(WORDS, "custom_tool_call_output")],
        False,
    ),
    "a tool's result in parts": ([HELLO, CALL, output([{**INPUT, "text": WORDS}])], False),
}
RESPONSES_ONLY: dict[str, tuple[Any, bool]] = {
    "a screenshot": (
        [
            HELLO,
            COMPUTER,
            output({"type": "computer_screenshot", "image_url": PIXEL_URL}, "computer_call_output"),
        ],
        True,
    ),
}

# --- Messages ---

SOURCE = {"type": "base64", "media_type": "image/png", "data": PIXEL}
IMAGE = {"type": "image", "source": SOURCE}
USE = {"type": "tool_use", "id": "1", "name": TOOL, "input": {"type": "image", "source": SOURCE}}


def result(content: Any) -> Json:
    block = {"type": "tool_result", "tool_use_id": "1", "content": content}
    return {"role": "user", "content": [block]}


def document(content: Any) -> Json:
    source = {"type": "content", "content": content}
    return {"role": "user", "content": [{"type": "document", "source": source}, TEXT]}


CALLS = {"role": "assistant", "content": [USE]}

MESSAGES: dict[str, tuple[list[Json], bool]] = {
    "what a person shows": ([{"role": "user", "content": [IMAGE, TEXT]}], True),
    "what was shown before": ([{"role": "user", "content": [IMAGE]}, SPOKE, HELLO], True),
    "what a tool shows": ([HELLO, CALLS, result([TEXT, IMAGE])], True),
    "what a tool showed before": ([HELLO, CALLS, result([IMAGE]), SPOKE, HELLO], True),
    "no image": ([HELLO], False),
    "words": ([{"role": "user", "content": WORDS}], False),
    "a tool's input and result": ([HELLO, CALLS, result(WORDS)], False),
    "a tool's result in blocks": ([HELLO, CALLS, result([{**TEXT, "text": WORDS}])], False),
}
MESSAGES_ONLY: dict[str, tuple[list[Json], bool]] = {
    "an image in a document": ([document([TEXT, IMAGE])], True),
    "a document of text": ([document([{**TEXT, "text": WORDS}])], False),
}

# --- the requests: each with a tool whose schema speaks of images ---


def chat(model: str, messages: Any) -> tuple[str, Json]:
    tool = {"type": "function", "function": {"name": TOOL, "parameters": SCHEMA}}
    return "/v1/chat/completions", {"model": model, "messages": messages, "tools": [tool]}


def responses(model: str, items: Any) -> tuple[str, Json]:
    tool = {"type": "function", "name": TOOL, "parameters": SCHEMA}
    return "/v1/responses", {"model": model, "input": items, "tools": [tool]}


def messages(model: str, turns: Any) -> tuple[str, Json]:
    tool = {"name": TOOL, "input_schema": SCHEMA}
    body = {"model": model, "max_tokens": 256, "messages": turns, "tools": [tool]}
    return "/v1/messages", body


ALL = [
    pytest.param(ask, model, content, expected, id=f"{ask.__name__} {model}: {name}")
    for ask, models, table in (
        (chat, (GPT, CLAUDE, CODEX), CHAT),
        (chat, (GPT,), CHAT_ONLY),
        (responses, (CODEX, CLAUDE, GEMINI), RESPONSES),
        (responses, (CODEX,), RESPONSES_ONLY),
        (messages, (CLAUDE, CODEX, GEMINI), MESSAGES),
        (messages, (CLAUDE,), MESSAGES_ONLY),
    )
    for model in models
    for name, (content, expected) in table.items()
]


@pytest.mark.parametrize(("ask", "model", "content", "expected"), ALL)
def test_upstream_is_told_of_images_and_of_nothing_else(
    raw: httpx.Client, simulator: Simulator, ask: Any, model: str, content: Any, expected: bool
) -> None:
    path, body = ask(model, content)
    answer = raw.post(path, json=body)
    assert answer.status_code == 200, answer.text
    seen = the_one(simulator)
    assert seen.vision == expected
    assert seen.headers.get("copilot-vision-request") == ("true" if expected else None)
    assert (PIXEL in (seen.body or "")) or not expected


BLIND = "gpt-4o-mini"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        chat(BLIND, [LOOKS]),
        responses(BLIND, [{"role": "user", "content": [INPUT, SHOWN]}]),
        messages(BLIND, [{"role": "user", "content": [IMAGE, TEXT]}]),
        messages(BLIND, [HELLO, CALLS, result([IMAGE])]),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_model_that_cannot_see_is_not_even_asked(
    raw: httpx.Client, simulator: Simulator, path: str, body: Json, stream: bool
) -> None:
    answer = raw.post(path, json={**body, "stream": stream})
    assert answer.status_code == 400
    assert answer.headers["x-gateway-error"] == "caller_vision_unsupported"
    assert "image" in answer.json()["error"]["message"]
    assert reached(simulator) == []


def test_a_model_that_cannot_see_may_hear_of_images(
    raw: httpx.Client, simulator: Simulator
) -> None:
    path, body = chat(BLIND, [{"role": "user", "content": WORDS}])
    assert raw.post(path, json=body).status_code == 200
