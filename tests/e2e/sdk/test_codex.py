"""What Codex sends, written down in full, from its first turn to its second."""

import json

import httpx
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, SERVED_RESPONSES, reached
from tests.e2e.sdk.events import Json, read, response_items
from tests.servers.simulator import Simulator

each_model = pytest.mark.parametrize(("model", "path"), SERVED_RESPONSES.items())

PATCH_TOOL: Json = {
    "type": "custom",
    "name": "apply_patch",
    "description": "Use the `apply_patch` tool to edit files.",
    "format": {
        "type": "grammar",
        "syntax": "lark",
        "definition": 'start: begin hunk+ end\nbegin: "*** Begin Patch" LF\nhunk: /.+/ LF\n'
        'end: "*** End Patch" LF?\n%import common.LF',
    },
}
SHELL_TOOL: Json = {
    "type": "function",
    "name": "exec_command",
    "description": "Runs a command.",
    "strict": False,
    "parameters": {
        "type": "object",
        "properties": {"cmd": {"type": "string"}, "yield_time_ms": {"type": "number"}},
        "required": ["cmd"],
        "additionalProperties": False,
    },
}
PLAN_TOOL: Json = {**SHELL_TOOL, "name": "update_plan", "description": "Updates the plan."}
IMAGE_TOOL: Json = {**SHELL_TOOL, "name": "view_image", "description": "Shows an input_image."}
SEARCH_TOOL: Json = {"type": "web_search", "external_web_access": False}


def headers(session: str) -> dict[str, str]:
    return {
        "accept": "text/event-stream",
        "originator": "codex_cli_rs",
        "session-id": session,
        "thread-id": session,
        "user-agent": "codex_cli_rs/0.160.0 (Linux; x86_64) xterm",
        "version": "0.160.0",
        "x-client-request-id": session,
        "x-codex-turn-metadata": '{"turn_id":"1"}',
    }


def message(role: str, text: str) -> Json:
    return {
        "type": "message",
        "role": role,
        "content": [{"type": "input_text", "text": text}],
    }


def request(model: str, session: str, items: list[Json], tools: list[Json]) -> Json:
    return {
        "model": model,
        "instructions": "You are Codex. " + "Keep to the style of the code around. " * 300,
        "input": items,
        "tools": tools,
        "tool_choice": "auto",
        "parallel_tool_calls": True,
        "reasoning": {"effort": "medium", "summary": "auto"},
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "prompt_cache_key": session,
        "text": {"verbosity": "low"},
        "client_metadata": {"x-codex-installation-id": "0" * 32},
    }


def beginning() -> list[Json]:
    return [
        message("developer", "<permissions instructions>Ask before you write.</permissions>"),
        message("user", "<environment_context>\n  <cwd>/src</cwd>\n</environment_context>"),
        message("user", "Change the greeting."),
    ]


def sent_back(items: list[Json]) -> list[Json]:
    """As Codex keeps them: without ids and states."""
    return [
        {name: value for name, value in item.items() if name not in ("id", "status")}
        for item in items
    ]


def results(items: list[Json]) -> list[Json]:
    return [
        {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "Success."}
        for item in items
        if item["type"].endswith("_call")
    ]


def turn(raw: httpx.Client, session: str, body: Json) -> list[Json]:
    return response_items(read(raw.post("/v1/responses", json=body, headers=headers(session))))


@each_model
@pytest.mark.parametrize("kind", ["custom_tool_call", "function_call"])
def test_two_turns(
    raw: httpx.Client, simulator: Simulator, model: str, path: str, kind: str
) -> None:
    tools = [PATCH_TOOL, SHELL_TOOL, PLAN_TOOL, IMAGE_TOOL, SEARCH_TOOL]
    if kind == "function_call":
        tools = [SHELL_TOOL, PATCH_TOOL, PLAN_TOOL, IMAGE_TOOL, SEARCH_TOOL]
    session = f"0199-{kind}-{model}"
    items = beginning()
    answer = turn(raw, session, request(model, session, items, tools))
    (call,) = [item for item in answer if item["type"].endswith("_call")]
    assert (call["type"], call["name"]) == (kind, tools[0]["name"])
    if kind == "custom_tool_call":
        assert call["input"]
    else:
        assert "cmd" in json.loads(call["arguments"])
    items += [*sent_back(answer), *results(answer)]
    ended = turn(raw, session, request(model, session, items, tools))
    assert "The tool answered: Success." in ended[-1]["content"][0]["text"]
    items += [*sent_back(ended), message("user", "And now without tools.")]
    turn(raw, session, request(model, session, items, tools))
    seen = reached(simulator)
    assert [each.initiator for each in seen] == ["user", "agent", "user"]
    assert {(each.path, each.model, each.status) for each in seen} == {(path, model, 200)}
    assert len({each.account for each in seen}) == 1
    assert not any(each.vision for each in seen)
    for each in seen:
        assert not {"originator", "session-id", "x-codex-turn-metadata"} & set(each.headers)
        assert not each.headers["user-agent"].startswith("codex")


def test_upstream_gets_all_that_it_takes(raw: httpx.Client, simulator: Simulator) -> None:
    """Its own model: all but what Copilot refuses or does not know (docs/translation.md)."""
    tools = [PATCH_TOOL, SHELL_TOOL, SEARCH_TOOL]
    body = request(CODEX, "one", beginning(), tools)
    turn(raw, "one", body)
    (seen,) = reached(simulator)
    del body["client_metadata"]
    assert json.loads(seen.body or "") == {**body, "tools": [PATCH_TOOL, SHELL_TOOL]}


@pytest.mark.parametrize("model", [CODEX, CLAUDE])
def test_reasoning_is_sealed_and_taken_back(
    raw: httpx.Client, simulator: Simulator, model: str
) -> None:
    items = beginning()
    answer = turn(raw, "two", request(model, "two", items, [SHELL_TOOL]))
    reasoning = answer[0]
    assert reasoning["type"] == "reasoning"
    assert reasoning["encrypted_content"]
    assert reasoning["summary"]
    items += [*sent_back(answer), *results(answer)]
    turn(raw, "two", request(model, "two", items, [SHELL_TOOL]))
    assert [each.status for each in reached(simulator)] == [200, 200]
    sealed = '"encrypted_content"' if model == CODEX else '"signature"'
    assert sealed in (reached(simulator)[-1].body or "")
