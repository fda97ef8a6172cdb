"""The shapes of Responses answers, streamed and whole (§6.4)."""

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.unit.simulator.asking import PARAMETERS, Simulated

FUNCTION = {"type": "function", "name": "get_weather", "parameters": PARAMETERS, "strict": False}
CUSTOM = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar"}}
ENCRYPTED: dict[str, Any] = {"include": ["reasoning.encrypted_content"]}
NO_EFFORT = {"reasoning": {"effort": "none"}}


def stream(script: dict[str, Any] | None = None, **fields: Any) -> list[Any]:
    return Simulated({"chat": script or {}}).responses(stream=True, **fields).named_events


def whole(script: dict[str, Any] | None = None, **fields: Any) -> Any:
    return Simulated({"chat": script or {}}).responses(**fields).json


def ids_of(events: list[Any]) -> list[str]:
    """Every id in a stream: of responses, of items, and of what refers to an item."""
    found = []
    for event in events:
        response, item = event.get("response"), event.get("item")
        found += [event["item_id"]] if "item_id" in event else []
        found += [item["id"]] if item else []
        found += [response["id"], *(each["id"] for each in response["output"])] if response else []
    return found


def test_no_id_is_shown_twice() -> None:
    """§6.4: who keys by id loses everything."""
    events = stream(tools=[FUNCTION], said="weather?", **ENCRYPTED)
    ids = ids_of(events)
    assert len(ids) > 10
    assert len(set(ids)) == len(ids)
    assert {len(each) for each in ids} == {400}


def test_events_are_numbered_and_end_with_completed() -> None:
    events = stream(**NO_EFFORT)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    names = [event["type"].removeprefix("response.") for event in events]
    assert names[:4] == ["created", "in_progress", "output_item.added", "content_part.added"]
    assert set(names[4:-4]) == {"output_text.delta"}
    assert names[-4:] == [
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_what_is_said_is_said_in_pieces_and_whole_and_at_the_end() -> None:
    events = stream(**NO_EFFORT)
    deltas = [e["delta"] for e in events if e["type"] == "response.output_text.delta"]
    end = events[-1]["response"]["output"][0]["content"][0]["text"]
    assert "".join(deltas) == end == whole(**NO_EFFORT)["output"][0]["content"][0]["text"]
    assert end == "This is a simulated answer from gpt-5.3-codex. You said: hello"


def test_oddities_of_the_response_object() -> None:
    for body in (whole(), stream()[0]["response"]):
        assert body["output_text"] is None
        assert body["service_tier"] == "priority"
        assert "safety_identifier" in body


def test_cost_stands_beside_the_response() -> None:
    """§6.4, §6.6: at the top level of the last event, not in the response."""
    end = stream()[-1]
    assert end["copilot_usage"]["total_nano_aiu"] > 0
    assert "copilot_usage" not in end["response"]
    usage = end["response"]["usage"]
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_tokens_details"]["reasoning_tokens"] > 0
    assert whole()["copilot_usage"] == end["copilot_usage"]


def test_reasoning_has_an_empty_summary_unless_one_is_asked_for() -> None:
    reasoning, message = whole()["output"]
    assert (reasoning["type"], reasoning["summary"]) == ("reasoning", [])
    assert "encrypted_content" not in reasoning
    assert message["type"] == "message"
    (part,) = whole(reasoning={"summary": "auto"})["output"][0]["summary"]
    assert part["text"].startswith("This is simulated reasoning")
    assert [item["type"] for item in whole(**NO_EFFORT)["output"]] == ["message"]


def test_summaries_are_streamed() -> None:
    events = stream(reasoning={"summary": "auto"})
    deltas = [e["delta"] for e in events if e["type"].endswith("summary_text.delta")]
    (done,) = [e for e in events if e["type"] == "response.reasoning_summary_text.done"]
    assert "".join(deltas) == done["text"]


def test_encrypted_reasoning_is_another_one_when_it_begins() -> None:
    """§6.4: the done item's is what can be sent back."""
    events = stream(**ENCRYPTED)
    shown = [e["item"] for e in events if "item" in e and e["item"]["type"] == "reasoning"]
    begun, done = (item["encrypted_content"] for item in shown)
    assert begun != done == events[-1]["response"]["output"][0]["encrypted_content"]


def test_function_calls_come_in_pieces() -> None:
    events = stream({"parallel_tool_calls": 2}, tools=[FUNCTION], **NO_EFFORT)
    pieces: defaultdict[int, str] = defaultdict(str)
    for event in events:
        if event["type"] == "response.function_call_arguments.delta":
            pieces[event["output_index"]] += event["delta"]
    assert list(pieces) == [0, 1]
    done = [e for e in events if e["type"] == "response.output_item.done"]
    assert len({e["item"]["call_id"] for e in done}) == 2
    for event in done:
        assert event["item"]["arguments"] == pieces[event["output_index"]]
        assert json.loads(event["item"]["arguments"]) == {"city": "Berlin", "unit": "celsius"}


def test_custom_tools_are_called_with_text() -> None:
    events = stream(tools=[CUSTOM], **NO_EFFORT)
    deltas = [e["delta"] for e in events if e["type"] == "response.custom_tool_call_input.delta"]
    (item,) = events[-1]["response"]["output"]
    assert (item["type"], item["name"]) == ("custom_tool_call", "apply_patch")
    assert item["input"] == "".join(deltas)
    assert item["input"].startswith("*** Begin Patch\n")


@pytest.mark.parametrize(
    ("finish_reason", "status", "details"),
    [
        ("length", "incomplete", {"reason": "max_output_tokens"}),
        ("content_filter", "incomplete", {"reason": "content_filter"}),
        ("failed", "failed", None),
        ("stop", "completed", None),
    ],
)
def test_terminal_events(finish_reason: str, status: str, details: Any) -> None:
    script = {"finish_reason": finish_reason}
    end = stream(script)[-1]
    assert end["type"] == f"response.{status}"
    body = end["response"]
    assert (body["status"], body["incomplete_details"]) == (status, details)
    assert ("copilot_usage" in end) is (status == "completed")
    assert (body["error"] is not None) is (status == "failed")
    assert ("content_filters" in body) is (finish_reason == "content_filter")
    assert whole(script)["status"] == status


def test_a_limit_makes_it_incomplete() -> None:
    body = whole(max_output_tokens=3, **NO_EFFORT)
    assert body["status"] == body["output"][0]["status"] == "incomplete"
    assert body["output"][0]["content"][0]["text"] == "This is a si"
