"""What Claude Code sends, written down in full, from its start to its second turn."""

import json
from typing import Any

import httpx
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, GPT, SERVED_MESSAGES, reached
from tests.e2e.sdk.events import Json, message_blocks, read
from tests.servers.simulator import Seen, Simulator

ASKED = "claude-sonnet-4-6-20260101"
BETAS = (
    "claude-code-20250219",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "thinking-token-count-2026-05-13",
    "advanced-tool-use-2025-11-20",
)
KEPT_BETAS = (
    "interleaved-thinking-2025-05-14,context-management-2025-06-27,advanced-tool-use-2025-11-20"
)
TOOLS = [
    *("Bash", "Read", "Edit", "Write", "Glob", "Grep", "WebFetch", "WebSearch"),
    *("NotebookEdit", "Task", "TodoWrite", "ExitPlanMode"),
]
MARK = {"type": "ephemeral"}
each_model = pytest.mark.parametrize(
    ("asked", "model", "path"),
    [
        (ASKED, CLAUDE, SERVED_MESSAGES[CLAUDE]),
        (CODEX, CODEX, SERVED_MESSAGES[CODEX]),
        (GPT, GPT, SERVED_MESSAGES[GPT]),
    ],
)


def headers(session: str) -> dict[str, str]:
    return {
        "accept": "application/json",
        "anthropic-beta": ",".join(BETAS),
        "anthropic-dangerous-direct-browser-access": "true",
        "anthropic-version": "2023-06-01",
        "user-agent": "claude-cli/2.1.0 (external, cli)",
        "x-app": "cli",
        "x-claude-code-session-id": session,
        "x-stainless-lang": "js",
        "x-stainless-retry-count": "0",
    }


def tool(name: str) -> Json:
    """With a long description, as they have, and a schema of some depth."""
    return {
        "name": name,
        "description": f"{name} does what its name says. Usage notes:\n"
        + "\n".join(f"- Rule {n} of {name}: keep paths absolute, quote what has spaces." * 2
                    for n in range(40)),
        "input_schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "command": {"type": "string", "description": "What to do"},
                "timeout": {"type": "number"},
                "options": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"name": {"type": "string"}, "image": {"type": "string"}},
                        "required": ["name"],
                        "additionalProperties": False,
                    },
                },
            },
            "required": ["command"],
            "additionalProperties": False,
        },
    }  # fmt: skip


def request(model: str, session: str, messages: list[Json]) -> Json:
    identity = {"device_id": "d" * 64, "account_uuid": "", "session_id": session}
    instructions = "You help with software. " + "Follow the conventions of the code base. " * 200
    return {
        "model": model,
        "messages": messages,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.0; cch=00000;"},
            {"type": "text", "text": "You are Claude Code.", "cache_control": MARK},
            {"type": "text", "text": instructions, "cache_control": {**MARK, "ttl": "1h"}},
        ],
        "tools": [tool(name) for name in TOOLS],
        "metadata": {"user_id": json.dumps(identity)},
        "max_tokens": 32000,
        "thinking": {"type": "enabled", "budget_tokens": 31999},
        "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
        "stream": True,
    }


def first_turn() -> Json:
    reminder = "<system-reminder>\n" + "The project's notes say: be careful. " * 150
    return {
        "role": "user",
        "content": [
            {"type": "text", "text": reminder + "</system-reminder>"},
            {"type": "text", "text": "List the files here.", "cache_control": MARK},
        ],
    }


def results(blocks: list[Json]) -> Json:
    return {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": block["id"],
                "content": "README.md\nMakefile",
                "is_error": False,
                "cache_control": MARK,
            }
            for block in blocks
            if block["type"] == "tool_use"
        ],
    }


def post(raw: httpx.Client, session: str, body: Json) -> httpx.Response:
    return raw.post("/v1/messages?beta=true", json=body, headers=headers(session))


