"""The vision rule of copilot-upstream.md §8.3: parts count, not words."""

import json
from typing import Any

import pytest

from gateway.domain import vision
from gateway.domain.requests import chat, messages, responses

TEXT = '{"type":"text","text":"x"}'
IMAGE = '{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}'


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ('{"role":"user","content":"image_url"}', False),
        (f'{{"role":"user","content":[{TEXT}]}}', False),
        (f'{{"role":"user","content":[{TEXT},{IMAGE}]}}', True),
        ('{"role":"user","content":[{"type":"input_image"}]}', True),
        (f'{{"role":"user","content":[{IMAGE}]}},{{"role":"assistant","content":"y"}}', True),
        (f'{{"role":"tool","tool_call_id":"c","content":[{IMAGE}]}}', True),
        ('{"role":"assistant","tool_calls":[]}', False),
    ],
)
def test_an_image_anywhere_in_a_chat_counts(said: str, expected: bool) -> None:
    """History and tool results included; a word in a text is no image."""
    request = chat.parse(f'{{"model":"m","messages":[{said}]}}'.encode())
    assert vision.in_chat(request) is expected


INPUT_IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ("an input_image in words", False),
        ([{"role": "user", "content": "input_image"}], False),
        ([{"role": "user", "content": [{"type": "input_text", "text": "input_image"}]}], False),
        ([{"role": "user", "content": [INPUT_IMAGE]}], True),
        ([{"type": "function_call_output", "call_id": "c", "output": "input_image"}], False),
        ([{"type": "function_call_output", "call_id": "c", "output": [INPUT_IMAGE]}], True),
        ([{"type": "custom_tool_call_output", "call_id": "c", "output": [INPUT_IMAGE]}], True),
        (
            [{"type": "computer_call_output", "output": {"type": "computer_screenshot"}}],
            True,
        ),
        ([{"role": "user", "content": [INPUT_IMAGE]}, {"role": "user", "content": "and?"}], True),
    ],
)
def test_an_image_anywhere_in_an_input_counts(items: Any, expected: bool) -> None:
    body = {"model": "m", "input": items, "tools": [{"description": "takes an input_image"}]}
    assert vision.in_responses(responses.parse(json.dumps(body).encode())) is expected


IMAGE_BLOCK = {"type": "image", "source": {"type": "base64", "data": "AA=="}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("an image", False),
        ([{"type": "text", "text": "image"}], False),
        ([IMAGE_BLOCK], True),
        ([{"type": "tool_result", "tool_use_id": "t", "content": "image"}], False),
        ([{"type": "tool_result", "tool_use_id": "t", "content": [IMAGE_BLOCK]}], True),
        ([{"type": "document", "source": {"type": "content", "content": [IMAGE_BLOCK]}}], True),
        ([{"type": "document", "source": {"type": "text", "data": "image"}}], False),
    ],
)
def test_an_image_anywhere_in_messages_counts(content: Any, expected: bool) -> None:
    turns = [{"role": "user", "content": content}, {"role": "user", "content": "go on"}]
    body = {"model": "m", "max_tokens": 9, "messages": turns}
    assert vision.in_messages(messages.parse(json.dumps(body).encode())) is expected
