"""Who set a request off, as upstream is told: a truth table for each protocol.

Written from what the label means, not from the gateway's rules, and read off upstream's ledger:
`user` begins what a person asked for, `agent` goes on with it. A wrong `agent` would be billing
evasion, so whatever is unclear is a person's (copilot-upstream.md §8).
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.sdk.asked import CLAUDE, CODEX, GEMINI, GPT, PIXEL, TOOL, WEATHER, reached
from tests.e2e.sdk.scene import MARKING
from tests.servers.pair import Pair
from tests.servers.simulator import Simulator

Json = dict[str, Any]

# --- chat: who speaks, in the order of the messages ---

FUNCTION = {"name": TOOL, "arguments": '{"location":"Berlin"}'}


def called(*ids: str) -> Json:
    calls = [{"id": each, "type": "function", "function": FUNCTION} for each in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def tool(call_id: str) -> Json:
    return {"role": "tool", "tool_call_id": call_id, "content": WEATHER}


def said(role: str, text: str = "Go on.") -> Json:
    return {"role": role, "content": text}


U, A, S, D = said("user"), said("assistant"), said("system"), said("developer")

CHAT_SOUND: dict[str, tuple[list[Json], str]] = {
    "a person asks": ([U], "user"),
    "behind a system prompt": ([S, U], "user"),
    "in parts": ([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}], "user"),
    "a person asks again": ([U, A, U], "user"),
    "a person asks after a tool's turn": ([U, called("1"), tool("1"), A, U], "user"),
    "a tool has answered": ([U, called("1"), tool("1")], "agent"),
    "two tools have answered": ([U, called("1", "2"), tool("1"), tool("2")], "agent"),
    "tools answer for the second time": (
        [U, called("1"), tool("1"), called("2"), tool("2")],
        "agent",
    ),
    "a tool in the second turn": ([U, A, U, called("1"), tool("1")], "agent"),
    "a person speaks behind a tool": ([U, called("1"), tool("1"), U], "user"),
    "a system message behind a tool": ([U, called("1"), tool("1"), S], "agent"),
    "developer and system behind a tool": ([U, called("1"), tool("1"), D, S], "agent"),
    "a system message behind a person": ([U, S], "user"),
}
CHAT_ODD: dict[str, tuple[list[Json], str]] = {
    "results wrapped as a person's": ([U, called("1"), U], "agent"),
    "the same and a system message": ([U, called("1"), U, S], "agent"),
    "a person behind wrapped results": ([U, called("1"), U, U], "user"),
    "a list of no calls": ([U, {**A, "tool_calls": []}, U], "user"),
    "calls that are no list": ([U, {**A, "tool_calls": "1"}, U], "user"),
    "a function has answered": (
        [U, A, {"role": "function", "name": TOOL, "content": "1"}],
        "agent",
    ),
    "the model goes on by itself": ([U, A], "user"),
    "calls that nobody answered": ([U, called("1")], "user"),
    "nobody has spoken": ([S], "user"),
    "somebody unknown": ([U, called("1"), tool("1"), said("critic")], "user"),
}

# --- Responses: what the last item is ---

MU, MA = {"type": "message", **U}, {"type": "message", **A}
CALL = {"type": "function_call", "call_id": "1", **FUNCTION}
OUTPUT = {"type": "function_call_output", "call_id": "1", "output": WEATHER}


def item(kind: str, **fields: Any) -> Json:
    return {"type": kind, **fields}


RESPONSES_SOUND: dict[str, tuple[Any, str]] = {
    "text": ("Go on.", "user"),
    "a person asks": ([MU], "user"),
    "without a type": ([U], "user"),
    "a person asks again": ([MU, MA, MU], "user"),
    "a tool has answered": ([MU, CALL, OUTPUT], "agent"),
    "a person speaks behind a tool": ([MU, CALL, OUTPUT, MU], "user"),
    "a developer message behind a tool": ([MU, CALL, OUTPUT, {"type": "message", **D}], "agent"),
    "a system message without a type behind a tool": ([MU, CALL, OUTPUT, S], "agent"),
    "a custom tool has answered": (
        [
            MU,
            item("custom_tool_call", call_id="1", name="apply_patch", input="*** Begin Patch"),
            item("custom_tool_call_output", call_id="1", output="Done"),
        ],
        "agent",
    ),
}
RESPONSES_ODD: dict[str, tuple[Any, str]] = {
    **{
        f"the last item is {kind}": ([MU, item(kind, call_id="1", output="1")], "agent")
        for kind in (
            "computer_call",
            "function_call_arguments",
            "tool_result",
            "computer_call_output",
            "local_shell_call_output",
            "shell_call_output",
            "apply_patch_call_output",
            "some_new_call_output",
        )
    },
    "a call that nobody answered": ([MU, CALL], "agent"),
    "a person has approved": ([MU, CALL, OUTPUT, item("mcp_approval_response")], "user"),
    "a reference": ([MU, item("item_reference", id="1")], "user"),
    "reasoning": ([MU, item("reasoning", summary=[])], "user"),
    "something unknown": ([MU, CALL, OUTPUT, item("telepathy")], "user"),
    "the model goes on by itself": ([MU, MA], "user"),
    "a type that is no word": ([MU, {"type": 7}], "user"),
}

# --- Messages: which blocks the last user message has ---

USE = {"type": "tool_use", "id": "1", "name": TOOL, "input": {"location": "Berlin"}}
RESULT = {"type": "tool_result", "tool_use_id": "1", "content": WEATHER}
TEXT = {"type": "text", "text": "Go on."}
REMINDER = {"type": "text", "text": "<system-reminder>Be brief.</system-reminder>"}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}}


def turn(role: str, *blocks: Json) -> Json:
    return {"role": role, "content": list(blocks)}


BEFORE = [U, turn("assistant", USE)]

MESSAGES_SOUND: dict[str, tuple[list[Json], str]] = {
    "a person asks": ([U], "user"),
    "in blocks": ([turn("user", TEXT)], "user"),
    "a person asks again": ([U, A, U], "user"),
    "a tool has answered": ([*BEFORE, turn("user", RESULT)], "agent"),
    "two tools have answered": (
        [
            U,
            turn("assistant", USE, {**USE, "id": "2"}),
            turn("user", RESULT, {**RESULT, "tool_use_id": "2"}),
        ],
        "agent",
    ),
    "a tool has answered with an image": (
        [*BEFORE, turn("user", {**RESULT, "content": [TEXT, IMAGE]})],
        "agent",
    ),
    "text beside a result": ([*BEFORE, turn("user", RESULT, TEXT)], "user"),
    "a reminder beside a result": ([*BEFORE, turn("user", RESULT, REMINDER)], "user"),
    "an image beside a result": ([*BEFORE, turn("user", RESULT, IMAGE)], "user"),
    "a person asks after a tool's turn": ([*BEFORE, turn("user", RESULT), A, U], "user"),
}
MESSAGES_ODD: dict[str, tuple[list[Json], str]] = {
    "text before a result": ([*BEFORE, turn("user", TEXT, RESULT)], "user"),
    "a system message behind a result": ([*BEFORE, turn("user", RESULT), S], "agent"),
    "a system message behind a person": ([U, S], "user"),
    "the model goes on by itself": ([U, A], "user"),
    "no blocks at all": ([U, A, turn("user")], "user"),
    "a block of no kind beside a result": ([*BEFORE, turn("user", RESULT, {})], "user"),
}

# --- the requests ---


def chat(model: str, messages: Any) -> tuple[str, Json]:
    return "/v1/chat/completions", {"model": model, "messages": messages}


def responses(model: str, items: Any) -> tuple[str, Json]:
    return "/v1/responses", {"model": model, "input": items}


def messages(model: str, turns: Any) -> tuple[str, Json]:
    return "/v1/messages", {"model": model, "max_tokens": 256, "messages": turns}


def label(simulator: Simulator) -> str | None:
    """What upstream was told, in one request or in several."""
    (found,) = {each.initiator for each in reached(simulator)}
    return found


SOUND = [
    pytest.param(ask, model, content, expected, id=f"{ask.__name__} {model}: {name}")
    for ask, models, table in (
        (chat, (GPT, CLAUDE, CODEX), CHAT_SOUND),
        (responses, (CODEX, CLAUDE, GEMINI), RESPONSES_SOUND),
        (messages, (CLAUDE, CODEX, GEMINI), MESSAGES_SOUND),
    )
    for model in models
    for name, (content, expected) in table.items()
]
ODD = [
    pytest.param(ask, model, content, expected, id=f"{ask.__name__}: {name}")
    for ask, model, table in (
        (chat, GPT, CHAT_ODD),
        (responses, CODEX, RESPONSES_ODD),
        (messages, CLAUDE, MESSAGES_ODD),
    )
    for name, (content, expected) in table.items()
]


@pytest.mark.parametrize(("ask", "model", "content", "expected"), SOUND)
def test_a_conversation_as_it_should_be(
    raw: httpx.Client, simulator: Simulator, ask: Any, model: str, content: Any, expected: str
) -> None:
    """Native and translated, upstream takes it."""
    path, body = ask(model, content)
    answer = raw.post(path, json=body)
    assert answer.status_code == 200, answer.text
    assert label(simulator) == expected


@pytest.mark.parametrize(("ask", "model", "content", "expected"), ODD)
def test_a_conversation_that_upstream_may_refuse(
    raw: httpx.Client, simulator: Simulator, ask: Any, model: str, content: Any, expected: str
) -> None:
    """Some of these it does refuse; the label was sent all the same."""
    path, body = ask(model, content)
    raw.post(path, json=body)
    assert label(simulator) == expected


PERSON = {
    "chat": chat(GPT, [U]),
    "responses": responses(CODEX, [MU]),
    "messages": messages(CLAUDE, [U]),
    "embeddings": ("/v1/embeddings", {"model": "text-embedding-3-small", "input": "one"}),
}
MACHINE = {
    "chat": chat(GPT, [U, called("1"), tool("1")]),
    "responses": responses(CODEX, [MU, CALL, OUTPUT]),
    "messages": messages(CLAUDE, [*BEFORE, turn("user", RESULT)]),
}


@pytest.mark.parametrize("protocol", PERSON)
def test_that_it_is_an_agent_is_believed_of_some_keys_only(
    raw: httpx.Client, pair: Pair, simulator: Simulator, protocol: str
) -> None:
    path, body = PERSON[protocol]
    headers = {"x-initiator": "agent"}
    assert raw.post(path, json=body, headers=headers).status_code == 200
    assert label(simulator) == "user"
    simulator.clear_ledger()
    headers["authorization"] = f"Bearer {pair.more_keys[MARKING]}"
    assert raw.post(path, json=body, headers=headers).status_code == 200
    assert label(simulator) == "agent"


@pytest.mark.parametrize("protocol", MACHINE)
@pytest.mark.parametrize("marked", ["user", "USER"])
def test_that_it_is_a_person_is_always_believed(
    raw: httpx.Client, simulator: Simulator, protocol: str, marked: str
) -> None:
    path, body = MACHINE[protocol]
    assert raw.post(path, json=body, headers={"x-initiator": marked}).status_code == 200
    assert label(simulator) == "user"


@pytest.mark.parametrize("protocol", MACHINE)
def test_another_word_says_nothing(raw: httpx.Client, simulator: Simulator, protocol: str) -> None:
    path, body = MACHINE[protocol]
    assert raw.post(path, json=body, headers={"x-initiator": "robot"}).status_code == 200
    assert label(simulator) == "agent"


# --- where the operator wants the history scanned ---


@pytest.fixture(scope="module")
def scanning(
    shared_simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    with Pair(
        tmp_path_factory.mktemp("scanning"),
        shared_simulator.base_url,
        initiator={"scan_history": True},
    ) as pair:
        yield pair


def test_a_scanned_history_makes_follow_ups_an_agents(scanning: Pair, simulator: Simulator) -> None:
    """Of Responses only, and never the first turn."""
    for (path, body), expected in (
        (responses(CODEX, [MU]), "user"),
        (responses(CODEX, [MU, MA, MU]), "agent"),
        (responses(CODEX, [MU, CALL, OUTPUT, MU]), "agent"),
        (responses(CODEX, [MU, CALL, OUTPUT]), "agent"),
        (chat(GPT, [U, A, U]), "user"),
        (messages(CLAUDE, [U, A, U]), "user"),
    ):
        simulator.clear_ledger()
        headers = {"authorization": f"Bearer {scanning.key}"}
        answer = httpx.post(scanning.base_url + path, json=body, headers=headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        assert label(simulator) == expected
