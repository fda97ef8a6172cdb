"""A request with all that Codex sends is served, and its calls come back as it knows them."""

import json
from typing import Any

from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT
from tests.unit.gateway.domain.translation.responses_over_chat.shapes import (
    asked,
    chunks,
    completion,
    function,
    terminal_of,
)

PATCH = "*** Begin Patch\n*** Add File: a\n+b\n*** End Patch\n"
TOOLS: list[Any] = [
    {
        "type": "function",
        "name": "exec_command",
        "description": "Runs a command.",
        "strict": False,
        "parameters": {"type": "object", "properties": {"cmd": {"type": "string"}}},
    },
    {"type": "function", "name": "update_plan", "strict": False, "parameters": {"type": "object"}},
    {
        "type": "custom",
        "name": "apply_patch",
        "description": "Edits files.",
        "format": {"type": "grammar", "syntax": "lark", "definition": "start: begin"},
    },
    {"type": "web_search", "external_web_access": False},
    {"type": "image_generation", "output_format": "png"},
    {
        "type": "namespace",
        "name": "mcp__files__",
        "description": "Tools of a server.",
        "tools": [{"type": "function", "name": "read", "parameters": {"type": "object"}}],
    },
]
REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-4.6",
    "instructions": "You are a coding agent.",
    "input": [
        {
            "type": "message",
            "role": "developer",
            "content": [{"type": "input_text", "text": "Permissions."}],
        },
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_text", "text": "<environment_context/>"},
                {"type": "input_text", "text": "Add a file."},
            ],
        },
        {"type": "reasoning", "summary": [], "encrypted_content": "sealed"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Looking."}],
        },
        {
            "type": "function_call",
            "name": "exec_command",
            "arguments": '{"cmd":"ls"}',
            "call_id": "call_1",
        },
        {
            "type": "function_call",
            "name": "read",
            "namespace": "mcp__files__",
            "arguments": "{}",
            "call_id": "call_2",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "a\nb"},
        {
            "type": "function_call_output",
            "call_id": "call_2",
            "output": [{"type": "input_text", "text": "content"}],
        },
        {
            "type": "custom_tool_call",
            "status": "completed",
            "call_id": "call_3",
            "name": "apply_patch",
            "input": PATCH,
        },
        {"type": "custom_tool_call_output", "call_id": "call_3", "output": "Done"},
    ],
    "tools": TOOLS,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "reasoning": {"effort": "medium", "summary": "auto"},
    "store": False,
    "stream": True,
    "include": ["reasoning.encrypted_content"],
    "prompt_cache_key": "0199",
    "client_metadata": {"x-codex-installation-id": "1"},
    "text": {"verbosity": "low"},
}


def test_all_of_it_can_be_said_in_chat() -> None:
    body = json.loads(RESPONSES_OVER_CHAT.request(json.dumps(REQUEST).encode()))
    assert [message["role"] for message in body.pop("messages")] == [
        "system",
        "system",
        "user",
        "assistant",
        "tool",
        "tool",
        "assistant",
        "tool",
    ]
    assert [tool["function"]["name"] for tool in body.pop("tools")] == [
        "exec_command",
        "update_plan",
        "apply_patch",
        "mcp__files__read",
    ]
    assert body == {
        "model": "claude-sonnet-4.6",
        "stream": True,
        "stream_options": {"include_usage": True},
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning_effort": "medium",
        "verbosity": "low",
        "prompt_cache_key": "0199",
    }


def test_calls_come_back_as_the_tools_that_were_offered() -> None:
    calls = [
        function("call_4", "exec_command", '{"cmd":"ls"}'),
        function("call_5", "apply_patch", json.dumps({"input": PATCH})),
        function("call_6", "mcp__files__read", "{}"),
    ]
    known = asked(REQUEST)
    whole = RESPONSES_OVER_CHAT.whole(json.dumps(completion(calls=calls)).encode(), known)
    translator = RESPONSES_OVER_CHAT.stream(known)
    each = chunks(calls=calls)
    stream = b"".join(translator.feed(one) for one in each) + translator.finish()
    for response in (json.loads(whole), terminal_of(stream)):
        called = [
            {name: item[name] for name in item if name not in ("id", "status", "call_id")}
            for item in response["output"]
        ]
        assert called == [
            {"type": "function_call", "name": "exec_command", "arguments": '{"cmd":"ls"}'},
            {"type": "custom_tool_call", "name": "apply_patch", "input": PATCH},
            {
                "type": "function_call",
                "name": "read",
                "namespace": "mcp__files__",
                "arguments": "{}",
            },
        ]


def test_a_patch_that_is_not_in_json_is_taken_as_it_is() -> None:
    calls = [function("call_1", "apply_patch", PATCH)]
    body = json.dumps(completion(calls=calls)).encode()
    (item,) = json.loads(RESPONSES_OVER_CHAT.whole(body, asked(REQUEST)))["output"]
    assert item["input"] == PATCH
