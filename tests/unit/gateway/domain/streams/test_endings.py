"""What the gateway writes into a stream is what the caller's protocol has for it."""

import json

import pytest

from gateway.domain.protocols import STREAMED, Protocol
from gateway.domain.streams.endings import ErrorWords, error_body, error_event, ping
from gateway.domain.streams.following import follower_for
from tests.unit.gateway.domain.streams.shapes import said

MESSAGE = 'Upstream said "no" 🦊\n'
WORDS = ErrorWords(MESSAGE, "server_error", code="upstream_idle", param=None, request_id="req-1")


def written(protocol: Protocol) -> bytes:
    return error_event(protocol, WORDS, sequence_number=7)


OPENAI = {
    "error": {"message": MESSAGE, "type": "server_error", "param": None, "code": "upstream_idle"}
}
ANTHROPIC = {
    "type": "error",
    "error": {"type": "server_error", "message": MESSAGE},
    "request_id": "req-1",
}
FLAT = {
    "type": "error",
    "code": "upstream_idle",
    "message": MESSAGE,
    "param": None,
    "sequence_number": 7,
}


@pytest.mark.parametrize(
    ("protocol", "name", "document"),
    [
        (Protocol.CHAT, "", OPENAI),
        (Protocol.RESPONSES, "error", FLAT),
        (Protocol.MESSAGES, "error", ANTHROPIC),
    ],
)
def test_an_error_event_is_the_callers_protocols(
    protocol: Protocol, name: str, document: object
) -> None:
    ((found, data),) = said(written(protocol))
    assert (found, json.loads(data)) == (name, document)
    assert written(protocol).endswith(b"\n\n")
    assert written(protocol).count(b"\n\n") == 1


@pytest.mark.parametrize("protocol", STREAMED)
def test_a_stream_that_ends_with_it_is_not_complete(protocol: Protocol) -> None:
    one = follower_for(protocol)
    assert one.feed(written(protocol)) + one.finish() == b""
    assert one.failure is not None
    assert one.failure.message == MESSAGE
    assert not one.is_complete


@pytest.mark.parametrize(
    ("protocol", "document"),
    [(Protocol.CHAT, OPENAI), (Protocol.RESPONSES, OPENAI), (Protocol.MESSAGES, ANTHROPIC)],
)
def test_a_whole_error_is_the_callers_protocols(protocol: Protocol, document: object) -> None:
    assert json.loads(error_body(protocol, WORDS)) == document


def test_pings_are_comments_for_openai_and_events_for_anthropic() -> None:
    assert ping(Protocol.CHAT) == ping(Protocol.RESPONSES) == b": keepalive\n\n"
    assert said(ping(Protocol.CHAT)) == []
    assert said(ping(Protocol.MESSAGES)) == [("ping", '{"type": "ping"}')]


@pytest.mark.parametrize("protocol", STREAMED)
def test_pings_are_no_events(protocol: Protocol) -> None:
    one = follower_for(protocol)
    assert one.feed(ping(protocol)) == ping(protocol)
    assert one.events == 0
