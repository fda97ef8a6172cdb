"""A Messages stream becomes the Responses stream that says the same, item by item."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.streams.following import follower_for
from gateway.domain.translation.responses_over_messages import sealed
from gateway.domain.translation.responses_over_messages import stream as module
from gateway.domain.translation.responses_over_messages.translation import RESPONSES_OVER_MESSAGES
from tests.unit.gateway.domain.streams.shapes import cut, named
from tests.unit.gateway.domain.translation.messages_and_responses import (
    ASKED,
    contents,
    encoded,
    events_of,
    fold_responses,
    follow,
    messages_answer,
    messages_events,
    stream,
    text_block,
    thought,
    use,
)

Body = dict[str, Any]

ADDED = "output_item.added"

official: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
ends = st.sampled_from(["end_turn", "max_tokens", "refusal"])


def whole(message: Body) -> Body:
    made: Body = json.loads(RESPONSES_OVER_MESSAGES.whole(encoded(message), ASKED))
    return made


def told(events: list[Body]) -> bytes:
    return follow(RESPONSES_OVER_MESSAGES.stream(ASKED), [stream(events)])


def with_arguments_read(response: Body) -> Body:
    """JSON may be written in more than one way."""
    for item in response["output"]:
        if item["type"] == "function_call":
            item["arguments"] = json.loads(item["arguments"])
    return response


# --- the same as the whole answer ---


@settings(max_examples=50)
@given(contents, ends, st.integers(1, 5))
@example([text_block("a"), text_block("")], "max_tokens", 1)
@example([text_block("a"), thought("", "")], "refusal", 1)
def test_it_comes_to_the_whole_answer(content: list[Body], end: str, size: int) -> None:
    message = messages_answer(content, end)
    found = fold_responses(told(messages_events(message, size)))
    assert with_arguments_read(found) == with_arguments_read(whole(message))


@settings(max_examples=20)
@given(contents)
def test_the_official_client_takes_every_event(content: list[Body]) -> None:
    for event in events_of(told(messages_events(messages_answer(content)))):
        official.validate_python(event)


ANSWER = messages_answer(
    [
        thought("Hm.", "ErUB="),
        text_block("naïve 🦊"),
        use(1, "mcp__docs__find", {"q": "é"}),
        use(2, "patch", {"input": "+é"}),
    ],
    "tool_use",
)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 10_000), max_size=6))
def test_wherever_it_is_cut_it_is_the_same(places: list[int]) -> None:
    """Followers hand out whole events, in groups that depend on where the bytes were cut."""
    sent = stream(messages_events(ANSWER))
    translator, follower = RESPONSES_OVER_MESSAGES.stream(ASKED), follower_for(Protocol.MESSAGES)
    groups = [follower.feed(chunk) for chunk in cut(sent, places)]
    written = follow(translator, [*groups, follower.finish()])
    assert follower.is_complete
    assert written == told(messages_events(ANSWER))


# --- what is written when ---


def test_the_events_of_an_answer() -> None:
    found = [
        (event["type"].removeprefix("response."), event.get("output_index"), event.get("item_id"))
        for event in events_of(told(messages_events(ANSWER, size=100)))
    ]
    assert found == [
        ("created", None, None),
        ("in_progress", None, None),
        ("output_item.added", 0, None),
        ("reasoning_summary_part.added", 0, "rs_abc123_0"),
        ("reasoning_summary_text.delta", 0, "rs_abc123_0"),
        ("reasoning_summary_text.done", 0, "rs_abc123_0"),
        ("reasoning_summary_part.done", 0, "rs_abc123_0"),
        ("output_item.done", 0, None),
        ("output_item.added", 1, None),
        ("content_part.added", 1, "msg_abc123_1"),
        ("output_text.delta", 1, "msg_abc123_1"),
        ("output_text.done", 1, "msg_abc123_1"),
        ("content_part.done", 1, "msg_abc123_1"),
        ("output_item.done", 1, None),
        ("output_item.added", 2, None),
        ("function_call_arguments.delta", 2, "fc_abc123_2"),
        ("function_call_arguments.done", 2, "fc_abc123_2"),
        ("output_item.done", 2, None),
        ("output_item.added", 3, None),
        ("custom_tool_call_input.delta", 3, "ctc_abc123_3"),
        ("custom_tool_call_input.done", 3, "ctc_abc123_3"),
        ("output_item.done", 3, None),
        ("completed", None, None),
    ]


def test_each_piece_goes_on_at_once() -> None:
    translator = RESPONSES_OVER_MESSAGES.stream(ASKED)
    content = [text_block("abc"), use(1, "search", {"q": 1})]
    events = messages_events(messages_answer(content), size=1)
    types = [
        [
            each["type"].removeprefix("response.")
            for each in events_of(translator.feed(named(event)))
        ]
        for event in events
    ]
    assert types[0] == ["created", "in_progress"]
    assert types[2:5] == [
        [ADDED, "content_part.added", "output_text.delta"],
        ["output_text.delta"],
        ["output_text.delta"],
    ]
    assert types[7] == ["output_text.done", "content_part.done", "output_item.done", ADDED]
    assert [said for said in types[8:] if said] == [["function_call_arguments.delta"]] * 8


def test_an_item_that_is_cut_off_is_incomplete_and_the_others_are_not() -> None:
    message = messages_answer([text_block("a"), use(1, "search", {"q": "weather"})], "max_tokens")
    events = [each for each in messages_events(message) if "weather" not in json.dumps(each)]
    found = fold_responses(told(events[:-6] + events[-2:]))
    assert (found["status"], found["incomplete_details"]) == (
        "incomplete",
        {"reason": "max_output_tokens"},
    )
    assert [item["status"] for item in found["output"]] == ["completed", "incomplete"]
    assert '{"q": "weather"}'.startswith(found["output"][1]["arguments"])


def test_usage_is_what_was_said_last_of_each_figure() -> None:
    assert fold_responses(told(messages_events(ANSWER)))["usage"] == whole(ANSWER)["usage"]


def test_what_it_cost_stays() -> None:
    events = messages_events(ANSWER)
    events[-2]["copilot_usage"] = {"total_nano_aiu": 5}
    assert events_of(told(events))[-1]["copilot_usage"] == {"total_nano_aiu": 5}


def test_a_call_that_begins_with_its_input_keeps_it() -> None:
    events = messages_events(messages_answer([use(1, "search", {})]))
    events[1]["content_block"]["input"] = {"q": 1}
    events = [each for each in events if each["type"] != "content_block_delta"]
    assert fold_responses(told(events))["output"][0]["arguments"] == '{"q":1}'


@pytest.mark.parametrize("pieces", [[], [""], [" "], ["{}"], ["{", "}"]])
def test_a_call_with_nothing_is_one_with_an_empty_object(pieces: list[str]) -> None:
    events = messages_events(messages_answer([use(1, "search", {})]))
    deltas = [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "input_json_delta", "partial_json": piece},
        }
        for piece in pieces
    ]
    rest = [each for each in events[2:] if each["type"] != "content_block_delta"]
    found = fold_responses(told([*events[:2], *deltas, *rest]))
    assert json.loads(found["output"][0]["arguments"]) == {}


def test_tools_of_anthropics_own_say_nothing() -> None:
    own: list[Body] = [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
    ]
    message = messages_answer([text_block("a"), *own, text_block("b")])
    found = fold_responses(told(messages_events(message)))
    assert [item["content"][0]["text"] for item in found["output"]] == ["a", "b"]


def test_the_thinking_of_a_stream_can_be_sent_back() -> None:
    item = fold_responses(told(messages_events(ANSWER, size=1)))["output"][0]
    assert sealed.block_of(item["encrypted_content"]) == thought("Hm.", "ErUB=")


def test_an_answer_that_says_nothing_is_one() -> None:
    found = fold_responses(told(messages_events(messages_answer([]))))
    assert (found["status"], found["output"]) == ("completed", [])


# --- what is upstream's fault ---


@pytest.mark.parametrize(
    "event",
    [
        named({"type": "content_block_delta", "delta": {"type": "text_delta", "text": 5}}),
        named({"type": "content_block_start", "content_block": {"type": "tool_use", "id": "a"}}),
    ],
)
def test_what_is_no_event_is_upstreams_fault(event: bytes) -> None:
    with pytest.raises(GatewayError) as caught:
        RESPONSES_OVER_MESSAGES.stream(ASKED).feed(event)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_what_is_no_utf_8_in_the_first_event_changes_nothing() -> None:
    start = {"type": "message_start", "message": {"stop_reason": "odd"}}
    rest = messages_events(messages_answer([text_block("a")]))[1:]
    plain = stream([start, *rest])
    translator = RESPONSES_OVER_MESSAGES.stream
    assert follow(translator(ASKED), [plain.replace(b"odd", b"o\xff")]) == (
        follow(translator(ASKED), [plain])
    )


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 500)
    with pytest.raises(GatewayError) as caught:
        told(messages_events(messages_answer([text_block("a" * 500)])))
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER
