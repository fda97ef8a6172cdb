"""What a Messages request may not contain, and where it is said to be (§5.3, §5.6, §7.2)."""

import json
from typing import Any

import pytest

from simulator.wire.messages_request import decode_messages
from simulator.wire.messages_strictness import first_extra_input, refused_betas

EPHEMERAL = {"type": "ephemeral"}
SCOPED = {**EPHEMERAL, "scope": "global"}
MANAGED = {"edits": [{"type": "clear_tool_uses_20250919"}]}


def place(betas: list[str] | None = None, **fields: Any) -> str | None:
    content = {"model": "m", "max_tokens": 1, "messages": [], **fields}
    body = json.dumps(content).encode()
    request = decode_messages(body)
    assert request is not None
    return first_extra_input(request, body, betas or [])


def result(**inner: Any) -> list[Any]:
    blocks = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", **inner}]
    content = [{"type": "tool_result", "tool_use_id": "t", "content": blocks}]
    return [{"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"context_management": MANAGED}, "context_management"),
        ({"inference_geo": "eu"}, "inference_geo"),
        ({"metadata": {"user_id": "u"}}, None),
        ({"metadata": {"user_id": "u", "trace": 1}}, "metadata.trace"),
        ({"system": [{"type": "text", "text": "a", "cache_control": EPHEMERAL}]}, None),
        (
            {"system": [{"type": "text", "text": "a"},
                        {"type": "text", "text": "b", "cache_control": SCOPED}]},
            "system.1.cache_control.ephemeral.scope",
        ),
        (
            {"tools": [{"name": "t", "input_schema": {}, "cache_control": SCOPED}]},
            "tools.0.cache_control.ephemeral.scope",
        ),
        (
            {"messages": [{"role": "user", "content": [
                {"type": "text", "text": "a", "cache_control": SCOPED}]}]},
            "messages.0.content.0.text.cache_control.ephemeral.scope",
        ),
        ({"messages": result()}, None),
        (
            {"messages": result(cache_control=EPHEMERAL)},
            "messages.0.content.0.tool_result.content.1.cache_control",
        ),
    ],
)  # fmt: skip
def test_extra_inputs(fields: dict[str, Any], expected: str | None) -> None:
    assert place(**fields) == expected


def test_context_management_needs_its_beta() -> None:
    betas = ["interleaved-thinking-2025-05-14", "context-management-2025-06-27"]
    assert place(betas, context_management=MANAGED) is None
    assert place(betas[:1], context_management=MANAGED) == "context_management"


def test_betas_are_known_by_their_beginnings() -> None:
    """§5.3; the first and the last are what Claude Code sends besides."""
    sent = [
        "claude-code-20250219",
        "interleaved-thinking-2025-05-14",
        "context-management-2025-06-27",
        "advanced-tool-use-2025-11-20",
        "thinking-token-count-2026-05-13",
    ]
    assert refused_betas(sent) == [sent[0], sent[-1]]
