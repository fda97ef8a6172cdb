"""What a Messages stream becomes for a caller who chats, chunk by chunk."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from tests.unit.gateway.domain.translation.chat_and_messages import (
    ASKED,
    CUTS,
    Said,
    answers,
    compact,
    events_of,
    fold_chat,
    messages_event,
    pieces_of,
    read_completion,
    translated,
)

START_USAGE = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 1}
USAGE = {"input_tokens": 5, "cache_read_input_tokens": 100, "output_tokens": 7}
FRAME = {
    "id": "chatcmpl-a1b2",
    "object": "chat.completion.chunk",
    "created": 1_795_350_000,
    "model": "model-as-asked",
}


def start() -> bytes:
    message = {"id": "msg_1", "role": "assistant", "content": [], "usage": START_USAGE}
    return messages_event({"type": "message_start", "message": message})


def block(index: int, opening: dict[str, Any], *deltas: dict[str, Any]) -> list[bytes]:
    begun = {"type": "content_block_start", "index": index, "content_block": opening}
    grown = [{"type": "content_block_delta", "index": index, "delta": each} for each in deltas]
    return [*map(messages_event, [begun, *grown, {"type": "content_block_stop", "index": index}])]


def text(index: int, *pieces: str) -> list[bytes]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    return block(index, {"type": "text", "text": ""}, *deltas)


def thinking(index: int, signature: str, *pieces: str) -> list[bytes]:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces]
    sealed = {"type": "signature_delta", "signature": signature}
    opening = {"type": "thinking", "thinking": "", "signature": ""}
    return block(index, opening, *deltas, sealed)


def use(index: int, id_: str, *pieces: str, given: Any = None) -> list[bytes]:
    deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
    opening = {"type": "tool_use", "id": id_, "name": "look", "input": given or {}}
    return block(index, opening, *deltas)


def end(reason: str | None = "end_turn", **more: Any) -> list[bytes]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    ended = {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}, **more}
    return [messages_event(ended), messages_event({"type": "message_stop"})]


def stream(*events: bytes) -> bytes:
    return translated(CHAT_OVER_MESSAGES.stream(ASKED), events, [])


def deltas_of(written: bytes) -> list[Any]:
    """What each chunk adds to the answer."""
    values = [json.loads(data) for _, data in events_of(written) if data != "[DONE]"]
    return [choice["delta"] for value in values for choice in value["choices"]]


def test_every_chunk_of_a_stream_in_order() -> None:
    written = stream(
        start(),
        messages_event({"type": "ping"}),
        *thinking(0, "s1", "Hm", "."),
        *block(1, {"type": "redacted_thinking", "data": "hidden"}),
        *text(2, "I ", "look."),
        *use(3, "toolu_1", "", '{"a":', "1}"),
        *use(4, "toolu_2"),
        *end("tool_use", copilot_usage={"total_nano_aiu": 5}),
    )
    assert deltas_of(written) == [
        {"role": "assistant", "content": ""},
        {"reasoning_text": "Hm"},
        {"reasoning_text": "."},
        {"content": "I "},
        {"content": "look."},
        {
            "tool_calls": [
                {
                    "index": 0,
                    "id": "toolu_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"a":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "1}"}}]},
        {
            "tool_calls": [
                {
                    "index": 1,
                    "id": "toolu_2",
                    "type": "function",
                    "function": {"name": "look", "arguments": ""},
                }
            ]
        },
        {"tool_calls": [{"index": 1, "function": {"arguments": "{}"}}]},
        {"reasoning_opaque": 'messages:[[3,"s1"],[-1,"hidden"]]'},
        {},
    ]
    said = fold_chat(written)
    assert said.reason == "tool_calls"
    assert said.usage == {
        "prompt_tokens": 105,
        "completion_tokens": 7,
        "total_tokens": 112,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_each_chunk_says_which_answer_it_belongs_to() -> None:
    written = stream(start(), *text(0, "a"), *end(copilot_usage={"total_nano_aiu": 5}))
    *chunks, last = [json.loads(data) for _, data in events_of(written) if data != "[DONE]"]
    choice = {"index": 0, "delta": {"content": "a"}, "finish_reason": None}
    assert chunks[1] == {**FRAME, "choices": [choice], "usage": None}
    assert last.pop("usage")
    assert last == {**FRAME, "choices": [], "copilot_usage": {"total_nano_aiu": 5}}


def test_the_usage_is_said_only_where_it_is_wanted() -> None:
    one = CHAT_OVER_MESSAGES.stream(replace(ASKED, wants_usage=False))
    written = translated(one, [start(), *text(0, "a"), *end()], [])
    assert b"usage" not in written
    assert fold_chat(written, wants_usage=False).reason == "stop"


def test_what_is_said_goes_out_as_it_comes() -> None:
    one = CHAT_OVER_MESSAGES.stream(ASKED)
    assert deltas_of(one.feed(start())) == [{"role": "assistant", "content": ""}]
    begun, grown, *_ = text(0, "a")
    assert one.feed(begun) == b""
    assert deltas_of(one.feed(grown)) == [{"content": "a"}]


def test_a_block_that_begins_with_all_that_is_in_it() -> None:
    said = fold_chat(
        stream(
            start(),
            *block(0, {"type": "thinking", "thinking": "Hm.", "signature": "s1"}),
            *block(1, {"type": "text", "text": "a"}),
            *use(2, "toolu_1", given={"a": 1}),
            *end("tool_use"),
        )
    )
    assert (said.thinking, said.text, said.seal) == ("Hm.", "a", 'messages:[[3,"s1"]]')
    assert said.calls == [("toolu_1", "look", {"a": 1})]


@pytest.mark.parametrize(
    ("opening", "delta"),
    [
        (
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
            {"type": "input_json_delta", "partial_json": "{}"},
        ),
        ({"type": "new", "data": 1, "text": []}, {"type": "new_delta", "text": {"a": 1}}),
    ],
)
def test_blocks_of_other_types_are_left_out(opening: Any, delta: Any) -> None:
    said = fold_chat(stream(start(), *block(0, opening, delta), *text(1, "a"), *end()))
    assert (said.text, said.calls) == ("a", [])


def test_a_stream_of_nothing_is_an_answer_of_nothing() -> None:
    assert fold_chat(stream()).reason == "stop"


CALLS_WITHOUT_NUMBER = b"".join(each for index in range(5000) for each in use(index, "toolu_1"))


@pytest.mark.parametrize(
    "events",
    [b'data: {"type":1}\n\n', CALLS_WITHOUT_NUMBER],
    ids=["no event", "calls without number"],
)
def test_what_is_no_stream_is_upstreams_fault(events: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_MESSAGES.stream(ASKED).feed(events)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


# --- any stream ---

REASONS = st.sampled_from(["end_turn", "max_tokens", "tool_use", "refusal", "pause_turn", "new"])


def body_of(said: Said) -> bytes:
    content: list[dict[str, Any]] = []
    if said.thinking or said.seal:
        content.append({"type": "thinking", "thinking": said.thinking, "signature": said.seal})
    if said.text:
        content.append({"type": "text", "text": said.text})
    content += [
        {"type": "tool_use", "id": id_, "name": name, "input": given}
        for id_, name, given in said.calls
    ]
    return compact({"content": content, "stop_reason": said.reason, "usage": USAGE})


def events_that_say(said: Said, sizes: Sequence[int]) -> list[bytes]:
    events = [start()]
    if said.thinking or said.seal:
        events += thinking(0, said.seal, *pieces_of(said.thinking, sizes))
    if said.text:
        events += text(1, *pieces_of(said.text, sizes))
    for index, (id_, name, arguments) in enumerate(said.calls, start=2):
        opening = {"type": "tool_use", "id": id_, "name": name, "input": {}}
        pieces = ["", *pieces_of(json.dumps(arguments), sizes)]
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        events += block(index, opening, *deltas)
    return [*events, *end(said.reason)]


@settings(max_examples=50, deadline=None)
@given(
    said=answers(),
    seal=st.sampled_from(["", "sealed"]),
    reason=REASONS,
    sizes=CUTS,
    groups=CUTS,
)
def test_streamed_and_whole_say_the_same(
    said: Said, seal: str, reason: str, sizes: list[int], groups: list[int]
) -> None:
    said.seal, said.reason = seal, reason
    events = events_that_say(said, sizes)
    written = translated(CHAT_OVER_MESSAGES.stream(ASKED), events, groups)
    assert fold_chat(written) == read_completion(CHAT_OVER_MESSAGES.whole(body_of(said), ASKED))
    assert written == translated(CHAT_OVER_MESSAGES.stream(ASKED), events, [1] * len(events))
