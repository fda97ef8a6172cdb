"""Where events end and what they say, in every form that the format allows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams import framing
from gateway.domain.streams.framing import Unfinished, data_of, ends_in, name_of, with_data
from tests.unit.gateway.domain.streams.shapes import LINE_ENDS, cut, said


@pytest.mark.parametrize(
    ("buffer", "ends"),
    [
        (b"", []),
        (b"data: a\n", []),
        (b"data: a\n\n", [9]),
        (b"id: 1\nevent: e\n: c\ndata: a\n\nid", [28]),
        (b"data: a\n\ndata: b\n\nda", [9, 18]),
        (b"data: a\r\n\r\n", [11]),
        (b"data: a\r\n\r", []),  # the next byte may be the line feed that belongs to it
        (b"data: a\r\n\rdata", [10]),
        (b"data: a\r\r", [9]),
        (b"data: a\n\r\n", [10]),
        (b"data: a\n\n\n\n", [9, 11]),
        (b"data: a\r\n\ndata: b\n\n", [10, 19]),
    ],
)
def test_events_end_with_an_empty_line(buffer: bytes, ends: list[int]) -> None:
    assert list(ends_in(buffer)) == ends


@pytest.mark.parametrize(
    ("event", "data", "name"),
    [
        (b'data: {"a":1}\n\n', b'{"a":1}', b""),
        (b'data:{"a":1}\n\n', b'{"a":1}', b""),
        (b"data:  two spaces\n\n", b" two spaces", b""),
        (b"data: one\ndata:two\n\n", b"one\ntwo", b""),
        (b"data\n\n", b"", b""),
        (b"data: a\r\n\r\n", b"a", b""),
        (b"event: ping\ndata: {}\n\n", b"{}", b"ping"),
        (b"event:ping\rdata:{}\r\r", b"{}", b"ping"),
        (b"data: {}\nevent: late\n\n", b"{}", b"late"),
        (b": a comment\ndata: a\nid: 7\nretry: 3\n\n", b"a", b""),
        (b": only a comment\n\n", None, b""),
        (b"database: no\n\n", None, b""),
        (b"\n\n", None, b""),
        (b"event: ping\n\n", None, b"ping"),
    ],
)
def test_data_and_name_are_read_as_the_format_says(
    event: bytes, data: bytes | None, name: bytes
) -> None:
    assert data_of(event) == data
    assert name_of(event) == name


@pytest.mark.parametrize(
    ("event", "changed"),
    [
        (b"data: old\n\n", b"data: new\n\n"),
        (b"event: a\ndata: old\n\n", b"event: a\ndata: new\n\n"),
        (b"data:old\r\n\r\n", b"data: new\n\n"),
        (b": c\nid: 7\ndata: o\ndata: ld\nevent: a\n\n", b": c\nid: 7\nevent: a\ndata: new\n\n"),
    ],
)
def test_only_the_data_of_an_event_are_replaced(event: bytes, changed: bytes) -> None:
    assert with_data(event, b"new") == changed


def test_data_of_several_lines_stay_data() -> None:
    changed = with_data(b"event: a\ndata: x\n\n", b'{"a":\n1}')
    assert said(changed) == [("a", '{"a":\n1}')]


def test_an_event_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "MAX_UNFINISHED_BYTES", 100)
    unfinished = Unfinished()
    unfinished.keep(b"x" * 100)
    with pytest.raises(GatewayError) as caught:
        unfinished.with_more(b"x")
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


def test_the_bound_is_eight_mebibytes() -> None:
    assert framing.MAX_UNFINISHED_BYTES == 8 * 1024 * 1024


lines = st.sampled_from(
    [b"data: a", b"data:b", b"data", b": c", b"event: e", b"id: 1", b"x", b"data: \xc3\xa4"]
)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Any lines with any ends, empty lines among them."""
    parts = draw(st.lists(st.tuples(lines | st.just(b""), st.sampled_from([*LINE_ENDS.values()]))))
    return b"".join(line + end for line, end in parts)


def events_of(chunks: list[bytes]) -> list[bytes]:
    """The events that chunks are cut into."""
    unfinished, events = Unfinished(), []
    for chunk in chunks:
        buffer = unfinished.with_more(chunk)
        start = 0
        for end in ends_in(buffer):
            events.append(buffer[start:end])
            start = end
        unfinished.keep(buffer[start:])
    return events


@given(streams(), st.lists(st.integers(0, 10_000), max_size=8))
def test_wherever_a_stream_is_cut_its_events_are_the_same(stream: bytes, places: list[int]) -> None:
    whole = events_of([stream])
    assert events_of(cut(stream, places)) == whole
    assert events_of([bytes([byte]) for byte in stream]) == whole


@given(streams())
def test_events_say_what_the_specification_reads(stream: bytes) -> None:
    # Another line behind it, so that an end in CR is not taken for half of one.
    events = events_of([stream + b":"])
    read = [(name_of(event), data_of(event)) for event in events]
    found = [(name.decode(), data.decode()) for name, data in read if data is not None]
    assert found == said(stream)
