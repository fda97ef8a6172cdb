"""Whole chat answers: what stays the bytes it is, what is repaired, what is no answer (§6.3)."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams.failures import StreamFailure
from gateway.domain.usage.reading import Meter, spent_in
from gateway.domain.whole.chat import error_in_200, repair, sound_in

CREATED = 1_795_350_000
USED = {"completion_tokens": 15, "prompt_tokens": 57, "total_tokens": 72}


def call(number: int) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": '{"location":"Tokyo"}'}
    return {"id": f"call_{number}", "type": "function", "function": function}


RECORDED: dict[str, Any] = {
    "choices": [
        {
            "finish_reason": "tool_calls",
            "index": 0,
            "content_filter_results": {},
            "message": {
                "padding": "abcdefghijklm",
                "role": "assistant",
                "tool_calls": [call(0)],
            },
        }
    ],
    "id": "chatcmpl-x",
    "model": "gpt-4o-2024-11-20",
    "system_fingerprint": "fp_x",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    "usage": USED,
}


def choice(index: int, message: dict[str, Any], reason: str = "stop") -> dict[str, Any]:
    return {
        "finish_reason": reason,
        "index": index,
        "message": {"role": "assistant", **message},
    }


def answer(*choices: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A healthy answer."""
    frame = {"object": "chat.completion", "created": CREATED, "id": "c", "model": "m"}
    return {**frame, "choices": list(choices), "usage": USED, **more}


def repaired(body: Any, choices: int = 1) -> Any:
    return json.loads(repair(json.dumps(body).encode(), created=7, choices=choices))


def test_a_healthy_answer_is_the_same_object() -> None:
    body = json.dumps(answer(choice(0, {"content": "Hi"})), indent=2).encode()
    assert repair(body, created=7) is body


def test_several_answers_that_were_asked_for_are_the_same_object() -> None:
    body = json.dumps(answer(choice(0, {"content": "a"}), choice(1, {"content": "b"}))).encode()
    assert repair(body, created=7, choices=2) is body


def test_the_recorded_answer_becomes_openais() -> None:
    message = {"role": "assistant", "content": None, "tool_calls": [call(0)]}
    assert repaired(RECORDED) == {
        **RECORDED,
        "object": "chat.completion",
        "created": 7,
        "choices": [{**RECORDED["choices"][0], "message": message}],
    }


@pytest.mark.parametrize(
    ("change", "name", "value"),
    [
        ({"object": ""}, "object", "chat.completion"),
        ({"object": None}, "object", "chat.completion"),
        ({"created": 0}, "created", 7),
        ({"created": None}, "created", 7),
    ],
)
def test_empty_fields_are_filled(change: dict[str, Any], name: str, value: Any) -> None:
    healthy = answer(choice(0, {"content": "Hi"}))
    assert repaired({**healthy, **change}) == {**healthy, name: value}


def test_padding_is_taken_out_of_the_choice_as_well() -> None:
    padded = {**choice(0, {"content": "Hi", "padding": "ab"}), "padding": "cd"}
    assert repaired(answer(padded)) == answer(choice(0, {"content": "Hi"}))


def test_split_choices_become_one() -> None:
    split = answer(
        choice(0, {"content": "I look.", "reasoning_opaque": "sealed"}, "tool_calls"),
        choice(1, {"tool_calls": [call(0)]}, "tool_calls"),
        choice(2, {"tool_calls": [call(1), call(2)], "padding": "x"}, "tool_calls"),
    )
    message = {
        "content": "I look.",
        "reasoning_opaque": "sealed",
        "tool_calls": [call(0), call(1), call(2)],
    }
    assert repaired(split) == answer(choice(0, message, "tool_calls"))


@pytest.mark.parametrize(
    ("messages", "content"),
    [
        ([{"content": "a"}, {"content": "b"}], "ab"),
        ([{"content": None}, {"content": "b"}], "b"),
        ([{}, {"content": ""}], None),
        ([{"tool_calls": [call(0)]}, {"tool_calls": [call(1)]}], None),
        ([{"content": [{"type": "text"}]}, {"content": None}], [{"type": "text"}]),
    ],
)
def test_all_text_of_split_choices_is_kept(messages: list[Any], content: Any) -> None:
    split = answer(*(choice(index, message) for index, message in enumerate(messages)))
    found = repaired(split)["choices"][0]["message"]["content"]
    assert (found or None) == content


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (["stop", "tool_calls"], "tool_calls"),
        (["tool_calls", "stop"], "tool_calls"),
        (["stop", "length"], "length"),
        ([None, "stop"], "stop"),
        ([None, None], None),
    ],
)
def test_the_weightiest_finish_reason_is_left(said: list[Any], left: Any) -> None:
    split = [{**choice(n, {"content": "x"}), "finish_reason": each} for n, each in enumerate(said)]
    assert repaired(answer(*split))["choices"][0]["finish_reason"] == left


def test_other_values_are_not_written_anew() -> None:
    body = b'{"choices":[{"index":0,"message":{"content":"\\u00e9"}}],"odd":[1.50,1e3],"id":"x"}'
    assert b'"odd":[1.50,1e3]' in repair(body, created=7)
    assert b'"content":"\\u00e9"' in repair(body, created=7)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Unicorn!</html>",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":[{"index":0}]}',
        b'{"choices":"none"}',
        b'{"type":"message"}',
        b'{"type":"message","content":"text"}',
        b"\xff",
        b'{"a":' * 100_000,
    ],
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        repair(body, created=7)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer_or_a_refusal(body: bytes) -> None:
    with suppress(GatewayError):
        assert repair(body, created=7)


