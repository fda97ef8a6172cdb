"""Faults of streams as a client meets them in each of the three protocols."""

import json
from typing import Any

import pytest

from tests.integration.simulator.raw_client import PATHS, ask, connect, listen
from tests.servers.simulator import Simulator

ENDS = {
    "chat": b"data: [DONE]\n\n",
    "responses": b"event: response.completed\n",
    "messages": b'event: message_stop\ndata: {"type":"message_stop"}\n\n',
}
ERRORS = {
    "chat": b'data: {"error":{"code":"model_overloaded","message":"simulated error"}}\n\n',
    "responses": (
        b'event: error\ndata: {"type":"error","sequence_number":3,"code":"model_overloaded",'
        b'"message":"simulated error","param":null}\n\n'
    ),
    "messages": (
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error",'
        b'"message":"simulated error"}}\n\n'
    ),
}
each_protocol = pytest.mark.parametrize("protocol", PATHS)


@pytest.fixture
def quick(simulator: Simulator) -> Simulator:
    """The simulator without pauses between events."""
    simulator.load({"chat": {"chunk_delay_seconds": 0}})
    return simulator


def faulty(simulator: Simulator, protocol: str, **fault: Any) -> None:
    simulator.faults({"match": {"endpoint": protocol}, **fault})


def text_of(protocol: str, body: bytes) -> str:
    """What a stream says, its pieces put together."""
    said = ""
    for line in body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line.removeprefix("data: "))
        if protocol == "chat":
            said += "".join(c["delta"].get("content") or "" for c in event["choices"])
        elif event["type"] == "response.output_text.delta":
            said += event["delta"]
        elif event["type"] == "content_block_delta":
            said += event["delta"]["text"]
    return said


@each_protocol
def test_plain_streams_are_complete(quick: Simulator, protocol: str) -> None:
    heard = ask(quick.port, protocol)
    assert heard.end == "complete"
    assert ENDS[protocol] in heard.body
    assert text_of(protocol, heard.body).endswith("You said: grün 🦊")


@each_protocol
@pytest.mark.parametrize("after", [0, 3])
def test_errors_in_streams(quick: Simulator, protocol: str, after: int) -> None:
    faulty(quick, protocol, error_event={"after_events": after, "code": "model_overloaded"})
    heard = ask(quick.port, protocol)
    expected = ERRORS[protocol].replace(b'number":3', b'number":%d' % after)
    assert heard.body.endswith(expected)
    assert heard.body.count(b"data: ") == after + 1
    assert ENDS[protocol] not in heard.body


def test_responses_that_fail_in_their_stream(quick: Simulator) -> None:
    fault = {"after_events": 2, "code": "server_error", "as_failed": True}
    faulty(quick, "responses", error_event=fault)
    *_, last = ask(quick.port, "responses").body.decode().strip().split("\n\n")
    name, data = last.split("\n")
    failed = json.loads(data.removeprefix("data: "))
    assert name == "event: response.failed"
    assert failed["response"]["error"]["code"] == "server_error"
    assert failed["response"]["model"] == "gpt-5-mini-2025-08-07"


@each_protocol
def test_errors_under_status_200(quick: Simulator, protocol: str) -> None:
    faulty(quick, protocol, error_in_200={"code": "model_overloaded"})
    streamed = ask(quick.port, protocol)
    assert streamed.head.startswith("http/1.1 200")
    assert streamed.body == ERRORS[protocol].replace(b'number":3', b'number":0')
    whole = ask(quick.port, protocol, stream=False)
    assert whole.head.startswith("http/1.1 200")
    body = json.loads(whole.body)
    assert body["error"]["message"] == "simulated error"
    assert body.get("status") == ("failed" if protocol == "responses" else None)


@each_protocol
@pytest.mark.parametrize(("how", "end"), [("cut", "fin"), ("finish", "complete")])
def test_streams_that_end_early(quick: Simulator, protocol: str, how: str, end: str) -> None:
    faulty(quick, protocol, end={"how": how, "after_bytes": 500})
    heard = ask(quick.port, protocol)
    assert (heard.end, len(heard.body)) == (end, 500)


@each_protocol
def test_streams_that_are_reset(simulator: Simulator, protocol: str) -> None:
    faulty(simulator, protocol, end={"how": "reset", "after_events": 4})
    assert ask(simulator.port, protocol).end == "reset"


@each_protocol
def test_streams_without_their_terminal_event(quick: Simulator, protocol: str) -> None:
    faulty(quick, protocol, drop=["[DONE]", "response.completed", "message_stop"])
    heard = ask(quick.port, protocol)
    assert heard.end == "complete"
    assert ENDS[protocol] not in heard.body
    assert text_of(protocol, heard.body).endswith("You said: grün 🦊")


@each_protocol
@pytest.mark.parametrize(
    "form",
    [
        {"writes": {"bytes": 1}},
        {"writes": {"split_utf8": True}},
        {"line_ends": "crlf"},
        {"comment_every": 2},
        {"unknown_fields": True},
    ],
)
def test_streams_that_are_only_oddly_written(
    quick: Simulator, protocol: str, form: dict[str, Any]
) -> None:
    faulty(quick, protocol, **form)
    heard = ask(quick.port, protocol)
    assert heard.end == "complete"
    assert text_of(protocol, heard.body).endswith("You said: grün 🦊")
    if "writes" in form:
        assert len(heard.chunks) > heard.body.count(b"data: ")


@each_protocol
def test_silence_in_the_middle(quick: Simulator, protocol: str) -> None:
    faulty(quick, protocol, stall={"after_events": 2})
    path, body = PATHS[protocol]
    with connect(quick.port, body, path) as connection:
        listen(connection, enough=b"\n\n\r\n")
        (seen,) = quick.ledger(endpoint=protocol)
        assert (seen.outcome, seen.stream) == ("open", True)