@each_model
def test_two_turns(
    raw: httpx.Client, simulator: Simulator, asked: str, model: str, path: str
) -> None:
    session = f"5f0c0c52-0000-4000-8000-{len(model):012}"
    messages = [first_turn()]
    body = request(asked, session, messages)
    assert 80_000 < len(json.dumps(body)) < 110_000
    blocks = message_blocks(read(post(raw, session, body)))
    assert [block["name"] for block in blocks if block["type"] == "tool_use"] == ["Bash"]
    messages += [{"role": "assistant", "content": blocks}, results(blocks)]
    ended = message_blocks(read(post(raw, session, request(asked, session, messages))))
    assert "The tool answered: README.md\nMakefile" in ended[-1]["text"]
    first, second = reached(simulator)
    assert (first.path, first.model, first.status) == (path, model, 200)
    assert (second.path, second.model, second.status) == (path, model, 200)
    assert (first.initiator, second.initiator) == ("user", "agent")
    assert first.account == second.account
    assert not first.vision
    for seen in (first, second):
        assert_only_what_may_cross(seen)


def assert_only_what_may_cross(seen: Seen) -> None:
    names = set(seen.headers)
    assert not {name for name in names if name.startswith(("x-claude", "x-stainless", "x-app"))}
    assert not seen.headers["user-agent"].startswith("claude-cli")
    is_messages = seen.path == "/v1/messages"
    assert seen.headers.get("anthropic-beta") == (KEPT_BETAS if is_messages else None)
    assert seen.headers.get("anthropic-version") == ("2023-06-01" if is_messages else None)


def test_upstream_gets_it_as_it_was_written(raw: httpx.Client, simulator: Simulator) -> None:
    """All but the model's name: its own Claude model takes what Claude Code sends."""
    body = request(ASKED, "a-session", [first_turn()])
    read(post(raw, "a-session", body))
    (seen,) = reached(simulator)
    assert json.loads(seen.body or "") == {**body, "model": CLAUDE}


@each_model
def test_thinking_is_shown_and_sent_back_sealed(
    raw: httpx.Client, simulator: Simulator, asked: str, model: str, path: str
) -> None:
    blocks = message_blocks(read(post(raw, "s", request(asked, "s", [first_turn()]))))
    kinds = [block["type"] for block in blocks]
    assert (kinds[0] == "thinking") == (model != GPT)
    assert all(block["signature"] for block in blocks if block["type"] == "thinking")


def test_what_it_asks_beside_its_turns(raw: httpx.Client, simulator: Simulator) -> None:
    """A probe of the connection, the models there are, a count, and a title by a small model."""
    session = "another-session"
    assert raw.head("/", headers=headers(session)).status_code in (200, 404)
    listed = raw.get("/v1/models?limit=1000", headers=headers(session)).json()["data"]
    assert CLAUDE in [each["id"] for each in listed]
    counted: dict[str, Any] = request(ASKED, session, [first_turn()])
    for name in ("metadata", "max_tokens", "stream", "context_management"):
        del counted[name]
    count = raw.post(
        "/v1/messages/count_tokens?beta=true", json=counted, headers=headers(session)
    ).json()
    assert 10_000 < count["input_tokens"] < 40_000
    title = {
        "model": "claude-haiku-4-5-20251001",
        "max_tokens": 512,
        "messages": [{"role": "user", "content": "List the files here."}],
        "system": [{"type": "text", "text": "Write a title of three to seven words."}],
        "tools": [],
        "temperature": 1,
        "metadata": request(ASKED, session, [])["metadata"],
        "output_config": {
            "format": {
                "type": "json_schema",
                "schema": {
                    "type": "object",
                    "properties": {"title": {"type": "string"}},
                    "required": ["title"],
                    "additionalProperties": False,
                },
            }
        },
        "stream": True,
    }
    (block,) = message_blocks(read(post(raw, session, title)))
    assert "title" in json.loads(block["text"])
    (seen,) = reached(simulator)
    assert (seen.model, seen.initiator) == ("claude-haiku-4.5", "user")
