"""Whole answers made of streams: for whom, how they are asked for, and what comes of them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams.following import follower_for
from gateway.domain.whole.assembling import ChatAssembly, as_stream, wants_assembly
from tests.unit.gateway.domain.streams.shapes import (
    CLAUDE_SPLIT,
    CLAUDE_STREAM,
    COSTS,
    CREATED,
    GPT_CALLS,
    GPT_STREAM,
    LINE_ENDS,
    USED,
    arguments,
    chat_stream,
    claude,
    cut,
    event,
    follow,
    gpt_delta,
    opening,
)


@pytest.mark.parametrize(
    ("model", "vendor", "wanted"),
    [
        ("claude-sonnet-4.6", "", True),
        ("gemini-3-pro", "", True),
        ("Claude-Opus-4.8", "", True),
        ("anything", "Anthropic", True),
        ("anything", "Google", True),
        ("gpt-5.4", "Azure OpenAI", False),
        ("gpt-4o-mini", "", False),
        ("not-claude-at-all", "", False),
        ("", "", False),
    ],
)
def test_whose_answers_are_assembled(model: str, vendor: str, wanted: bool) -> None:
    assert wants_assembly(model, vendor) is wanted


# --- asking for a stream ---


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"m"}', b'{"model":"m","stream":true,"stream_options":{"include_usage":true}}'),
        (
            b'{"stream":false, "model":"m"}',
            b'{"stream":true,"model":"m","stream_options":{"include_usage":true}}',
        ),
        (
            b'{"stream_options":{"include_usage":false,"x":1.50}}',
            b'{"stream_options":{"include_usage":true,"x":1.50},"stream":true}',
        ),
        (b'{"stream_options":null}', b'{"stream_options":{"include_usage":true},"stream":true}'),
    ],
)
def test_a_stream_with_its_usage_is_asked_for(body: bytes, expected: bytes) -> None:
    assert as_stream(body) == expected


def test_the_other_fields_keep_their_bytes() -> None:
    messages = b'[ {"role": "user", "content": "\\u00e9 \xc3\xa9", "x": 1.50} ]'
    assert messages in as_stream(b'{"messages": ' + messages + b', "model": "m"}')


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"stream_options":[1]}', b"\xff"])
def test_what_is_no_request_is_refused(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        as_stream(body)
    assert caught.value.fault is Fault.CALLER_BODY_INVALID


# --- putting together ---


def assembled(chunks: list[Any], choices: int = 1) -> Any:
    follower = follower_for(Protocol.CHAT, choices=choices, created=7, model="m")
    assembly = ChatAssembly()
    assembly.feed(follow(follower, [chat_stream(chunks)]))
    return json.loads(assembly.result())


def call(number: int, text: str) -> dict[str, Any]:
    function = {"name": "get_weather", "arguments": text}
    return {"id": f"call_{number}", "type": "function", "function": function}


def test_a_stream_of_text_becomes_one_answer() -> None:
    message = {
        "role": "assistant",
        "content": 'Hi "there" \\ 🦊, naïveté',
        "refusal": None,
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert assembled(GPT_STREAM) == {
        "id": "chatcmpl-AAA",
        "object": "chat.completion",
        "created": CREATED,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [choice],
        "usage": USED,
        "copilot_usage": COSTS,
        "system_fingerprint": "fp_x",
    }


def test_a_stream_of_calls_becomes_one_answer() -> None:
    (choice,) = assembled(GPT_CALLS)["choices"]
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [call(0, '{"location": "Tokyo"}'), call(1, "{}")]
    assert choice["finish_reason"] == "tool_calls"


def test_split_choices_become_one_answer() -> None:
    answer = assembled(CLAUDE_SPLIT)
    (choice,) = answer["choices"]
    assert choice["message"]["content"] == "I look."
    assert choice["message"]["tool_calls"] == [call(0, '{"a":1}'), call(1, "{}")]
    assert choice["finish_reason"] == "tool_calls"
    assert (answer["usage"], answer["copilot_usage"]) == (USED, COSTS)


def test_reasoning_and_refusals_are_kept() -> None:
    (choice,) = assembled(
        [
            claude({"reasoning_text": "I ", "role": "assistant"}),
            claude({"reasoning_text": "think."}),
            claude({"reasoning_opaque": "sealed", "cot_id": "c"}),
            claude({"refusal": "I will "}),
            claude({"refusal": "not."}),
            claude({"content": None}, "refusal", usage=USED),
        ]
    )["choices"]
    assert choice["message"] == {
        "role": "assistant",
        "content": None,
        "refusal": "I will not.",
        "reasoning_text": "I think.",
        "reasoning_opaque": "sealed",
        "cot_id": "c",
    }
    assert choice["finish_reason"] == "refusal"


def test_answers_that_were_asked_for_stay_apart() -> None:
    first, second = assembled(
        [
            gpt_delta({"content": "b"}, index=1),
            gpt_delta({"content": "a"}),
            gpt_delta(opening(0, 0), index=1),
            gpt_delta(opening(1, 0), index=1),
            gpt_delta(arguments("{}", 0), index=1),
            gpt_delta({}, "stop"),
            gpt_delta({}, "tool_calls", index=1),
        ],
        choices=2,
    )["choices"]
    assert (first["index"], first["message"]["content"], first["finish_reason"]) == (0, "a", "stop")
    assert second["message"]["tool_calls"] == [call(0, ""), call(1, "{}")]
    assert (second["index"], second["finish_reason"]) == (1, "tool_calls")


def test_an_answer_without_text_is_empty() -> None:
    (choice,) = assembled([gpt_delta({"content": ""}), gpt_delta({}, "stop")])["choices"]
    assert choice["message"]["content"] == ""


@pytest.mark.parametrize(
    "events", [b"", b": comment\n\n", b"data: [DONE]\n\n", b"data: {}\n\n", b"data: {broken"]
)
def test_what_is_no_answer_is_refused(events: bytes) -> None:
    assembly = ChatAssembly()
    assembly.feed(events)
    with pytest.raises(GatewayError) as caught:
        assembly.result()
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@pytest.mark.parametrize("data", [b'{"choices":7}', b'{"choices":[{"delta":{"content":7}}]}'])
def test_what_is_no_chunk_is_refused(data: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        ChatAssembly().feed(b"data: " + data + b"\n\n")
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@given(
    st.sampled_from([GPT_STREAM, GPT_CALLS, CLAUDE_STREAM, CLAUDE_SPLIT]),
    st.sampled_from([*LINE_ENDS.values()]),
    st.lists(st.integers(0, 100_000), max_size=12),
)
def test_however_a_stream_comes_the_answer_is_the_same(
    chunks: list[Any], end: bytes, places: list[int]
) -> None:
    follower = follower_for(Protocol.CHAT, created=7, model="m")
    assembly = ChatAssembly()
    for chunk in cut(chat_stream(chunks).replace(b"\n", end), places):
        assembly.feed(follower.feed(chunk))
    assembly.feed(follower.finish())
    assert json.loads(assembly.result()) == assembled(chunks)


deltas = st.one_of(
    st.builds(lambda text: {"content": text}, st.text(max_size=5)),
    st.builds(lambda text: {"reasoning_text": text}, st.text(max_size=5)),
    st.builds(opening, st.integers(0, 3), st.integers(0, 1)),
    st.builds(arguments, st.text(max_size=5), st.integers(0, 1)),
)


@given(st.lists(st.tuples(deltas, st.integers(0, 2)), min_size=1, max_size=12))
def test_an_assembled_answer_is_the_merged_stream(parts: list[tuple[Any, int]]) -> None:
    """Built from the caller's chunks as a client builds it, by index, the answer is the same."""
    chunks = [claude(delta, index=index) for delta, index in parts]
    chunks.append(claude({"content": None}, "stop", usage=USED))
    follower = follower_for(Protocol.CHAT, created=7, model="m")
    stream = follow(follower, [b"".join(map(event, chunks)) + b"data: [DONE]\n\n"])
    texts, calls = {"content": "", "reasoning_text": ""}, dict[int, dict[str, str]]()
    for line in stream.decode().split("\n\n")[:-2]:
        (choice,) = json.loads(line.removeprefix("data: "))["choices"]
        for name in texts:
            texts[name] += choice["delta"].get(name) or ""
        for piece in choice["delta"].get("tool_calls") or ():
            found = calls.setdefault(piece["index"], {"id": "", "arguments": ""})
            found["id"] = found["id"] or piece.get("id") or ""
            found["arguments"] += piece["function"].get("arguments") or ""
    assembly = ChatAssembly()
    assembly.feed(stream)
    message = json.loads(assembly.result())["choices"][0]["message"]
    assert message["content"] == (texts["content"] or message["content"])
    assert message.get("reasoning_text", "") == texts["reasoning_text"]
    made = [
        {"id": each["id"], "arguments": each["function"]["arguments"]}
        for each in message.get("tool_calls", [])
    ]
    assert sorted(made, key=str) == sorted(calls.values(), key=str)


