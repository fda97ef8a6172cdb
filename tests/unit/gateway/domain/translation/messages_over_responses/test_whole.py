"""A whole Responses answer becomes the Messages answer that says the same."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_responses.translation import MESSAGES_OVER_RESPONSES
from tests.unit.gateway.domain.translation.messages_and_responses import (
    ASKED,
    answered,
    called,
    encoded,
    reasoned,
    responses_answer,
)

Body = dict[str, Any]


def translated(body: Body) -> Body:
    made: Body = json.loads(MESSAGES_OVER_RESPONSES.whole(encoded(body), ASKED))
    return made


def content(*output: Body) -> list[Body]:
    found: list[Body] = translated(responses_answer(output))["content"]
    return found


def text(said: str) -> Body:
    return {"type": "text", "text": said, "citations": None}


def test_a_plain_answer() -> None:
    assert translated(responses_answer([answered("Hi")])) == {
        "id": "msg_abc123",
        "type": "message",
        "role": "assistant",
        "model": "the-model",
        "content": [text("Hi")],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 4,
            "output_tokens": 5,
        },
    }


@pytest.mark.parametrize(
    ("item", "blocks"),
    [
        (answered("a", "", "b"), [text("a"), text("b")]),
        (answered(), []),
        (
            reasoned("Hm.", "So.", encrypted="gAAA="),
            [{"type": "thinking", "thinking": "Hm.\n\nSo.", "signature": "responses:gAAA="}],
        ),
        (
            reasoned(encrypted="gAAA="),
            [{"type": "redacted_thinking", "data": "responses:gAAA="}],
        ),
        (reasoned("Hm."), [{"type": "thinking", "thinking": "Hm.", "signature": ""}]),
        (reasoned(), []),
        (
            called(1, '{"q": [1]}'),
            [{"type": "tool_use", "id": "call_1", "name": "search", "input": {"q": [1]}}],
        ),
        (
            called(1, ""),
            [{"type": "tool_use", "id": "call_1", "name": "search", "input": {}}],
        ),
        ({"type": "web_search_call", "id": "ws", "status": "completed"}, []),
        ({"type": "tool_search_call", "arguments": {"query": "x"}}, []),
    ],
)
def test_items_become_blocks(item: Body, blocks: list[Body]) -> None:
    assert content(item) == blocks


def test_the_order_stays() -> None:
    found = content(reasoned(encrypted="x"), answered("a"), called(0, "{}"), called(1, "{}"))
    kinds = [block["type"] for block in found]
    assert kinds == ["redacted_thinking", "text", "tool_use", "tool_use"]


REFUSED = {
    "type": "message",
    "role": "assistant",
    "content": [{"type": "refusal", "refusal": "No."}],
}


@pytest.mark.parametrize(
    ("body", "stop_reason"),
    [
        (responses_answer([answered("a")]), "end_turn"),
        (responses_answer([answered("a"), called(0, "{}")]), "tool_use"),
        (responses_answer([REFUSED]), "refusal"),
        (responses_answer([answered("a")], "incomplete", "max_output_tokens"), "max_tokens"),
        (responses_answer([called(0, '{"q')], "incomplete", "max_output_tokens"), "max_tokens"),
        (responses_answer([answered("a")], "incomplete", "content_filter"), "refusal"),
        (responses_answer([answered("a")], "incomplete", "something new"), "max_tokens"),
    ],
)
def test_why_it_ended(body: Body, stop_reason: str) -> None:
    assert translated(body)["stop_reason"] == stop_reason


def test_a_refusal_is_said() -> None:
    assert content(REFUSED) == [text("No.")]


def test_a_call_that_was_broken_off_is_there_without_its_arguments() -> None:
    body = responses_answer([called(0, '{"q": "wea')], "incomplete", "max_output_tokens")
    assert translated(body)["content"][0]["input"] == {}


def test_half_a_character_in_a_calls_arguments_breaks_nothing() -> None:
    body = responses_answer([called(0, '{"q": "a \\ud83d"}')])
    assert translated(body)["content"][0]["input"] == {"q": "a \ufffd"}


def test_what_it_cost_stays() -> None:
    body = {**responses_answer([]), "copilot_usage": {"total_nano_aiu": 5}}
    assert translated(body)["copilot_usage"] == {"total_nano_aiu": 5}


@pytest.mark.parametrize(
    "body",
    [
        responses_answer([called(0, '{"q": "wea')]),
        responses_answer([called(0, "[1]")]),
        responses_answer([{"type": "function_call", "name": "a", "arguments": "{}"}]),
        {"status": "completed"},
        {"status": "failed", "output": []},
        {"output": "none"},
        [],
    ],
)
def test_what_is_no_answer_is_upstreams_fault(body: Any) -> None:
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_RESPONSES.whole(encoded(body), ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