CHOICE = {"index": 0, "message": {"content": "hi"}, "finish_reason": "stop"}
SOUND = {"object": "chat.completion", "created": 1, "choices": [CHOICE]}


@pytest.mark.parametrize(
    ("changes", "sound"),
    [
        ({}, True),
        ({"error": {"code": "x"}}, True),
        ({"object": None}, False),
        ({"created": None}, False),
        ({"choices": []}, False),
        ({"choices": [CHOICE, CHOICE]}, False),
        ({"choices": [CHOICE | {"padding": "p"}]}, False),
        ({"choices": [{"message": {}}]}, False),
    ],
)
def test_a_sound_answer_needs_nothing_and_any_other_is_looked_at(changes: Any, sound: bool) -> None:
    body = json.dumps(SOUND | changes).encode()
    assert (sound_in(body) is not None) is sound
    if sound:
        assert error_in_200(body) is None
        assert repair(body, created=7) is body


def test_several_answers_are_sound_where_several_were_asked_for() -> None:
    body = json.dumps(SOUND | {"choices": [CHOICE, CHOICE]}).encode()
    assert sound_in(body, choices=2) is not None


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"usage": None, "copilot_usage": None},
        {"usage": USED},
        {"usage": USED | {"prompt_tokens_details": {"cached_tokens": 3}}},
        {"copilot_usage": {"total_nano_aiu": 0}},
        {"usage": USED, "copilot_usage": {"total_nano_aiu": 70}},
    ],
)
def test_a_sound_answer_costs_what_it_says_to_whom_reads_that_alone(said: Any) -> None:
    body = json.dumps(SOUND | said).encode()
    seen, meter = sound_in(body), Meter(Protocol.CHAT)
    assert seen is not None
    meter.note_read(seen.usage, seen.copilot_usage)
    assert meter.spent == spent_in(Protocol.CHAT, body)


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'{"a":' * 100_000])
def test_what_is_no_json_is_not_sound(body: bytes) -> None:
    assert sound_in(body) is None


# --- errors under status 200 ---


@pytest.mark.parametrize(
    ("document", "failure"),
    [
        ({"error": {"code": "rate_limited", "message": "m"}}, ("rate_limited", "", "m")),
        ({"error": {"code": "x"}, "choices": []}, ("x", "", "")),
        ({"error": "broken"}, ("", "", "broken")),
        ({"type": "error", "error": {"type": "api_error"}}, ("", "api_error", "")),
        ({"object": "response", "status": "failed", "error": {"code": "x"}}, ("x", "", "")),
        ({"code": "x", "message": "m"}, ("x", "", "m")),
        ({"object": "response", "status": "completed", "error": None}, None),
        ({"error": {"code": "x"}, "output": []}, ("x", "", "")),
        ({"error": {"code": "x"}, "choices": [{}]}, None),
        ({"status": "failed", "error": {"code": "x"}, "output": [{}]}, None),
        (RECORDED, None),
        ({"type": "message", "content": []}, None),
        ({}, None),
        ([], None),
    ],
)
def test_an_error_under_status_200_is_seen(document: Any, failure: Any) -> None:
    expected = failure and StreamFailure(*failure)
    assert error_in_200(json.dumps(document).encode()) == expected


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b'{"a":' * 100_000])
def test_what_is_no_json_reports_no_error(body: bytes) -> None:
    assert error_in_200(body) is None


def test_a_body_that_reports_an_error_is_left_for_whoever_classifies_it() -> None:
    body = b'{"error": {"code": "rate_limited"}}'
    assert repair(body, created=7) is body


# --- Anthropic's own body ---


def native(content: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "message",
        "role": "assistant",
        "id": "msg_vrtx_01",
        "model": "claude-opus-4.8",
        "content": content,
        "stop_reason": "end_turn",
        "usage": {
            "input_tokens": 5,
            "output_tokens": 7,
            "cache_read_input_tokens": 100,
            "cache_creation_input_tokens": 20,
        },
        **more,
    }


def test_anthropics_body_becomes_a_chat_completion() -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sealed"},
        {"type": "text", "text": "I "},
        {"type": "text", "text": "look."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"a": [1, 2]}},
    ]
    function = {"name": "get_weather", "arguments": '{"a": [1, 2]}'}
    message = {
        "role": "assistant",
        "content": "I look.",
        "tool_calls": [{"id": "toolu_1", "type": "function", "function": function}],
        "reasoning_text": "Hm.",
    }
    costs = {"total_nano_aiu": 3}
    assert repaired(native(content, stop_reason="tool_use", copilot_usage=costs)) == {
        "id": "msg_vrtx_01",
        "object": "chat.completion",
        "created": 7,
        "model": "claude-opus-4.8",
        "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}],
        "usage": {
            "prompt_tokens": 125,
            "completion_tokens": 7,
            "total_tokens": 132,
            "prompt_tokens_details": {"cached_tokens": 100},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "copilot_usage": costs,
    }


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("something new", "stop"),
        (None, "stop"),
    ],
)
def test_what_stopped_claude_is_said_in_chats_words(stop_reason: Any, finish_reason: str) -> None:
    body = native([{"type": "text", "text": "x"}], stop_reason=stop_reason)
    assert repaired(body)["choices"][0]["finish_reason"] == finish_reason


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([], ""),
        ([{"type": "tool_use", "id": "t", "name": "n", "input": {}}], None),
        ([{"type": "new kind", "data": 1}, {"type": "text", "text": "x"}], "x"),
    ],
)
def test_content_is_null_only_beside_calls(content: list[Any], text: Any) -> None:
    assert repaired(native(content))["choices"][0]["message"]["content"] == text
