"""What a chat stream becomes for a caller who asked for Messages, event by event."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import (
    ASKED,
    CUTS,
    FRAME,
    Said,
    answers,
    chat_event,
    compact,
    events_of,
    fold_messages,
    pieces_of,
    read_message,
    translated,
)

DONE = b"data: [DONE]\n\n"
USAGE = {
    "prompt_tokens": 9,
    "completion_tokens": 4,
    "prompt_tokens_details": {"cached_tokens": 5},
}


def chunk(delta: dict[str, Any], reason: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return chat_event({"object": "chat.completion.chunk", **FRAME, "choices": [choice]})


def piece(index: int, arguments: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "function": {"arguments": arguments, **more}}


def opening(index: int, arguments: str = "") -> dict[str, Any]:
    call = {"id": f"call_{index}", "type": "function"}
    return {"tool_calls": [{**piece(index, arguments, name="look"), **call}]}


def more(index: int, arguments: str) -> dict[str, Any]:
    return {"tool_calls": [piece(index, arguments)]}


def stream(*deltas: dict[str, Any], reason: str = "stop") -> bytes:
    events = [*map(chunk, deltas), chunk({}, reason), DONE]
    return translated(MESSAGES_OVER_CHAT.stream(ASKED), events, [])


def kinds(written: bytes) -> list[str]:
    """The events, what begins and grows by its type."""
    found = []
    for name, data in events_of(written):
        value = json.loads(data)
        inner = value.get("content_block") or (name == "content_block_delta" and value["delta"])
        found.append(inner["type"] if inner else name)
    return found


def test_every_event_of_a_stream_in_order() -> None:
    written = stream(
        {"role": "assistant", "content": ""},
        {"reasoning_text": "Hm."},
        {"reasoning_opaque": "sealed"},
        {"content": "I "},
        {"content": "look."},
        opening(0),
        more(0, '{"a":'),
        more(0, "1}"),
        opening(1, "{}"),
        reason="tool_calls",
    )
    assert kinds(written) == [
        "message_start",
        "thinking",
        "thinking_delta",
        "signature_delta",
        "content_block_stop",
        "text",
        "text_delta",
        "text_delta",
        "content_block_stop",
        "tool_use",
        "input_json_delta",
        "input_json_delta",
        "content_block_stop",
        "tool_use",
        "input_json_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert fold_messages(written) == Said(
        thinking="Hm.",
        seal="chat:sealed",
        text="I look.",
        calls=[("call_0", "look", {"a": 1}), ("call_1", "look", {})],
        reason="tool_use",
        usage={
            "input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
        },
    )


def test_a_message_begins_with_upstreams_first_chunk() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    ((name, data),) = events_of(one.feed(chunk({"role": "assistant", "content": ""})))
    assert name == "message_start"
    assert json.loads(data)["message"] == {
        "id": "msg_a1b2",
        "type": "message",
        "role": "assistant",
        "model": "model-as-asked",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 0,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 0,
        },
    }


@pytest.mark.parametrize("is_apart", [True, False], ids=["in its own chunk", "with the reason"])
def test_the_usage_is_said_at_the_end_wherever_it_came(is_apart: bool) -> None:
    costs = {"total_nano_aiu": 5}
    used = {"usage": USAGE, "copilot_usage": costs}
    end = {"index": 0, "delta": {}, "finish_reason": "length"}
    apart = [{"choices": [end]}, {"choices": [], **used}]
    last = apart if is_apart else [{"choices": [end], **used}, {"choices": [], "usage": None}]
    events = [chunk({"content": "a"}), *map(chat_event, last), DONE]
    written = translated(MESSAGES_OVER_CHAT.stream(ASKED), events, [])
    delta = json.loads(events_of(written)[-2][1])
    assert delta == {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
        "usage": {
            "input_tokens": 4,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 5,
            "output_tokens": 4,
        },
        "copilot_usage": costs,
    }


def test_text_goes_out_as_it_comes() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    one.feed(chunk({"content": "a"}))
    assert kinds(one.feed(chunk({"content": "b"}))) == ["text_delta"]


def test_a_call_behind_one_that_is_over_goes_out_as_it_comes() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    one.feed(chunk(opening(0, '{"a":1}')))
    assert kinds(one.feed(chunk(opening(1)))) == ["content_block_stop", "tool_use"]
    assert kinds(one.feed(chunk(more(1, "{")))) == ["input_json_delta"]


def test_a_call_waits_for_the_one_before_it() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    one.feed(chunk(opening(0, '{"a":')))
    assert one.feed(chunk(opening(1, "{"))) == b""
    assert kinds(one.feed(chunk(more(0, "1}")))) == [
        "input_json_delta",
        "content_block_stop",
        "tool_use",
        "input_json_delta",
    ]


def test_nothing_waits_for_arguments_that_end_with_half_a_character_in_them() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    one.feed(chunk(opening(0, '{"a":"\\ud83d"}')))
    assert kinds(one.feed(chunk(opening(1)))) == ["content_block_stop", "tool_use"]


def test_a_seal_behind_the_text_comes_in_a_block_of_its_own() -> None:
    written = stream({"reasoning_text": "Hm."}, {"content": "a"}, {"reasoning_opaque": "sealed"})
    assert kinds(written)[7:10] == ["thinking", "signature_delta", "content_block_stop"]
    assert fold_messages(written).seal == "chat:sealed"


def test_a_refusal_is_said() -> None:
    said = fold_messages(stream({"refusal": "No."}))
    assert (said.text, said.reason) == ("No.", "refusal")


def test_a_stream_of_nothing_is_a_message_of_nothing() -> None:
    one = MESSAGES_OVER_CHAT.stream(ASKED)
    assert kinds(one.feed(DONE) + one.finish()) == [
        "message_start",
        "message_delta",
        "message_stop",
    ]


def test_comments_are_not_handed_on() -> None:
    assert MESSAGES_OVER_CHAT.stream(ASKED).feed(b": keepalive\n\n") == b""


@pytest.mark.parametrize(
    "events",
    [
        b'data: {"choices":1}\n\n',
        chunk({}, "error"),
        chunk(opening(0, "{}")) + chunk(opening(1)) + chunk(more(0, "late")),
    ],
    ids=["no chunk", "an error", "more of what was over"],
)
def test_what_is_no_stream_is_upstreams_fault(events: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_CHAT.stream(ASKED).feed(events)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_blanks_behind_arguments_that_are_over_are_let_go() -> None:
    written = stream(opening(0, "{}"), opening(1, "{}"), more(0, "\n"))
    assert len(fold_messages(written).calls) == 2


def test_calls_without_end_are_not_kept() -> None:
    long = chunk(more(0, "x" * 1024 * 1024))
    with pytest.raises(GatewayError):
        MESSAGES_OVER_CHAT.stream(ASKED).feed(chunk(opening(0)) + 9 * long)


def test_calls_without_number_are_not_kept() -> None:
    calls = b"".join(chunk(opening(number)) for number in range(5000))
    with pytest.raises(GatewayError):
        MESSAGES_OVER_CHAT.stream(ASKED).feed(calls)


# --- any stream ---


def body_of(said: Said) -> bytes:
    calls = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
        for id_, name, given in said.calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if calls:
        message["tool_calls"] = calls
    if said.thinking or said.seal:
        message |= {"reasoning_text": said.thinking, "reasoning_opaque": said.seal or None}
    choice = {"index": 0, "message": message, "finish_reason": said.reason}
    return compact({**FRAME, "choices": [choice], "usage": USAGE})


def events_that_say(said: Said, sizes: Sequence[int], order: Sequence[int]) -> list[bytes]:
    """The answer in pieces. order: which call goes on next, as far as it says."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"reasoning_text": text} for text in pieces_of(said.thinking, sizes)]
    deltas += [{"reasoning_opaque": said.seal}] if said.seal else []
    deltas += [{"content": text} for text in pieces_of(said.text, sizes)]
    waiting = [
        [
            {"tool_calls": [{**piece(index, "", name=name), "id": id_, "type": "function"}]},
            *(more(index, text) for text in pieces_of(json.dumps(given), sizes)),
        ]
        for index, (id_, name, given) in enumerate(said.calls)
    ]
    begun = 0
    for wanted in order:
        # A model begins its calls in their order, however it goes on with them.
        index = min(wanted, begun)
        begun = max(begun, index + 1)
        if index < len(waiting) and waiting[index]:
            deltas.append(waiting[index].pop(0))
    deltas += [delta for rest in waiting for delta in rest]
    used = chat_event({"choices": [], "usage": USAGE})
    return [*map(chunk, deltas), chunk({}, said.reason), used, DONE]


REASONS = st.sampled_from(["stop", "length", "tool_calls", "content_filter"])


@settings(max_examples=50, deadline=None)
@given(
    said=answers(),
    seal=st.sampled_from(["", "sealed"]),
    reason=REASONS,
    sizes=CUTS,
    order=st.lists(st.integers(0, 2), max_size=8),
    groups=CUTS,
)
def test_streamed_and_whole_say_the_same(
    said: Said,
    seal: str,
    reason: str,
    sizes: list[int],
    order: list[int],
    groups: list[int],
) -> None:
    said.seal, said.reason = seal, reason
    events = events_that_say(said, sizes, order)
    written = translated(MESSAGES_OVER_CHAT.stream(ASKED), events, groups)
    assert fold_messages(written) == read_message(MESSAGES_OVER_CHAT.whole(body_of(said), ASKED))
    assert written == translated(MESSAGES_OVER_CHAT.stream(ASKED), events, [1] * len(events))
