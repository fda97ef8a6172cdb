"""A whole Messages answer becomes the Responses answer that says the same."""

import json
from typing import Any

import pytest
from openai.types.responses import Response

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.responses_over_messages import sealed
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.translation.messages_and_responses import (
    ASKED,
    encoded,
    messages_answer,
    text_block,
    thought,
    use,
)

Body = dict[str, Any]


def translated(body: Body) -> Body:
    raw = RESPONSES_OVER_MESSAGES.whole(encoded(body), ASKED)
    Response.model_validate_json(raw, strict=True)
    made: Body = json.loads(raw)
    return made


def output(*content: Body) -> list[Body]:
    made: list[Body] = translated(messages_answer(content))["output"]
    return made


def said(index: int, text: str, status: str = "completed") -> Body:
    return {
        "id": f"msg_abc123_{index}",
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [{"type": "output_text", "text": text, "annotations": [], "logprobs": []}],
    }


def reasoned(summary: list[str], encrypted: str) -> Body:
    item = {
        "id": "rs_abc123_0",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text} for text in summary],
    }
    return {**item, "encrypted_content": encrypted} if encrypted else item


def test_a_plain_answer() -> None:
    found = translated(messages_answer([text_block("Hi")]))
    names = ("id", "object", "created_at", "status", "model", "output", "incomplete_details")
    assert {name: found[name] for name in names} == {
        "id": "resp_abc123",
        "object": "response",
        "created_at": 1_795_350_000,
        "status": "completed",
        "model": "the-model",
        "output": [said(0, "Hi")],
        "incomplete_details": None,
    }
    assert found["usage"] == {
        "input_tokens": 12,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 18,
    }


def called(kind: str, prefix: str, name: str, **more: Any) -> Body:
    ids = {"id": f"{prefix}_abc123_0", "type": kind, "call_id": "toolu_1", "name": name}
    return {**ids, **more, "status": "completed"}


@pytest.mark.parametrize(
    ("block", "items"),
    [
        (text_block(""), []),
        (thought("Hm.", "ErUB="), [reasoned(["Hm."], sealed.of_thinking("Hm.", "ErUB="))]),
        (thought("", "ErUB="), [reasoned([], sealed.of_thinking("", "ErUB="))]),
        (thought("Hm.", ""), [reasoned(["Hm."], "")]),
        (thought("", ""), []),
        (
            {"type": "redacted_thinking", "data": "Red="},
            [reasoned([], sealed.of_redacted("Red="))],
        ),
        (
            use(1, "search", {"q": [1]}),
            [called("function_call", "fc", "search", arguments='{"q": [1]}')],
        ),
        (
            use(1, "mcp__docs__find", {}),
            [called("function_call", "fc", "find", namespace="mcp__docs__", arguments="{}")],
        ),
        (
            use(1, "patch", {"input": "+a"}),
            [called("custom_tool_call", "ctc", "patch", input="+a")],
        ),
        (
            use(1, "functions__exec", {"input": "+a"}),
            [called("custom_tool_call", "ctc", "exec", namespace="functions", input="+a")],
        ),
        (
            use(1, "patch", {"patch": "+a"}),
            [called("custom_tool_call", "ctc", "patch", input='{"patch": "+a"}')],
        ),
        (
            use(1, "unknown", {"input": "+a"}),
            [called("function_call", "fc", "unknown", arguments='{"input": "+a"}')],
        ),
        ({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}, []),
        ({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, []),
    ],
)
def test_blocks_become_items(block: Body, items: list[Body]) -> None:
    assert output(block) == items


def test_the_order_stays() -> None:
    found = output(thought("", "s"), text_block("a"), text_block("b"), use(1, "f", {}))
    assert [item["type"] for item in found] == ["reasoning", "message", "message", "function_call"]
    assert len({item["id"] for item in found}) == 4


@pytest.mark.parametrize(
    ("stop_reason", "status", "reason"),
    [
        ("end_turn", "completed", None),
        ("tool_use", "completed", None),
        ("stop_sequence", "completed", None),
        ("something new", "completed", None),
        ("max_tokens", "incomplete", "max_output_tokens"),
        ("model_context_window_exceeded", "incomplete", "max_output_tokens"),
        ("refusal", "incomplete", "content_filter"),
    ],
)
def test_how_it_ended(stop_reason: str, status: str, reason: str | None) -> None:
    found = translated(messages_answer([text_block("a"), text_block("b")], stop_reason))
    assert found["status"] == status
    assert found["incomplete_details"] == ({"reason": reason} if reason else None)
    assert found["output"] == [said(0, "a"), said(1, "b", status)]


def test_some_of_the_request_is_said_again() -> None:
    found = translated(messages_answer([]))
    assert (found["temperature"], found["tool_choice"], found["tools"]) == (0.5, "auto", [])


def test_without_the_request_every_call_is_a_functions() -> None:
    body = encoded(messages_answer([use(1, "patch", {"input": "+a"})]))
    asked = Asked(model="m", created=1, answer_id="abc123")
    found = json.loads(RESPONSES_OVER_MESSAGES.whole(body, asked))
    assert found["output"] == [called("function_call", "fc", "patch", arguments='{"input": "+a"}')]


def test_what_it_cost_stays() -> None:
    body = {**messages_answer([]), "copilot_usage": {"total_nano_aiu": 5}}
    assert translated(body)["copilot_usage"] == {"total_nano_aiu": 5}


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"content": "none"},
        messages_answer([{"type": "tool_use", "name": "a", "input": {}}]),
        messages_answer([{"type": "tool_use", "id": "a", "name": "a", "input": []}]),
        messages_answer([{"type": "text", "text": 5}]),
    ],
)
def test_what_is_no_answer_is_upstreams_fault(body: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        RESPONSES_OVER_MESSAGES.whole(encoded(body), ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
