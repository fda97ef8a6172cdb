"""A Responses stream becomes the Messages stream that says the same, block by block."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams.following import follower_for
from gateway.domain.translation.messages_over_responses import order
from gateway.domain.translation.messages_over_responses.translation import MESSAGES_OVER_RESPONSES
from tests.unit.gateway.domain.streams.shapes import cut, named
from tests.unit.gateway.domain.translation.messages_and_responses import (
    ASKED,
    answered,
    called,
    encoded,
    events_of,
    fold_messages,
    follow,
    item_events,
    outputs,
    reasoned,
    responses_answer,
    responses_events,
    stream,
)

Body = dict[str, Any]

ends = st.sampled_from(
    [("completed", None), ("incomplete", "max_output_tokens"), ("incomplete", "content_filter")]
)


def whole(response: Body) -> Body:
    made: Body = json.loads(MESSAGES_OVER_RESPONSES.whole(encoded(response), ASKED))
    return made


def told(events: list[Body]) -> bytes:
    return follow(MESSAGES_OVER_RESPONSES.stream(ASKED), [stream(events)])


# --- the same as the whole answer ---


@settings(max_examples=50)
@given(outputs, ends, st.integers(1, 5), st.booleans())
def test_it_comes_to_the_whole_answer(
    output: list[Body], end: tuple[str, str | None], size: int, pieced: bool
) -> None:
    response = responses_answer(output, *end)
    assert fold_messages(told(responses_events(response, size, pieced))) == whole(response)


@settings(max_examples=50)
@given(st.data(), outputs)
def test_items_that_are_told_at_once_come_one_after_the_other(data: Any, output: Any) -> None:
    response = responses_answer(output)
    first, last = responses_events(response)[0], responses_events(response)[-1]
    queues = [item_events(index, item, 3) for index, item in enumerate(output)]
    mixed: list[Body] = [queue.pop(0) for queue in queues]
    while any(queues):
        index = data.draw(st.sampled_from([at for at, queue in enumerate(queues) if queue]))
        mixed.append(queues[index].pop(0))
    assert fold_messages(told([first, *mixed, last])) == whole(response)


ANSWER = responses_answer(
    [reasoned("Hm.", "So.", encrypted="gAAA="), answered("naïve 🦊"), called(0, '{"q": "é"}')]
)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10_000), max_size=6))
def test_wherever_it_is_cut_it_is_the_same(places: list[int]) -> None:
    """Followers hand out whole events, in groups that depend on where the bytes were cut."""
    sent = stream(responses_events(ANSWER))
    translator, follower = MESSAGES_OVER_RESPONSES.stream(ASKED), follower_for(Protocol.RESPONSES)
    groups = [follower.feed(chunk) for chunk in cut(sent, places)]
    written = follow(translator, [*groups, follower.finish()])
    assert follower.is_complete
    assert written == told(responses_events(ANSWER))


# --- what is written when ---


def test_the_events_of_an_answer() -> None:
    found = [
        (event["type"], event.get("index"), event.get("content_block", event.get("delta")))
        for event in events_of(told(responses_events(ANSWER, size=100)))
    ]
    thinking = {"type": "thinking", "thinking": "", "signature": ""}
    use = {"type": "tool_use", "id": "call_0", "name": "search", "input": {}}
    assert found == [
        ("message_start", None, None),
        ("content_block_start", 0, thinking),
        ("content_block_delta", 0, {"type": "thinking_delta", "thinking": "Hm."}),
        ("content_block_delta", 0, {"type": "thinking_delta", "thinking": "\n\nSo."}),
        ("content_block_delta", 0, {"type": "signature_delta", "signature": "responses:gAAA="}),
        ("content_block_stop", 0, None),
        ("content_block_start", 1, {"type": "text", "text": "", "citations": None}),
        ("content_block_delta", 1, {"type": "text_delta", "text": "naïve 🦊"}),
        ("content_block_stop", 1, None),
        ("content_block_start", 2, use),
        ("content_block_delta", 2, {"type": "input_json_delta", "partial_json": '{"q": "é"}'}),
        ("content_block_stop", 2, None),
        ("message_delta", None, {"stop_reason": "tool_use", "stop_sequence": None}),
        ("message_stop", None, None),
    ]


def test_the_message_begins_with_upstreams_first_event() -> None:
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    begun = events_of(translator.feed(named({"type": "response.created", "response": {}})))
    assert [event["type"] for event in begun] == ["message_start"]
    assert begun[0]["message"]["usage"]["input_tokens"] == 0
    assert translator.feed(named({"type": "response.in_progress", "response": {}})) == b""


def test_the_end_waits_for_the_streams_end() -> None:
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    events = responses_events(ANSWER)
    translator.feed(stream(events[:-1]))
    assert translator.feed(stream(events[-1:])) == b""
    assert events_of(translator.finish())[-1] == {"type": "message_stop"}


def test_each_piece_goes_on_at_once() -> None:
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    events = responses_events(responses_answer([answered("abcdef")]), size=1)
    sizes = [len(events_of(translator.feed(named(event)))) for event in events]
    # Text's block begins with its first piece, and ends with its item.
    assert sizes == [1, 0, 2, 1, 1, 1, 1, 1, 1, 0]


def test_without_a_first_event_it_begins_all_the_same() -> None:
    events = responses_events(ANSWER)[1:]
    assert fold_messages(told(events)) == whole(ANSWER)


def test_an_item_that_is_never_done_ends_with_the_answer() -> None:
    events = [each for each in responses_events(ANSWER) if each["type"] != order.DONE]
    found = fold_messages(told(events))["content"]
    assert [block["type"] for block in found] == ["thinking", "text", "tool_use"]
    assert found[2]["input"] == {"q": "é"}


def test_comments_pings_and_unknown_events_say_nothing() -> None:
    sent = stream(responses_events(ANSWER))
    odd = [
        b": keepalive\n\n",
        named({"type": "response.output_text.annotation.added", "output_index": 9, "delta": {}}),
        named({"type": "response.new", "output_index": "x"}),
        b"data: [DONE]\n\n",
    ]
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    assert follow(translator, [odd[0], odd[1], sent, odd[2], odd[3]]) == told(
        responses_events(ANSWER)
    )


def test_a_refusal_that_comes_in_pieces_ends_as_one() -> None:
    refused = {"type": "message", "content": [{"type": "refusal", "refusal": "I will not."}]}
    message = fold_messages(told(responses_events(responses_answer([refused]))))
    assert message["stop_reason"] == "refusal"
    assert message["content"][0]["text"] == "I will not."


def test_a_call_that_is_broken_off_keeps_what_came() -> None:
    response = responses_answer([called(0, '{"q": "wea')], "incomplete", "max_output_tokens")
    events = events_of(told(responses_events(response, size=100)))
    assert events[-2]["delta"]["stop_reason"] == "max_tokens"
    assert events[2]["delta"]["partial_json"] == '{"q": "wea'


def test_what_it_cost_stays() -> None:
    events = responses_events(ANSWER)
    events[-1]["copilot_usage"] = {"total_nano_aiu": 5}
    assert events_of(told(events))[-2]["copilot_usage"] == {"total_nano_aiu": 5}


# --- what is upstream's fault ---


@pytest.mark.parametrize(
    "event",
    [
        named({"type": "response.output_text.delta", "delta": 5}),
        named({"type": "response.output_item.added", "item": {"type": "function_call"}}),
    ],
)
def test_what_is_no_event_is_upstreams_fault(event: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        MESSAGES_OVER_RESPONSES.stream(ASKED).feed(event)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_a_stream_without_an_end_has_none() -> None:
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    translator.feed(stream(responses_events(ANSWER)[:-1]))
    with pytest.raises(GatewayError) as caught:
        translator.finish()
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(order, "MAX_WAITING_BYTES", 500)
    translator = MESSAGES_OVER_RESPONSES.stream(ASKED)
    translator.feed(named({"type": "response.output_text.delta", "delta": "a"}))
    later = named({"type": "response.output_text.delta", "delta": "b" * 100, "output_index": 1})
    with pytest.raises(GatewayError) as caught:
        translator.feed(later * 10)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