# --- what not every parser takes ---


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(GPT_CALLS) - 1),
            st.sampled_from([b"{not json", b"null", b"[]", b"1"]),
        )
    )
)
def test_what_is_no_json_object_is_skipped(inserted: list[tuple[int, bytes]]) -> None:
    events = [event(each) for each in GPT_CALLS[1:]]
    for place, data in inserted:
        events.insert(place, b"data: " + data + b"\n\n")
    assembly = ChatAssembly()
    assembly.feed(b"".join(events))
    assert json.loads(assembly.result()) == assembled(GPT_CALLS)


def test_an_emoji_that_came_in_two_halves_is_one() -> None:
    assembly = ChatAssembly()
    for text in ("a \ud83d", "", "\ude00 b \ude00", "\ud83d", "c"):
        assembly.feed(b"data: " + json.dumps(gpt_delta({"content": text})).encode() + b"\n\n")
    (choice,) = json.loads(assembly.result())["choices"]
    assert choice["message"]["content"] == "a 😀 b \ufffd\ufffdc"


def test_a_text_that_is_no_utf_8_is_added_once() -> None:
    chunk = event(gpt_delta({"content": "said", "reasoning_text": "odd"}))
    assembly = ChatAssembly()
    assembly.feed(chunk.replace(b"odd", b"od\xff"))
    (choice,) = json.loads(assembly.result())["choices"]
    assert choice["message"]["content"] == "said"
    assert choice["message"]["reasoning_text"] == "od\ufffd"
