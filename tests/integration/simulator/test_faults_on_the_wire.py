"""Faults as a client meets them: on a real connection, byte by byte."""

import gzip
import zlib
from typing import Any

import pytest

from tests.integration.simulator.raw_client import CHAT, chat, connect, listen
from tests.servers.simulator import Simulator

WHOLE = {**CHAT, "stream": False}
FAST = {"chunk_delay_seconds": 0}


def faulty(simulator: Simulator, **fault: Any) -> None:
    simulator.faults({"match": {"endpoint": "chat"}, "script": FAST, **fault})


def test_plain_stream_is_complete(simulator: Simulator) -> None:
    heard = chat(simulator.port)
    assert heard.end == "complete"
    assert heard.body.endswith(b"data: [DONE]\n\n")
    assert "server: copilot-simulator" in heard.head
    assert "content-type: text/event-stream" in heard.head
    assert "x-quota-snapshot-chat: " in heard.head


def test_cut_stream_ends_with_fin_and_without_its_last_chunk(simulator: Simulator) -> None:
    faulty(simulator, end={"how": "cut", "after_bytes": 700})
    heard = chat(simulator.port)
    assert heard.end == "fin"
    assert len(heard.body) == 700
    assert not heard.raw.endswith(b"0\r\n\r\n")


def test_reset_stream_ends_with_rst(simulator: Simulator) -> None:
    """The last bytes may go with the connection, as with any RST."""
    faulty(simulator, end={"how": "reset", "after_events": 3}, script={"chunk_delay_seconds": 0.05})
    heard = chat(simulator.port)
    assert heard.end == "reset"
    assert heard.body.count(b"data: ") >= 2


def test_finished_early_looks_complete(simulator: Simulator) -> None:
    faulty(simulator, end={"how": "finish", "after_events": 3})
    heard = chat(simulator.port)
    assert heard.end == "complete"
    assert heard.body.count(b"data: ") == 3
    assert b"[DONE]" not in heard.body


@pytest.mark.parametrize(("how", "end"), [("cut", "fin"), ("reset", "reset")])
def test_ends_before_the_headers(simulator: Simulator, how: str, end: str) -> None:
    faulty(simulator, end={"how": how})
    heard = chat(simulator.port)
    assert (heard.end, bytes(heard.raw)) == (end, b"")


def test_whole_body_that_is_cut_is_shorter_than_it_says(simulator: Simulator) -> None:
    faulty(simulator, end={"how": "cut", "after_bytes": 100})
    heard = chat(simulator.port, WHOLE)
    assert (heard.end, len(heard.body)) == ("fin", 100)
    assert "content-length: 100" not in heard.head


def test_one_byte_a_write(simulator: Simulator) -> None:
    faulty(simulator, writes={"bytes": 1}, script={**FAST, "text": "ü"})
    chunks = chat(simulator.port).chunks
    assert all(len(chunk) <= 1 for chunk in chunks)
    assert b"".join(chunks).endswith(b"[DONE]\n\n")


def test_characters_are_split_between_writes(simulator: Simulator) -> None:
    faulty(simulator, writes={"split_utf8": True})
    chunks = chat(simulator.port).chunks
    assert any(chunk.endswith(b"gr\xc3") for chunk in chunks)


def test_odd_lines(simulator: Simulator) -> None:
    faulty(simulator, line_ends="crlf", space_after_colon=False, comment_every=2)
    body = chat(simulator.port).body
    assert body.startswith(b'data:{"choices":[]')
    assert b"\r\n\r\n: simulated comment\r\n\r\n" in body
    assert body.replace(b"\r\n", b"").count(b"\n") == 0


def test_several_events_in_one_write(simulator: Simulator) -> None:
    faulty(simulator, writes={"events": 4})
    assert chat(simulator.port).chunks[0].count(b"data: ") == 4


def test_error_event_and_error_under_200(simulator: Simulator) -> None:
    faulty(simulator, times=1, error_event={"after_events": 3, "code": "model_overloaded"})
    faulty(simulator, after=1, times=2, error_in_200={"code": "rate_limited"})
    body = chat(simulator.port).body
    assert body.endswith(
        b'data: {"error":{"code":"model_overloaded","message":"simulated error"}}\n\n'
    )
    assert chat(simulator.port).body.startswith(b'data: {"error":')
    whole = chat(simulator.port, WHOLE)
    assert whole.head.startswith("http/1.1 200")
    assert whole.body.startswith(b'{"error":')


def test_stall_is_a_silence_with_the_connection_open(simulator: Simulator) -> None:
    faulty(simulator, stall={"after_events": 2})
    with connect(simulator.port) as connection:
        heard = listen(connection, enough=b"assistant")
        assert heard.end == ""
        (seen,) = simulator.ledger()
        assert (seen.outcome, seen.writes) == ("open", 2)


def test_compressed_streams(simulator: Simulator) -> None:
    faulty(simulator, gzip=True)
    heard = chat(simulator.port)
    assert "content-encoding: gzip" in heard.head
    assert gzip.decompress(heard.body).endswith(b"data: [DONE]\n\n")
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(heard.chunks[0]).startswith(b"data: ")


def test_named_refusal_with_headers_of_its_own(simulator: Simulator) -> None:
    faulty(simulator, refusal="rate_limited", headers={"retry-after": "208800"})
    heard = chat(simulator.port)
    assert heard.head.startswith("http/1.1 429")
    assert "retry-after: 208800" in heard.head
    assert heard.head.count("retry-after") == 1
    assert "content-type: text/plain" in heard.head


def test_status_466_has_a_place_in_http(simulator: Simulator) -> None:
    faulty(simulator, refusal="api_version_retired")
    assert chat(simulator.port).head.startswith("http/1.1 466")
