"""Messages streams pass as they are; what counts, what ends them, what fails (§6.5)."""

from typing import Any

import pytest

from gateway.domain.streams.failures import StreamFailure
from gateway.domain.streams.messages import MessagesFollower
from tests.unit.gateway.domain.streams.shapes import (
    MESSAGES_STREAM,
    event,
    follow,
    messages_stream,
    named,
)

OVERLOADED: dict[str, Any] = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
}


def delta(text: str) -> bytes:
    return named({"type": "content_block_delta", "index": 0, "delta": {"text": text}})


def test_every_byte_passes() -> None:
    one = MessagesFollower()
    assert follow(one, [messages_stream()]) == messages_stream()
    assert one.is_complete
    assert one.events == len(MESSAGES_STREAM) - 1  # the ping is none


def test_a_healthy_event_is_handed_out_as_the_same_object() -> None:
    one = MessagesFollower()
    events = [delta(text) for text in ("one", "two", 'three "3"')]
    assert all(one.feed(each) is each for each in events)
    assert one.events == 3


def test_a_ping_passes_and_does_not_count() -> None:
    one = MessagesFollower()
    assert one.feed(named({"type": "ping"})) == named({"type": "ping"})
    assert one.events == 0


def test_a_ping_does_not_cut_an_event_in_two() -> None:
    one = MessagesFollower()
    first = delta("one")
    assert one.feed(first[:20]) == b""
    assert one.feed(first[20:] + named({"type": "ping"})) == first + named({"type": "ping"})


def test_nothing_passes_after_message_stop() -> None:
    one = MessagesFollower()
    stop = named({"type": "message_stop"})
    assert one.feed(stop + b"data: [DONE]\n\n") == stop
    assert one.feed(delta("late")) == b""
    assert one.finish() == b""


def test_a_stream_without_message_stop_is_not_complete() -> None:
    one = MessagesFollower()
    assert follow(one, [messages_stream(MESSAGES_STREAM[:-1])]) == messages_stream(
        MESSAGES_STREAM[:-1]
    )
    assert not one.is_complete


def test_message_stop_may_lack_the_last_empty_line() -> None:
    one = MessagesFollower()
    assert follow(one, [messages_stream()[:-2]]) == messages_stream()
    assert one.is_complete


def test_the_name_of_message_stop_alone_is_not_its_event() -> None:
    one = MessagesFollower()
    follow(one, [messages_stream(MESSAGES_STREAM[:-1]) + b"event: message_stop\n"])
    assert not one.is_complete


@pytest.mark.parametrize(
    "written",
    [
        named(OVERLOADED),
        event(OVERLOADED),
        b"event: error\r\ndata:" + event(OVERLOADED)[6:-2] + b"\r\n\r\n",
        event({"error": OVERLOADED["error"]}),
    ],
)
def test_an_error_ends_the_stream_and_is_not_passed_on(written: bytes) -> None:
    one = MessagesFollower()
    assert one.feed(delta("one") + written + delta("two")) == delta("one")
    assert one.failure == StreamFailure("", "overloaded_error", "Overloaded")
    assert one.feed(named({"type": "message_stop"})) == b""
    assert not one.is_complete


def test_an_error_that_says_nothing_is_an_error() -> None:
    one = MessagesFollower()
    assert one.feed(b"event: error\ndata: overloaded\n\n") == b""
    assert one.failure == StreamFailure("", "", "")


def test_the_type_counts_where_an_event_has_no_name() -> None:
    one = MessagesFollower()
    one.feed(event({"type": "ping"}))
    assert one.events == 0
    one.feed(event({"type": "message_stop"}))
    assert one.is_complete


def test_half_a_character_hides_nothing_of_an_event_without_a_name() -> None:
    one = MessagesFollower()
    message = b'{"usage":{"input_tokens":3},"x":"\\ud83d"}'
    start = b'data: {"type":"message_start","message":' + message + b"}\n\n"
    stop = b'data: {"type":"message_stop","x":"\\ud83d"}\n\n'
    assert follow(one, [start, stop]) == start + stop
    assert one.is_complete
    assert one.spent.tokens.input == 3


def test_half_a_character_does_not_hide_a_failure() -> None:
    one = MessagesFollower()
    error = b'data: {"type":"error","error":{"type":"overloaded_error","message":"no \\ud83d"}}\n\n'
    assert follow(one, [error]) == b""
    assert one.failure == StreamFailure("", "overloaded_error", "no \ufffd")
