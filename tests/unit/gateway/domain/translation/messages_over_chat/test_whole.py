"""What a whole chat answer becomes for a caller who asked for Messages."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import ASKED, FRAME, compact


def call(number: int = 0, arguments: str = '{"a":1}', **more: Any) -> dict[str, Any]:
    return {
        "id": f"call_{number}",
        "type": "function",
        "function": {"name": "look", "arguments": arguments},
        **more,
    }


def choice(reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}


def message(*choices: dict[str, Any], **more: Any) -> Any:
    body = {"object": "chat.completion", **FRAME, "choices": list(choices), **more}
    return json.loads(MESSAGES_OVER_CHAT.whole(compact(body), ASKED))


def test_an_answer_becomes_a_message() -> None:
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 7,
        "prompt_tokens_details": {"cached_tokens": 60},
    }
    costs = {"total_nano_aiu": 5}
    found = message(choice(content="Hi"), usage=usage, copilot_usage=costs)
    assert found == {
        "id": "msg_a1b2",
        "type": "message",
        "role": "assistant",
        "model": "model-as-asked",
        "content": [{"type": "text", "text": "Hi"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 40,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 60,
            "output_tokens": 7,
        },
        "copilot_usage": costs,
    }


def test_thinking_text_and_calls_come_in_this_order() -> None:
    said = {"content": "I look.", "reasoning_text": "Hm.", "reasoning_opaque": "sealed"}
    found = message(choice("tool_calls", tool_calls=[call(0), call(1, "")], **said))
    assert found["content"] == [
        {"type": "thinking", "thinking": "Hm.", "signature": "chat:sealed"},
        {"type": "text", "text": "I look."},
        {"type": "tool_use", "id": "call_0", "name": "look", "input": {"a": 1}},
        {"type": "tool_use", "id": "call_1", "name": "look", "input": {}},
    ]
    assert found["stop_reason"] == "tool_use"


@pytest.mark.parametrize("name", ["reasoning_text", "reasoning_content", "cot_summary"])
def test_thinking_by_each_of_its_names(name: str) -> None:
    (block, _) = message(choice(content="Hi", **{name: "Hm."}))["content"]
    assert block == {"type": "thinking", "thinking": "Hm.", "signature": ""}


def test_an_answer_of_nothing_has_no_blocks() -> None:
    assert message(choice(content=None))["content"] == []


def test_split_choices_are_one_answer() -> None:
    found = message(
        choice("tool_calls", content="I look."), choice("tool_calls", tool_calls=[call()])
    )
    assert [block["type"] for block in found["content"]] == ["text", "tool_use"]


@pytest.mark.parametrize(
    ("reason", "said", "stop_reason"),
    [
        ("stop", {"content": "a"}, "end_turn"),
        (None, {"content": "a"}, "end_turn"),
        ("something new", {"content": "a"}, "end_turn"),
        ("length", {"content": "a"}, "max_tokens"),
        ("length", {"tool_calls": [call()]}, "max_tokens"),
        ("tool_calls", {"tool_calls": [call()]}, "tool_use"),
        ("function_call", {"tool_calls": [call()]}, "tool_use"),
        ("stop", {"tool_calls": [call()]}, "tool_use"),
        ("tool_calls", {"content": "a"}, "end_turn"),
        ("content_filter", {"content": "a"}, "refusal"),
        ("refusal", {"content": "a"}, "refusal"),
        ("stop", {"refusal": "No."}, "refusal"),
    ],
)
def test_why_it_stopped(reason: Any, said: dict[str, Any], stop_reason: str) -> None:
    assert message(choice(reason, **said))["stop_reason"] == stop_reason


def test_a_refusal_is_said() -> None:
    found = message(choice(content=None, refusal="No."))
    assert found["content"] == [{"type": "text", "text": "No."}]


@pytest.mark.parametrize("arguments", ['{"a":', "[1]", "plain"])
def test_arguments_that_are_no_object_are_kept_as_text(arguments: str) -> None:
    (block,) = message(choice("length", tool_calls=[call(0, arguments)]))["content"]
    assert block["input"] == {"arguments": arguments}


def test_half_a_character_in_a_calls_arguments_breaks_nothing() -> None:
    (block,) = message(choice("length", tool_calls=[call(0, '{"a": "b \\ud83d"}')]))["content"]
    assert block["input"] == {"a": "b \ufffd"}


def test_a_call_without_an_id_gets_one() -> None:
    (block,) = message(choice(tool_calls=[call(id=None)]))["content"]
    assert block["id"] == "toolu_a1b2_0"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"choices":[]}', b"<html>", compact({"choices": [choice("error")]})]
)
def test_what_is_no_answer_is_upstreams_fault(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_CHAT.whole(body, ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
