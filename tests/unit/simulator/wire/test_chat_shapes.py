"""The shapes of chat answers, streamed and whole, as recorded in §6.1-§6.3."""

import json
from typing import Any

from tests.unit.simulator.asking import WEATHER, Simulated

CLAUDE = "claude-sonnet-4.6"


def stream(**fields: Any) -> list[Any]:
    return Simulated({"chat": fields.pop("script", {})}).chat(stream=True, **fields).events


def test_gpt_begins_with_a_chunk_without_choices() -> None:
    """§6.1: the chunk on which strict clients fail."""
    first = stream()[0]
    assert first["choices"] == []
    assert (first["id"], first["model"], first["object"], first["created"]) == ("", "", "", 0)
    assert first["prompt_filter_results"][0]["content_filter_results"]["hate"]["severity"] == "safe"


def test_gpt_role_content_finish_usage() -> None:
    _, role, *content, finish, usage = stream()
    assert role["choices"][0]["delta"] == {"content": "", "refusal": None, "role": "assistant"}
    assert all(set(chunk["choices"][0]["delta"]) == {"content"} for chunk in content)
    assert finish["choices"][0]["delta"] == {}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert finish["usage"] is None
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] > 0
    assert usage["copilot_usage"]["total_nano_aiu"] > 0
    assert finish["model"] == "gpt-4o-2024-11-20"
    assert finish["object"] == "chat.completion.chunk"


def test_claude_has_no_object_and_usage_in_the_finish_chunk() -> None:
    """§6.1: "older/other back-ends"."""
    events = stream(model=CLAUDE)
    assert all("object" not in event for event in events)
    assert all(event["choices"] for event in events)
    finish = events[-1]
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert finish["usage"]["total_tokens"] > 0
    assert finish["copilot_usage"]["total_nano_aiu"] > 0


def assembled(events: list[Any]) -> dict[tuple[int, int], tuple[str, str]]:
    """Name and arguments of each call by choice and position, as a client puts them together."""
    calls: dict[tuple[int, int], tuple[str, str]] = {}
    for event in events:
        for choice in event["choices"]:
            for part in choice["delta"].get("tool_calls", ()):
                key = (choice["index"], part["index"])
                name, arguments = calls.get(key, ("", ""))
                function = part["function"]
                calls[key] = (name + function.get("name", ""), arguments + function["arguments"])
    return calls


def test_streamed_calls_come_in_pieces() -> None:
    for model in ("gpt-4o", CLAUDE):
        events = stream(model=model, tools=[WEATHER], script={"parallel_tool_calls": 2})
        calls = assembled(events)
        assert set(calls) == {(0, 0), (0, 1)}
        for name, arguments in calls.values():
            assert name == "get_weather"
            assert json.loads(arguments) == {"city": "Berlin", "unit": "celsius"}


def test_streamed_calls_can_be_in_choices_of_their_own() -> None:
    """§6.2: not recorded, so a scenario asks for it."""
    script = {"parallel_tool_calls": 2, "split_choices": True}
    events = stream(model=CLAUDE, tools=[WEATHER], script=script)
    assert set(assembled(events)) == {(1, 0), (2, 0)}
    finished = [c["index"] for e in events for c in e["choices"] if c.get("finish_reason")]
    assert finished == [0, 1, 2]


def test_whole_body_is_no_openai_body() -> None:
    body = Simulated().chat().json
    assert "object" not in body
    assert "created" not in body
    padding = body["choices"][0]["message"]["padding"]
    assert padding == "abcdefghijklmnopqrstuvwxyz"[: len(padding)]


def test_padding_is_of_random_length() -> None:
    simulated = Simulated()
    lengths = {len(simulated.chat().json["choices"][0]["message"]["padding"]) for _ in range(20)}
    assert len(lengths) > 5


def test_claude_splits_text_and_calls_into_choices() -> None:
    """§6.3: who reads choice 0 only loses the calls."""
    text, call = Simulated().chat(model=CLAUDE, tools=[WEATHER]).json["choices"]
    assert (text["index"], call["index"]) == (0, 1)
    assert text["finish_reason"] == call["finish_reason"] == "tool_calls"
    assert "content" in text["message"]
    assert call["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


def test_ids_differ_and_one_stream_has_one() -> None:
    simulated = Simulated()
    first = {event["id"] for event in simulated.chat(stream=True).events[1:]}
    second = {event["id"] for event in simulated.chat(stream=True).events[1:]}
    assert len(first) == len(second) == 1
    assert first != second


def test_nothing_else_is_random() -> None:
    """Streams that differ in ids and times only."""
    texts = []
    for seed in (1, 2):
        events = Simulated({"seed": seed}).chat(stream=True).events
        for event in events:
            event["id"] = ""
        texts.append(events)
    assert texts[0] == texts[1]
