"""Chat answers as Responses answers, whole and streamed: the same answer either way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams.chat import ChatFollower
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.responses_over_chat import stream
from gateway.domain.translation.responses_over_chat.translation import RESPONSES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_over_responses.shapes import grouped
from tests.unit.gateway.domain.translation.responses_over_chat.shapes import (
    RESPONSES_USAGE,
    TOOLS,
    Body,
    answers,
    asked,
    chunk,
    chunks,
    completion,
    events_of,
    folded,
    function,
    said,
    terminal_of,
)

ASKED = asked({"tools": TOOLS})


def whole(body: Body, known: Asked = ASKED) -> Any:
    return json.loads(RESPONSES_OVER_CHAT.whole(json.dumps(body).encode(), known))


def streamed(each: list[bytes], known: Asked = ASKED) -> bytes:
    translator = RESPONSES_OVER_CHAT.stream(known)
    return b"".join(translator.feed(one) for one in each) + translator.finish()


def output(**fields: Any) -> Any:
    return whole(completion(**fields))["output"]


def kinds(each: list[bytes]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events_of(streamed(each))]


TEXT = {"type": "output_text", "annotations": [], "logprobs": [], "text": "hi"}
MESSAGE = {
    "id": "msg_a1b2_0",
    "type": "message",
    "status": "completed",
    "role": "assistant",
    "content": [TEXT],
}


def test_an_answer_is_a_response_of_the_model_that_was_asked() -> None:
    assert whole(completion("hi"), asked()) == {
        "id": "resp_a1b2",
        "object": "response",
        "created_at": 1_795_350_000,
        "model": "the-model",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "output": [MESSAGE],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "store": False,
        "tool_choice": "auto",
        "tools": [],
        "usage": RESPONSES_USAGE,
    }


def test_an_answer_works_without_the_request_being_known() -> None:
    assert whole(completion("hi"), Asked("the-model", 1_795_350_000, "a1b2")) == (
        whole(completion("hi"), asked())
    )


def test_an_answer_says_again_what_small_things_were_asked() -> None:
    fields = {"temperature": 0.5, "parallel_tool_calls": False, "metadata": {"a": "b"}}
    found = whole(completion("hi"), asked({**fields, "top_p": None, "instructions": "long"}))
    assert {name: found[name] for name in fields} == fields
    assert found["instructions"] is None
    assert "top_p" not in found


@pytest.mark.parametrize(
    ("fields", "items"),
    [
        ({"content": "hi"}, [MESSAGE]),
        ({"content": ""}, [{**MESSAGE, "content": [{**TEXT, "text": ""}]}]),
        ({"content": None}, [{**MESSAGE, "content": [{**TEXT, "text": ""}]}]),
        ({"refusal": "no"}, [{**MESSAGE, "content": [{"type": "refusal", "refusal": "no"}]}]),
        (
            {"content": "hi", "refusal": "no"},
            [{**MESSAGE, "content": [TEXT, {"type": "refusal", "refusal": "no"}]}],
        ),
        (
            {"content": "hi", "thoughts": "Hm."},
            [
                {
                    "id": "rs_a1b2_0",
                    "type": "reasoning",
                    "summary": [{"type": "summary_text", "text": "Hm."}],
                },
                {**MESSAGE, "id": "msg_a1b2_1"},
            ],
        ),
        (
            {"calls": [function("call_1", "read_file", "{}"), function(None, "n__t", "")]},
            [
                {
                    "id": "fc_a1b2_0",
                    "type": "function_call",
                    "status": "completed",
                    "call_id": "call_1",
                    "name": "read_file",
                    "arguments": "{}",
                },
                {
                    "id": "fc_a1b2_1",
                    "type": "function_call",
                    "status": "completed",
                    "call_id": "call_a1b2_1",
                    "name": "t",
                    "namespace": "n",
                    "arguments": "",
                },
            ],
        ),
        (
            {"calls": [function("call_1", "patch", '{"input":"*** a"}')]},
            [
                {
                    "id": "ctc_a1b2_0",
                    "type": "custom_tool_call",
                    "status": "completed",
                    "call_id": "call_1",
                    "name": "patch",
                    "input": "*** a",
                }
            ],
        ),
    ],
)
def test_fields_of_the_message_become_items(fields: Body, items: list[Body]) -> None:
    assert output(**fields) == items
    assert terminal_of(streamed(chunks(**fields)))["output"] == items


@pytest.mark.parametrize("name", ["cot_summary", "reasoning_content"])
def test_reasoning_has_other_names_as_well(name: str) -> None:
    body = completion("hi")
    body["choices"][0]["message"][name] = "Hm."
    assert whole(body)["output"][0]["summary"][0]["text"] == "Hm."
    found = terminal_of(streamed([chunk({name: "Hm."}), *chunks("hi")]))
    assert found["output"][0]["summary"][0]["text"] == "Hm."


@pytest.mark.parametrize(
    ("finish", "status", "reason", "last"),
    [
        ("stop", "completed", None, "completed"),
        ("tool_calls", "completed", None, "completed"),
        ("something new", "completed", None, "completed"),
        ("length", "incomplete", "max_output_tokens", "incomplete"),
        ("content_filter", "incomplete", "content_filter", "incomplete"),
        ("error", "failed", None, "completed"),
    ],
)
def test_how_it_ended(finish: str, status: str, reason: str | None, last: str) -> None:
    calls = [function("call_1", "read_file", "{}")]
    fields: Body = {"content": "hi", "calls": calls, "finish": finish}
    events = events_of(streamed(chunks(**fields)))
    assert events[-1]["type"] == f"response.{status}"
    for found in (whole(completion(**fields)), events[-1]["response"]):
        assert found["status"] == status
        assert found["incomplete_details"] == (reason and {"reason": reason})
        assert (found["error"] is None) == (status != "failed")
        assert [item["status"] for item in found["output"]] == ["completed", last]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"choices":[]}',
        b'{"choices":[{}]}',
        b'{"choices":[{"message":{"tool_calls":[{"id":"x"}]}}]}',
    ],
)
def test_what_is_no_answer_is_a_bad_one(body: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        RESPONSES_OVER_CHAT.whole(body, ASKED)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


# --- streams ---


def test_a_message_comes_in_the_order_of_the_protocol() -> None:
    assert kinds(chunks("hello")) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]


def test_reasoning_ends_where_the_message_begins() -> None:
    assert kinds(chunks("hi", thoughts="Hm."))[2:9] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
    ]


def test_a_function_call_says_its_arguments_in_pieces_and_once_more() -> None:
    each = chunks(calls=[function("call_1", "read_file", '{"a":1}')], cut=4)
    assert kinds(each)[2:] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]


def test_a_custom_call_says_its_text_when_all_of_it_is_known() -> None:
    each = chunks(calls=[function("call_1", "patch", '{"input":"*** a"}')])
    assert kinds(each)[2:] == [
        "output_item.added",
        "custom_tool_call_input.delta",
        "custom_tool_call_input.done",
        "output_item.done",
        "completed",
    ]


def test_the_response_is_announced_with_upstreams_first_chunk() -> None:
    translator = RESPONSES_OVER_CHAT.stream(ASKED)
    first, *_ = chunks("hello")
    announced = events_of(translator.feed(first))
    assert [event["type"] for event in announced] == ["response.created", "response.in_progress"]
    assert announced[0]["response"]["status"] == "in_progress"
    assert announced[0]["response"]["output"] == []


def call_piece(index: int, **fields: Any) -> bytes:
    return chunk({"tool_calls": [{"index": index, **fields}]})


def test_calls_may_come_interleaved() -> None:
    each = [
        call_piece(0, id="call_1", function={"name": "read_file", "arguments": ""}),
        call_piece(1, id="call_2", function={"name": "patch", "arguments": ""}),
        call_piece(0, function={"arguments": '{"a"'}),
        call_piece(1, function={"arguments": '{"input":'}),
        call_piece(0, function={"arguments": ":1}"}),
        call_piece(1, function={"arguments": '"b"}'}),
    ]
    one, two = folded(streamed(each)).response["output"]
    assert (one["call_id"], one["arguments"]) == ("call_1", '{"a":1}')
    assert (two["call_id"], two["input"]) == ("call_2", "b")


def test_text_after_calls_is_another_message() -> None:
    each = [
        chunk({"content": "a"}),
        call_piece(0, id="call_1", function={"name": "read_file", "arguments": "{}"}),
        chunk({"content": "b"}),
        chunk({"reasoning_text": "Hm."}),
        chunk({"content": "c"}),
    ]
    found = folded(streamed(each)).response["output"]
    types = ["message", "function_call", "message", "reasoning", "message"]
    assert [item["type"] for item in found] == types


def test_a_call_begins_when_its_name_has_come() -> None:
    translator = RESPONSES_OVER_CHAT.stream(ASKED)
    translator.feed(chunk({"role": "assistant"}))
    assert translator.feed(call_piece(0, id="call_1", function={"arguments": "{"})) == b""
    translator.feed(call_piece(0, function={"name": "read_file", "arguments": "}"}))
    ended = translator.finish().decode()
    assert '"arguments":"{}"' in ended
    assert '"call_id":"call_1"' in ended


def test_a_call_that_never_gets_a_name_is_a_bad_answer() -> None:
    with pytest.raises(GatewayError) as caught:
        streamed([call_piece(0, id="call_1", function={"arguments": "{}"})])
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_other_choices_are_not_heard() -> None:
    other = said([{"index": 1, "delta": {"content": "other"}, "finish_reason": "length"}], None)
    assert streamed([*chunks("hi")[:-1], other]) == streamed(chunks("hi"))


def test_comments_and_empty_chunks_say_nothing() -> None:
    null = b'data: {"choices":null,"copilot_references":[]}\n\n'
    each = chunks("hello")
    assert streamed([each[0], b": keepalive\n\n", null, *each[1:]]) == streamed(each)


@pytest.mark.parametrize(
    "event", [b'data: {"choices":1}\n\n', b'data: {"choices":[{"delta":{"content":5}}]}\n\n']
)
def test_an_event_that_cannot_be_read_ends_the_stream(event: bytes) -> None:
    translator = RESPONSES_OVER_CHAT.stream(ASKED)
    with pytest.raises(GatewayError) as caught:
        translator.feed(event)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@pytest.mark.parametrize("bound", ["MAX_CHARACTERS", "MAX_ITEMS"])
def test_an_answer_that_is_too_long_ends_the_stream(
    bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, bound, 2)
    calls = [function(f"call_{number}", "read_file", "{}") for number in range(3)]
    with pytest.raises(GatewayError) as caught:
        streamed(chunks("hi", calls=calls))
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@settings(max_examples=50, deadline=None)
@given(fields=answers, cut=st.integers(1, 4), data=st.data())
def test_a_stream_adds_up_to_the_whole_answer(fields: Body, cut: int, data: st.DataObject) -> None:
    each = chunks(**fields, cut=cut)
    found = streamed(each)
    folding = folded(found)
    assert folding.response == whole(completion(**fields))
    assert folding.stages[:2] == ["created", "in_progress"]
    assert [folding.done[index] for index in sorted(folding.done)] == folding.response["output"]
    # However many events come at a time, and through the follower that stands before it.
    assert streamed(grouped(data.draw, each)) == found
    follower = ChatFollower(1, 1, "upstream-name")
    followed = [follower.feed(event) for event in each]
    assert streamed([*followed, follower.finish()]) == found


@settings(max_examples=30, deadline=None)
@given(fields=answers)
def test_all_of_it_is_what_the_sdk_expects(fields: Body) -> None:
    event_type: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
    Response.model_validate(whole(completion(**fields)), strict=True)
    for event in events_of(streamed(chunks(**fields))):
        event_type.validate_python(event, strict=True)
