"""Responses answers as chat completions, whole and streamed: the same answer either way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams.responses import ResponsesFollower
from gateway.domain.translation.chat_over_responses import stream
from gateway.domain.translation.chat_over_responses.translation import CHAT_OVER_RESPONSES
from gateway.domain.translation.contract import Asked
from tests.unit.gateway.domain.translation.chat_over_responses.shapes import (
    CHAT_USAGE,
    Body,
    chunks_of,
    custom_call,
    events,
    flat,
    folded,
    function_call,
    grouped,
    items,
    message,
    named,
    reasoning,
    reasons,
    refusal,
    response,
    text,
)

ASKED = Asked("the-model", 1_795_350_000, "a1b2")


def whole(output: list[Body], reason: str | None = None) -> Any:
    body = json.dumps(response(output, reason)).encode()
    return json.loads(CHAT_OVER_RESPONSES.whole(body, ASKED))


def streamed(each: list[bytes], asked: Asked = ASKED) -> bytes:
    translator = CHAT_OVER_RESPONSES.stream(asked)
    return b"".join(translator.feed(one) for one in each) + translator.finish()


def said(output: list[Body]) -> Any:
    return whole(output)["choices"][0]["message"]


def test_an_answer_is_a_completion_of_the_model_that_was_asked() -> None:
    assert whole([message(text("hi"))]) == {
        "id": "chatcmpl-a1b2",
        "object": "chat.completion",
        "created": 1_795_350_000,
        "model": "the-model",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": CHAT_USAGE,
    }


@pytest.mark.parametrize(
    ("output", "fields"),
    [
        ([], {"content": ""}),
        ([message(text("a"), text("b")), message(text("c"))], {"content": "abc"}),
        ([message(refusal("no"))], {"content": None, "refusal": "no"}),
        ([message(text("a"), refusal("no"))], {"content": "a", "refusal": "no"}),
        (
            [reasoning("One", "Two"), reasoning(), message(text("a")), reasoning("Three")],
            {"content": "a", "reasoning_text": "One\n\nTwo\n\nThree"},
        ),
        (
            [function_call("call_1", "f", '{"a":1}'), custom_call("call_2", "c", "words")],
            {
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "f", "arguments": '{"a":1}'},
                    },
                    {"id": "call_2", "type": "custom", "custom": {"name": "c", "input": "words"}},
                ],
            },
        ),
        ([{"type": "web_search_call", "id": "ws"}, message(text("a"))], {"content": "a"}),
    ],
)
def test_items_become_fields_of_the_message(output: list[Body], fields: Body) -> None:
    assert said(output) == {"role": "assistant", "refusal": None, **fields}


@pytest.mark.parametrize(
    ("output", "reason", "finish"),
    [
        ([message(text("a"))], None, "stop"),
        ([function_call("c", "f", "{}")], None, "tool_calls"),
        ([message(text("a"))], "max_output_tokens", "length"),
        ([function_call("c", "f", "{")], "max_output_tokens", "length"),
        ([message(text("a"))], "content_filter", "content_filter"),
        ([message(text("a"))], "something new", "length"),
    ],
)
def test_why_it_ended(output: list[Body], reason: str | None, finish: str) -> None:
    assert whole(output, reason)["choices"][0]["finish_reason"] == finish
    assert folded(chunks_of(streamed(events(output, reason))))["finish_reason"] == finish


@pytest.mark.parametrize("body", [b"", b"[]", b'{"output":{}}', b'{"status":"completed"}'])
def test_what_is_no_answer_is_a_bad_one(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        CHAT_OVER_RESPONSES.whole(body, ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_a_failed_answer_is_none() -> None:
    body = json.dumps({**response([]), "status": "failed"}).encode()
    with pytest.raises(GatewayError):
        CHAT_OVER_RESPONSES.whole(body, ASKED)


def test_a_stream_says_its_role_first_and_its_usage_last() -> None:
    chunks = chunks_of(streamed(events([message(text("hello"))])))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks[:-1]]
    assert deltas == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "hel"},
        {"content": "lo"},
        {},
    ]
    assert [chunk["usage"] for chunk in chunks] == [None] * 4 + [CHAT_USAGE]
    assert chunks[-1]["choices"] == []


def test_usage_is_not_said_to_those_who_do_not_want_it() -> None:
    asked = Asked("m", 1, "x", wants_usage=False)
    chunks = chunks_of(streamed(events([message(text("hello"))]), asked))
    assert all("usage" not in chunk for chunk in chunks)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_the_role_goes_out_as_soon_as_upstream_begins() -> None:
    translator = CHAT_OVER_RESPONSES.stream(ASKED)
    first, *_ = events([message(text("hello"))])
    assert b'"role":"assistant"' in translator.feed(first)


def test_calls_open_with_their_names_and_go_on_in_pieces() -> None:
    output = [function_call("call_1", "f", "{}"), custom_call("call_2", "c", "abcd")]
    chunks = chunks_of(streamed(events(output)))
    pieces = [c["choices"][0]["delta"].get("tool_calls") for c in chunks if c["choices"]]
    opened = {"name": "f", "arguments": ""}
    assert [piece[0] for piece in pieces if piece] == [
        {"index": 0, "id": "call_1", "type": "function", "function": opened},
        {"index": 0, "function": {"arguments": "{}"}},
        {"index": 1, "id": "call_2", "type": "custom", "custom": {"name": "c", "input": ""}},
        {"index": 1, "custom": {"input": "abc"}},
        {"index": 1, "custom": {"input": "d"}},
    ]


def test_items_that_come_only_when_they_are_done_go_on_as_one_piece() -> None:
    output = [
        reasoning("One", "Two"),
        message(text("hello"), refusal("no")),
        function_call("call_1", "f", '{"a":1}'),
        custom_call("call_2", "c", "words"),
    ]
    kept = ("response.created", "response.output_item.done", "response.completed")
    each = [event for event in events(output) if event.split(b"\n")[0][7:].decode() in kept]
    assert folded(chunks_of(streamed(each))) == flat(whole(output))


def test_an_item_that_is_null_says_nothing() -> None:
    each = events([message(text("a"))])
    null = {"type": "response.output_item.added", "output_index": 1, "item": None}
    assert streamed([*each[:3], named(null), *each[3:]]) == streamed(each)


def test_events_that_chat_has_no_word_for_say_nothing() -> None:
    each = events([message(text("a"))])
    odd = named({"type": "response.audio.delta", "delta": {"not": "text"}})
    assert streamed([*each[:3], odd, b": keepalive\n\n", *each[3:], b"data: [DONE]\n\n"]) == (
        streamed(each)
    )


@pytest.mark.parametrize(
    "event",
    [
        b'data: {"type":"response.output_text.delta","delta":5}\n\n',
        b'data: {"type":5}\n\n',
    ],
)
def test_an_event_that_cannot_be_read_ends_the_stream(event: bytes) -> None:
    translator = CHAT_OVER_RESPONSES.stream(ASKED)
    with pytest.raises(GatewayError) as caught:
        translator.feed(event)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_too_many_items_end_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MAX_ITEMS", 2)
    with pytest.raises(GatewayError):
        streamed(events([message(text("a"))] * 3))


@settings(max_examples=50, deadline=None)
@given(output=items, reason=reasons, cut=st.integers(1, 4), data=st.data())
def test_a_stream_adds_up_to_the_whole_answer(
    output: list[Body], reason: str | None, cut: int, data: st.DataObject
) -> None:
    numbered = [
        {**item, "call_id": f"call_{index}"} if "call_id" in item else item
        for index, item in enumerate(output)
    ]
    each = events(numbered, reason, cut)
    found = streamed(each)
    assert folded(chunks_of(found)) == flat(whole(numbered, reason))
    # However many events come at a time, and through the follower that stands before it.
    assert streamed(grouped(data.draw, each)) == found
    follower = ResponsesFollower()
    followed = [follower.feed(event) for event in each]
    assert streamed(followed) == found


@settings(max_examples=30, deadline=None)
@given(output=items, reason=reasons)
def test_all_of_it_is_what_the_sdk_expects(output: list[Body], reason: str | None) -> None:
    # The SDK's types of a stream know functions only.
    plain = [item for item in output if item["type"] != "custom_tool_call"]
    ChatCompletion.model_validate(whole(plain, reason), strict=True)
    for chunk in chunks_of(streamed(events(plain, reason))):
        ChatCompletionChunk.model_validate(chunk, strict=True)
