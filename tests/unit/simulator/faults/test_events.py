"""Changes of content, in bodies and in events."""

import json
from typing import Any

from simulator.faults.events import UNKNOWN_FIELD, changed, replacement
from simulator.faults.framing import frames
from simulator.scenario.faults import Fault
from simulator.wire.answer import DONE, EVENTS, JSON, Answer, Dialect, Event, encode
from simulator.wire.github_refusals import Refused

REFUSED = Refused("octocat", now=0)
CHUNKS: list[dict[str, Any]] = [
    {"choices": [], "prompt_filter_results": []},
    {"choices": [{"delta": {"content": "a"}, "index": 0}], "usage": None},
    {"choices": [{"delta": {}, "finish_reason": "stop", "index": 0}], "usage": None},
    {"choices": [], "usage": {"total_tokens": 3}, "copilot_usage": {}},
]


def stream(**fault: Any) -> list[bytes]:
    answer = Answer(200, EVENTS, events=[*map(Event, map(encode, CHUNKS)), Event(DONE)])
    events = changed(answer, Fault.model_validate(fault)).events
    assert events is not None
    return [event.data for event in events]


def decoded(**fault: Any) -> list[Any]:
    return [json.loads(event) for event in stream(**fault) if event != DONE]


def test_dropping_usage_drops_its_chunk() -> None:
    events = decoded(drop=["usage"])
    assert len(events) == 3
    assert all("usage" not in event for event in events)


def test_the_end_of_a_stream_can_be_dropped() -> None:
    assert DONE not in stream(drop=["[DONE]"])
    assert stream(drop=["usage"])[-1] == DONE


def test_paths_lead_through_lists() -> None:
    events = decoded(drop=["choices.delta.content", "choices.finish_reason"])
    assert events[1]["choices"] == [{"delta": {}, "index": 0}]
    assert events[2]["choices"] == [{"delta": {}, "index": 0}]


def test_unknown_fields_are_added_to_chunks_and_choices() -> None:
    events = decoded(unknown_fields=True)
    assert all(UNKNOWN_FIELD in event for event in events)
    assert UNKNOWN_FIELD in events[1]["choices"][0]


def test_an_error_event_is_the_last() -> None:
    events = stream(error_event={"after_events": 2, "code": "c", "message": "m"})
    assert events[2:] == [b'{"error":{"code":"c","message":"m"}}']


def test_events_can_be_dropped_by_name() -> None:
    """So that a stream ends without its terminal event (§6.4)."""
    sent = [Event(b'{"type":"a"}', "a"), Event(b'{"type":"b.c"}', "b.c")]
    answer = Answer(200, EVENTS, events=sent, dialect=Dialect.RESPONSES)
    events = changed(answer, Fault.model_validate({"drop": ["b.c"]})).events
    assert events == sent[:1]


def test_errors_have_the_form_of_their_protocol() -> None:
    fault = Fault.model_validate({"error_event": {"after_events": 1, "code": "model_overloaded"}})
    sent = [Event(b"{}", "message_start"), Event(b"{}", "message_stop")]
    answer = Answer(200, EVENTS, events=sent, dialect=Dialect.MESSAGES)
    events = changed(answer, fault).events
    assert events is not None
    first, error = events
    assert (first, error.name) == (sent[0], "error")
    assert json.loads(error.data)["error"]["type"] == "overloaded_error"


def test_an_error_under_status_200_is_all_there_is() -> None:
    assert stream(error_in_200={"code": "c", "message": "m"}) == [
        b'{"error":{"code":"c","message":"m"}}'
    ]
    whole = changed(Answer(400, JSON, b"{}"), Fault.model_validate({"error_in_200": {"code": "c"}}))
    assert (whole.status, json.loads(whole.body)["error"]["code"]) == (200, "c")


def test_bodies_are_changed_alike_and_others_left() -> None:
    fault = Fault.model_validate({"drop": ["a.b", "nowhere.at.all"], "headers": {"x": "1"}})
    answer = changed(Answer(200, JSON, b'{"a":{"b":1,"c":2}}'), fault)
    assert (answer.body, answer.headers["x"]) == (b'{"a":{"c":2}}', "1")
    assert changed(Answer(200, JSON, b"not json"), fault).body == b"not json"


def test_answers_of_ones_own() -> None:
    page = {"status": 503, "body": "<html>", "content_type": "text/html"}
    text = replacement(Fault.model_validate({"respond": page}), REFUSED)
    assert text is not None
    assert (text.status, text.body, text.content_type) == (503, b"<html>", "text/html")
    mapping = replacement(Fault.model_validate({"respond": {"body": {"a": 1}}}), REFUSED)
    assert mapping is not None
    assert (mapping.body, mapping.content_type) == (b'{"a":1}', JSON)


def test_seats_answer_for_the_exchange() -> None:
    gone = replacement(Fault.model_validate({"seat": "no_copilot_access"}), REFUSED)
    assert gone is not None
    assert b"logged in as octocat" in gone.body
    assert replacement(Fault.model_validate({"seat": "active"}), REFUSED) is None


def test_forms_of_lines() -> None:
    events = [Event(b"1"), Event(b"2"), Event(b"3")]
    assert frames(events, Fault()) == [b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]
    assert frames([Event(b"1")], Fault(line_ends="crlf")) == [b"data: 1\r\n\r\n"]
    assert frames([Event(b"1")], Fault(line_ends="cr")) == [b"data: 1\r\r"]
    assert frames([Event(b"1")], Fault(space_after_colon=False)) == [b"data:1\n\n"]
    commented = frames(events, Fault(comment_every=2))
    assert commented[1] == b"data: 2\n\n: simulated comment\n\n"
    assert commented[2] == b"data: 3\n\n"
