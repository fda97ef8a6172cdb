"""Responses streams: ids that stay, and when one is complete (§6.4)."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams import response_ids
from gateway.domain.streams.failures import StreamFailure
from gateway.domain.streams.responses import ResponsesFollower
from tests.unit.gateway.domain.streams.shapes import (
    CHURNING,
    DONE,
    STEADY,
    follow,
    named,
    payloads,
    responses_events,
    responses_stream,
    said,
)


def through(events: list[dict[str, Any]]) -> list[Any]:
    return payloads(follow(ResponsesFollower(), [responses_stream(events)]))


def test_a_stream_whose_ids_stay_passes_as_it_came() -> None:
    one = ResponsesFollower()
    assert follow(one, [responses_stream(STEADY)]) == responses_stream(STEADY)
    assert one.is_complete
    assert one.events == len(STEADY)


def test_a_healthy_event_is_handed_out_as_the_same_object() -> None:
    one = ResponsesFollower()
    part = {"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0}
    for number in range(20):
        event = named({**part, "delta": f"word {number}", "sequence_number": number})
        assert one.feed(event) is event


def test_ids_seen_first_stay_for_the_whole_stream() -> None:
    found = through(CHURNING)
    # As the same stream would be with one id each: whatever else is in it is untouched.
    created, reasoning, message = (f"id_{number}" * 50 for number in (0, 1, 3))
    expected = responses_events(
        [created, reasoning, reasoning, *[message] * 4, created, reasoning, message],
        ["done", "done"],
    )
    numbered = [{**each, "sequence_number": number} for number, each in enumerate(expected)]
    assert found == numbered


def test_names_of_rewritten_events_stay() -> None:
    stream = follow(ResponsesFollower(), [responses_stream(CHURNING)])
    assert [name for name, _ in said(stream)] == [each["type"] for each in CHURNING]


def test_the_replayed_content_is_the_done_items() -> None:
    """The terminal event seals it anew; whichever a caller replays, it is the same."""
    found = through(CHURNING)
    done, completed = found[2]["item"], found[-1]["response"]["output"][0]
    assert done["encrypted_content"] == "done"
    assert completed["encrypted_content"] == "done"
    assert done["id"] == completed["id"] == found[1]["item"]["id"]


def test_content_beyond_the_bound_stays_the_terminal_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(response_ids, "MAX_SEALED_BYTES", 3)
    assert through(CHURNING)[-1]["response"]["output"][0]["encrypted_content"] == "end"


def test_values_are_not_written_anew() -> None:
    """Only ids change: numbers, escapes and unknown fields keep their bytes."""
    first = b'data: {"type":"response.x","output_index":0,"item_id":"a"}\n\n'
    second = (
        b'data: {"type":"response.x","output_index":0,"item_id":"b",'
        b'"odd":[1.50,1e3,"\\u00e9\\/"],"delta":"\xf0\x9f\xa6\x8a"}\n\n'
    )
    one = ResponsesFollower()
    one.feed(first)
    assert one.feed(second) == second.replace(b'"b"', b'"a"')


@pytest.mark.parametrize("last", ["response.completed", "response.incomplete"])
def test_a_terminal_event_completes_the_stream(last: str) -> None:
    one = ResponsesFollower()
    stream = responses_stream([*STEADY[:-1], {**STEADY[-1], "type": last}])
    assert follow(one, [stream]) == stream
    assert one.is_complete


def test_done_passes_after_the_terminal_event_and_nothing_else_does() -> None:
    one = ResponsesFollower()
    late = named({"type": "response.output_text.delta", "delta": "late"})
    failed = named({"type": "error", "code": "x"})
    found = follow(one, [responses_stream(STEADY) + late + failed + DONE])
    assert found == responses_stream(STEADY) + DONE
    assert one.events == len(STEADY)
    assert one.failure is None


def test_done_alone_completes_nothing() -> None:
    one = ResponsesFollower()
    follow(one, [responses_stream(STEADY[:-1]) + DONE])
    assert not one.is_complete


def test_a_stream_without_its_terminal_event_is_not_complete() -> None:
    one = ResponsesFollower()
    follow(one, [responses_stream(STEADY[:-1])])
    assert not one.is_complete


@pytest.mark.parametrize(
    "event",
    [
        {
            "type": "response.failed",
            "response": {"id": "r", "error": {"code": "server_error", "message": "no"}},
        },
        {"type": "error", "code": "server_error", "message": "no", "param": None},
        {"type": "error", "error": {"code": "server_error", "message": "no"}},
    ],
)
def test_a_failure_ends_the_stream_and_is_not_passed_on(event: dict[str, Any]) -> None:
    one = ResponsesFollower()
    before = responses_stream(STEADY[:2])
    assert one.feed(before + named(event) + responses_stream(STEADY[2:])) == before
    assert one.failure == StreamFailure("server_error", "", "no")
    assert not one.is_complete
    assert one.finish() == b""


def test_a_failed_response_that_says_nothing_is_a_failure() -> None:
    one = ResponsesFollower()
    assert one.feed(named({"type": "response.failed", "response": {"error": None}})) == b""
    assert one.failure == StreamFailure("", "", "")


def test_events_of_an_unknown_form_pass_and_end_what_they_end() -> None:
    one = ResponsesFollower()
    odd = named({"type": "response.new", "output_index": "seven", "item": []})
    broken = b"data: {broken\n\n"
    assert one.feed(odd + broken) == odd + broken
    last = named({"type": "response.completed", "response": "short"})
    assert one.feed(last) == last
    assert one.is_complete


def test_items_without_number_are_refused() -> None:
    one = ResponsesFollower()
    part = {"type": "response.output_text.delta", "item_id": "m", "delta": "x"}
    for number in range(response_ids.MAX_ITEMS):
        one.feed(named({**part, "output_index": number}))
    with pytest.raises(GatewayError) as caught:
        one.feed(named({**part, "output_index": response_ids.MAX_ITEMS}))
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_null_ids_are_left_alone() -> None:
    event = named({"type": "response.x", "output_index": 0, "item_id": None, "item": {"id": None}})
    one = ResponsesFollower()
    assert one.feed(event) == event
    assert json.loads(said(one.feed(event))[0][1])["item_id"] is None


# --- half a character ---

HALF = {"type": "response.output_text.delta", "output_index": 1, "content_index": 0}


def halved(events: list[dict[str, Any]]) -> bytes:
    """A stream with escapes for all that is not ASCII, as Python writes it."""
    return b"".join(
        f"event: {each['type']}\ndata: {json.dumps(each)}\n\n".encode() for each in events
    )


def with_halves(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    deltas = [{**HALF, "item_id": each, "delta": each} for each in ("\ud83d", "\ude00")]
    changed: list[dict[str, Any]] = json.loads(json.dumps(events))
    for item in (changed[-1]["response"]["output"][1], changed[-2]["item"]):
        item["content"][0]["text"] = "Hi \ud83d"
    return [*changed[:-2], *deltas, *changed[-2:]]


def test_half_a_character_does_not_hide_the_end() -> None:
    steady = with_halves(STEADY)
    for each in steady:
        if "item_id" in each:
            each["item_id"] = "msg_1"
    one = ResponsesFollower()
    assert follow(one, [halved(steady)]) == halved(steady)
    assert one.is_complete
    assert one.events == len(steady)
    assert one.spent.nano_aiu == 296_100_000


def test_ids_stay_where_there_is_half_a_character() -> None:
    found = payloads(follow(ResponsesFollower(), [halved(with_halves(CHURNING))]))
    created, message = (f"id_{number}" * 50 for number in (0, 3))
    assert [each["delta"] for each in found if "delta" in each] == [
        *("Hi", " there"),
        *("\ud83d", "\ude00"),
    ]
    assert {each["item_id"] for each in found if "item_id" in each} == {message}
    end = found[-1]["response"]
    assert (end["id"], end["output"][1]["id"]) == (created, message)
    assert end["output"][1]["content"][0]["text"] == "Hi \ud83d"
    assert found[-2]["item"]["id"] == message


def test_half_a_character_does_not_hide_a_failure() -> None:
    error = {"code": "server_error", "message": "no \ud83d"}
    one = ResponsesFollower()
    failed = {"type": "response.failed", "response": {"error": error}}
    assert follow(one, [halved([failed])]) == b""
    assert one.failure == StreamFailure("server_error", "", "no \ufffd")


def test_the_last_event_may_lack_its_empty_line_and_half_a_character() -> None:
    one = ResponsesFollower()
    stream = halved(with_halves(STEADY))
    follow(one, [stream.removesuffix(b"\n\n")])
    assert one.is_complete


@pytest.mark.parametrize("data", [b"{not json", b'{"x":"\\ud83d"', b"null", b'{"type":5}'])
def test_what_cannot_be_read_passes_as_it_is(data: bytes) -> None:
    event = b"event: x\ndata: " + data + b"\n\n"
    assert ResponsesFollower().feed(event) == event
