"""The shapes of Messages answers, streamed and whole (§6.5)."""

import json
from typing import Any

import pytest

from tests.unit.simulator.asking import PARAMETERS, Simulated

TOOL = {"name": "get_weather", "input_schema": PARAMETERS}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


def stream(script: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    return Simulated({"chat": script or {}}).messages(stream=True, **fields).named_events


def whole(script: dict[str, Any] | None = None, **fields: Any) -> Any:
    return Simulated({"chat": script or {}}).messages(**fields).json


def assembled(events: list[Any]) -> list[Any]:
    """The blocks of a stream as a client puts them together."""
    blocks: list[Any] = []
    for event in events:
        if event["type"] == "content_block_start":
            assert event["index"] == len(blocks)
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            block, delta = blocks[event["index"]], event["delta"]
            block["json"] += delta.get("partial_json", "")
            for field in ("text", "thinking", "signature"):
                if field in delta:
                    block[field] += delta[field]
    for block in blocks:
        text = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(text)
    return blocks


def test_ids_and_model_are_those_of_a_back_end() -> None:
    """§6.5: Bedrock's ids, and a dated model that nobody asked for."""
    body = whole(tools=[TOOL])
    assert body["id"].startswith("msg_bdrk_")
    assert body["content"][1]["id"].startswith("toolu_bdrk_")
    assert body["model"] == "claude-sonnet-4-6-20260115"
    assert body["context_management"] == {"applied_edits": []}


def test_order_of_events() -> None:
    names = [event["type"] for event in stream()]
    assert names[:3] == ["message_start", "content_block_start", "ping"]
    assert set(names[3:-3]) == {"content_block_delta"}
    assert names[-3:] == ["content_block_stop", "message_delta", "message_stop"]


@pytest.mark.parametrize("fields", [{}, {"tools": [TOOL]}, {**THINKING, "tools": [TOOL]}])
def test_stream_and_whole_say_the_same(fields: dict[str, Any]) -> None:
    blocks, content = assembled(stream(**fields)), whole(**fields)["content"]
    for block in (*blocks, *content):
        block.pop("signature", None)
    assert blocks == content


def test_text_quotes_the_request() -> None:
    (block,) = whole(said="hello")["content"]
    assert block["text"] == "This is a simulated answer from claude-sonnet-4.6. You said: hello"


def test_calls_come_after_text_with_arguments_from_the_schema() -> None:
    text, call = assembled(stream(tools=[TOOL]))
    assert (text["type"], call["type"], call["name"]) == ("text", "tool_use", "get_weather")
    assert call["input"] == {"city": "Berlin", "unit": "celsius"}


@pytest.mark.parametrize("kind", [{"type": "enabled", "budget_tokens": 1024}, {"type": "adaptive"}])
def test_thinking_comes_first_and_is_signed_last(kind: dict[str, Any]) -> None:
    events = stream(thinking=kind)
    thinking, text = assembled(events)
    assert (thinking["type"], text["type"]) == ("thinking", "text")
    assert len(thinking["signature"]) == 400
    kinds = [e["delta"]["type"] for e in events if e["type"] == "content_block_delta"]
    assert kinds.index("signature_delta") == kinds.count("thinking_delta")


def test_no_thinking_unless_asked() -> None:
    assert [block["type"] for block in whole(thinking={"type": "disabled"})["content"]] == ["text"]


def test_usage_counts_cached_tokens_apart_and_the_cost_is_on_message_delta() -> None:
    """§6.5, §6.6."""
    events = stream({"cached_tokens": 3})
    (delta,) = [event for event in events if event["type"] == "message_delta"]
    assert delta["usage"]["cache_read_input_tokens"] == 3
    assert delta["usage"]["input_tokens"] == 6 - 3
    assert delta["usage"]["cache_creation"]["ephemeral_5m_input_tokens"] == 0
    assert delta["copilot_usage"]["total_nano_aiu"] > 0
    assert delta["copilot_annotations"] == {"IPCodeCitations": []}
    body = whole({"cached_tokens": 3})
    assert (body["usage"], body["copilot_usage"]) == (delta["usage"], delta["copilot_usage"])
    assert events[0]["message"]["usage"]["output_tokens"] == 1


@pytest.mark.parametrize(
    ("fields", "script", "reason"),
    [
        ({}, {}, "end_turn"),
        ({"tools": [TOOL]}, {}, "tool_use"),
        ({"max_tokens": 2}, {}, "max_tokens"),
        ({}, {"finish_reason": "content_filter"}, "refusal"),
        ({}, {"finish_reason": "pause_turn"}, "pause_turn"),
    ],
)
def test_stop_reasons(fields: dict[str, Any], script: dict[str, Any], reason: str) -> None:
    assert whole(script, **fields)["stop_reason"] == reason
    assert stream(script, **fields)[-2]["delta"]["stop_reason"] == reason


def test_chat_answers_in_this_shape_where_a_scenario_says_so() -> None:
    """§6.3: Claude's native body, whole answers only."""
    simulated = Simulated({"chat": {"native_body": True}})
    body = simulated.chat(model="claude-sonnet-4.6").json
    assert (body["type"], body["content"][0]["type"]) == ("message", "text")
    assert "choices" not in body
    assert "choices" in simulated.chat(model="gpt-4o").json
    assert simulated.chat(model="claude-sonnet-4.6", stream=True).events[0]["choices"]
