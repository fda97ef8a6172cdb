"""A body as Claude Code sends it, for a model that only chats: it goes through as a whole."""

import json
from typing import Any

import pytest

from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import compact

EPHEMERAL = {"type": "ephemeral"}
REMINDER = "<system-reminder>\nThe date is today.\n</system-reminder>"
NAMES = [
    "Task",
    "Bash",
    "Glob",
    "Grep",
    "Read",
    "Edit",
    "Write",
    "NotebookEdit",
    "WebFetch",
    "TodoWrite",
    "WebSearch",
    "ExitPlanMode",
    "mcp__github__create_issue",
]


def tool(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": f"{name}. " + "How to use it, at length. " * 200,
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {"command": {"type": "string", "description": "What."}},
            "required": ["command"],
            "additionalProperties": False,
        },
    }


BODY: dict[str, Any] = {
    "model": "gpt-4.1",
    "max_tokens": 32_000,
    "stream": True,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1; cch=1a2b3;"},
        {"type": "text", "text": "You are a coding agent.", "cache_control": EPHEMERAL},
        {"type": "text", "text": "Be careful. " * 1500, "cache_control": EPHEMERAL},
    ],
    "messages": [
        {
            "role": "user",
            "content": [
                {"type": "text", "text": REMINDER},
                {"type": "text", "text": "Fix the test.", "cache_control": EPHEMERAL},
            ],
        },
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "Let me see.", "signature": "EqQBCkYIBRgC"},
                {"type": "text", "text": "I look."},
                {
                    "type": "tool_use",
                    "id": "toolu_01AbCdEfGhIjKlMnOpQrStUv",
                    "name": "Bash",
                    "input": {"command": "make test"},
                },
                {
                    "type": "tool_use",
                    "id": "toolu_01BbCdEfGhIjKlMnOpQrStUv",
                    "name": "Read",
                    "input": {"command": "a.png"},
                },
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01AbCdEfGhIjKlMnOpQrStUv",
                    "content": "1 failed",
                    "is_error": True,
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01BbCdEfGhIjKlMnOpQrStUv",
                    "content": [
                        {
                            "type": "image",
                            "source": {"type": "base64", "media_type": "image/png", "data": "aGk="},
                        }
                    ],
                },
                {"type": "text", "text": REMINDER, "cache_control": EPHEMERAL},
            ],
        },
    ],
    "tools": [*map(tool, NAMES), {"type": "web_search_20250305", "name": "web_search"}],
    "thinking": {"type": "enabled", "budget_tokens": 31_999},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "metadata": {"user_id": "user_" + "0" * 64 + "_account__session_" + "0" * 36},
}


def chat(**change: Any) -> Any:
    return json.loads(MESSAGES_OVER_CHAT.request(compact({**BODY, **change})))


def test_the_body_is_as_large_as_a_real_one() -> None:
    assert len(compact(BODY)) > 80_000


def test_its_conversation() -> None:
    system, *others = chat()["messages"]
    assert system["content"].startswith("You are a coding agent.\n\nBe careful. ")
    assert [each["role"] for each in others] == [
        "user", "assistant", "tool", "tool", "user", "user",
    ]  # fmt: skip
    assert others[0]["content"][1] == {"type": "text", "text": "Fix the test."}
    assert others[1]["content"] == "I look."
    assert [call["function"]["name"] for call in others[1]["tool_calls"]] == ["Bash", "Read"]
    assert others[2]["content"] == "Error: 1 failed"
    assert others[4]["content"][1]["type"] == "image_url"
    assert others[5]["content"] == REMINDER


def test_its_other_fields() -> None:
    body = chat()
    assert set(body) == {
        "model", "messages", "max_tokens", "tools", "reasoning_effort", "stream", "stream_options",
    }  # fmt: skip
    assert [each["function"]["name"] for each in body["tools"]] == NAMES
    assert body["reasoning_effort"] == "high"


@pytest.mark.parametrize(
    ("change", "effort"),
    [
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "medium"}}, "medium"),
        ({"thinking": {"type": "adaptive"}}, None),
        ({"thinking": None}, None),
    ],
)
def test_however_it_asks_for_thinking(change: dict[str, Any], effort: str | None) -> None:
    assert chat(**change).get("reasoning_effort") == effort
