"""What opencode sends, written down in full: a title first, then its turns."""

import json

import httpx
import pytest

from tests.e2e.sdk.asked import CHAT, CLAUDE, CODEX, RESPONSES, reached
from tests.e2e.sdk.events import Json, chat_message, read
from tests.servers.simulator import Simulator

MINI = "gpt-5-mini"  # chat and Responses; takes no max_tokens
each_model = pytest.mark.parametrize(
    ("model", "path"), [(CLAUDE, CHAT), (MINI, CHAT), (CODEX, RESPONSES)]
)
NAMES = ("bash", "read", "glob", "grep", "edit", "write", "task", "webfetch", "todowrite", "skill")


def headers(session: str) -> dict[str, str]:
    return {
        "accept": "*/*",
        "user-agent": "opencode/1.18.0 ai-sdk/provider-utils/4.0.0 runtime/bun/1.3.0",
        "x-session-affinity": session,
    }


def tool(name: str) -> Json:
    return {
        "type": "function",
        "function": {
            "name": name,
            "description": f"{name}: " + "use it with care and say why. " * 40,
            "parameters": {
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "type": "object",
                "properties": {"command": {"type": "string"}, "timeout": {"type": "number"}},
                "required": ["command"],
                "additionalProperties": False,
            },
        },
    }


def title_request(model: str) -> Json:
    return {
        "model": model,
        "max_tokens": 32000,
        "temperature": 0.5,
        "messages": [
            {"role": "system", "content": "You are a title generator. Output only a title."},
            {"role": "user", "content": "Generate a title for this conversation:\n"},
            {"role": "user", "content": "List the files here."},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def request(model: str, messages: list[Json]) -> Json:
    return {
        "model": model,
        "max_tokens": 32000,
        "reasoning_effort": "medium",
        "messages": messages,
        "tools": [tool(name) for name in NAMES],
        "tool_choice": "auto",
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def post(raw: httpx.Client, session: str, body: Json) -> Json:
    answer = raw.post("/copilot/v1/chat/completions", json=body, headers=headers(session))
    return chat_message(read(answer))


@each_model
def test_a_title_and_two_turns(
    raw: httpx.Client, simulator: Simulator, model: str, path: str
) -> None:
    session = f"ses_{model}"
    title = post(raw, session, title_request(model))
    assert title["content"].endswith("You said: List the files here.")
    messages: list[Json] = [
        {"role": "system", "content": "You are opencode. " + "Be concise. " * 800},
        {"role": "user", "content": "List the files here."},
    ]
    answer = post(raw, session, request(model, messages))
    (call,) = answer["tool_calls"]
    assert call["function"]["name"] == "bash"
    assert "command" in json.loads(call["function"]["arguments"])
    messages += [
        answer,
        {"role": "tool", "tool_call_id": call["id"], "content": "README.md\nMakefile"},
    ]
    ended = post(raw, session, request(model, messages))
    assert ended["content"].endswith("The tool answered: README.md\nMakefile")
    messages += [ended, {"role": "user", "content": "Thank you, without tools."}]
    post(raw, session, request(model, messages))
    seen = reached(simulator)
    assert [each.initiator for each in seen] == ["user", "user", "agent", "user"]
    assert {(each.path, each.model, each.status) for each in seen} == {(path, model, 200)}
    assert len({each.account for each in seen}) == 1
    assert not any(each.vision for each in seen)
    for each in seen:
        assert "x-session-affinity" not in each.headers
        assert not each.headers["user-agent"].startswith("opencode")


def test_the_limit_of_tokens_is_named_as_the_model_wants_it(
    raw: httpx.Client, simulator: Simulator
) -> None:
    for model in (MINI, CLAUDE):
        post(raw, "ses_limit", title_request(model))
    mini, claude = (json.loads(each.body or "") for each in reached(simulator))
    assert "max_tokens" not in mini
    assert mini["max_completion_tokens"] == 32000
    assert claude == title_request(CLAUDE)
