"""Answers out of bytes: the same however they are cut, and never more than was agreed."""

import gzip
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.adapters.upstream_pool import answer_reader
from gateway.adapters.upstream_pool.answer_reader import (
    MAX_BYTES_OF_NOTHING,
    MAX_LINE_BYTES,
    MOST_NAMES_KEPT,
    AnswerReader,
    MalformedAnswer,
)
from tests.servers.raw_upstream import chunk, head

BODY = b"data: one\n\ndata: two\n\n"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\nX-A: b\r\n\r\n" + BODY,
    "chunks": head("text/event-stream") + chunk(BODY[:5]) + chunk(BODY[5:]) + chunk(b""),
    "trailers": head("x/y") + chunk(BODY) + b"0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
    "extensions": head("x/y") + b"16;a=b\r\n" + BODY + b"\r\n0\r\n\r\n",
    "end": b"HTTP/1.1 200 OK\r\nX-Empty:\r\n\r\n" + BODY,
    "old": b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 22\r\n\r\n" + BODY,
    "closing": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 22\r\n\r\n" + BODY,
    "interim": b"HTTP/1.1 103 Hints\r\nX-A: early\r\n\r\n" + head("x/y") + chunk(BODY) + chunk(b""),
    "nothing": b"HTTP/1.1 204 No Content\r\n\r\n",
    "empty": b"HTTP/1.1 429 Too Many\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n",
    "gzip": (
        head("x/y", extra="Content-Encoding: gzip\r\n") + chunk(gzip.compress(BODY)) + chunk(b"")
    ),
    "bare": b"HTTP/1.1 200 OK\nContent-Length: 22\n\n" + BODY,
    "followed": b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + BODY + b"HTTP/1.1 200 OK\r\n",
    "rubbish": b"HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n" + BODY + b"\x00rubbish",
    "accents": "HTTP/1.1 200 OK\r\nX-A: é\r\nContent-Length: 0\r\n\r\n".encode("latin-1"),
}

Seen = tuple[int, dict[str, str], bytes, bool, bool]


def read(pieces: Sequence[bytes], reader: AnswerReader | None = None) -> Seen:
    """What comes of an answer that arrives so. Raises MalformedAnswer."""
    reader = reader or AnswerReader()
    reader.begin()
    reader.pieces = []
    for piece in pieces:
        reader.feed(piece)
    reader.feed_eof()
    body = b"".join(reader.pieces)
    return reader.status, reader.headers, body, reader.is_complete, reader.keeps_alive


def cut(data: bytes, places: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(data) + 1) for place in places} - {0}), len(data)]
    return [data[a:b] for a, b in pairwise(edges) if a < b]


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_are_read(name: str) -> None:
    status, headers, body, is_complete, keeps_alive = read([ANSWERS[name]])
    assert is_complete
    expected_status = {"nothing": 204, "empty": 429}.get(name, 200)
    assert status == expected_status
    assert body == (b"" if name in {"nothing", "empty", "accents"} else BODY)
    assert keeps_alive == (name not in {"end", "closing", "followed", "rubbish"})
    assert headers.get("x-a") == {"length": "b", "accents": "é"}.get(name)


@given(st.sampled_from(sorted(ANSWERS)), st.lists(st.integers(0, 10_000), max_size=12))
@example("chunks", list(range(300)))
@example("trailers", list(range(300)))
@example("gzip", list(range(300)))
@example("interim", list(range(300)))
@example("rubbish", list(range(300)))
def test_however_an_answer_is_cut_it_is_the_same(name: str, places: list[int]) -> None:
    assert read(cut(ANSWERS[name], places)) == read([ANSWERS[name]])


@given(
    st.lists(st.binary(min_size=1, max_size=400), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=8),
)
def test_any_body_comes_through(chunks: list[bytes], places: list[int]) -> None:
    body = b"".join(chunks)
    sized = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    chunked = head("x/y") + b"".join(map(chunk, chunks)) + chunk(b"")
    for answer in (sized, chunked, b"HTTP/1.1 200 OK\r\n\r\n" + body):
        assert read(cut(answer, places))[2:4] == (body, True)


@given(st.lists(st.sampled_from(sorted(set(ANSWERS) - {"end"})), min_size=1, max_size=4))
def test_a_reader_reads_one_answer_after_the_other(names: list[str]) -> None:
    """As long as the connection is kept."""
    reader = AnswerReader()
    for name in names:
        seen = read([ANSWERS[name]], reader)
        assert seen == read([ANSWERS[name]])
        if not seen[4]:
            return


@pytest.mark.parametrize("name", sorted(set(ANSWERS) - {"followed", "rubbish"}))
def test_what_breaks_off_is_not_complete(name: str) -> None:
    """But for a body that ends with its connection: nobody can tell."""
    answer = ANSWERS[name]
    for end in range(len(answer)):
        if name == "end" and b"\r\n\r\n" in answer[:end]:
            continue
        assert not read([answer[:end]])[3]


@pytest.mark.parametrize("codings", ["gzip\r\nTransfer-Encoding: chunked", "Chunked"])
def test_a_body_in_chunks_does_not_end_with_its_connection(codings: str) -> None:
    begun = f"HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n\r\n".encode() + chunk(BODY)
    assert not read([begun])[3]
    assert read([begun, chunk(b"")])[2:4] == (BODY, True)


@given(st.binary(max_size=200), st.sampled_from(sorted(ANSWERS)), st.integers(0, 200))
def test_whatever_comes_it_is_an_answer_or_malformed(noise: bytes, name: str, place: int) -> None:
    answer = ANSWERS[name]
    for data in (noise, answer[:place] + noise, answer[:place] + noise + answer[place:]):
        with suppress(MalformedAnswer):
            read([data])


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        b"HTTP/1.1 099 Odd\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        head("x/y") + b"-1\r\n",
        head("x/y") + b"3\r\nabcd\r\n",
        head("x/y", extra="Content-Encoding: gzip\r\n") + chunk(b"never gzip"),
        head("x/y", extra="Content-Encoding: gzip\r\n")
        + chunk(gzip.compress(b"a")[:-4])
        + chunk(b""),
    ],
)
def test_what_is_no_answer_is_malformed(answer: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read([answer])


def test_a_line_and_a_head_have_a_limit() -> None:
    def with_header(value: bytes, times: int = 1) -> bytes:
        lines = [b"%d: %b\r\n" % (number, value) for number in range(times)]
        return b"HTTP/1.1 204 OK\r\n" + b"".join(lines) + b"\r\n"

    longest = b"x" * (MAX_LINE_BYTES - 1)
    assert read([with_header(longest)])[3]
    assert read([with_header(longest, 4)])[3]
    for answer in (with_header(longest + b"x"), with_header(longest, 5)):
        with pytest.raises(MalformedAnswer):
            read([answer])


def test_a_head_without_an_end_is_not_read_on() -> None:
    for endless in (b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 "):
        with pytest.raises(MalformedAnswer):
            read([endless, b"x" * (MAX_BYTES_OF_NOTHING - 1), b"x"])


def test_interim_answers_without_an_end_are_not_read_on() -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    with pytest.raises(MalformedAnswer):
        read([interim] * (MAX_BYTES_OF_NOTHING // len(interim) + 1))


def test_trailers_without_an_end_are_not_read_on() -> None:
    trailer = b"X-A: " + b"x" * 1_000 + b"\r\n"
    with pytest.raises(MalformedAnswer):
        read([head("x/y") + b"0\r\n", *[trailer] * (MAX_BYTES_OF_NOTHING // 1_000 + 1)])


@pytest.mark.parametrize("begun", [b"0\r\nX-A: ", b"5;a="])
def test_a_line_between_chunks_without_an_end_is_not_read_on(begun: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        read([head("x/y") + begun, *[b"x" * 10_000] * 7])


def test_what_is_remembered_of_names_is_bounded() -> None:
    for number in range(2 * MOST_NAMES_KEPT):
        answer = b"HTTP/1.1 204 OK\r\nX-%d: a\r\n\r\n" % number
        assert read([answer])[1] == {f"x-{number}": "a"}
        assert len(answer_reader._NAMES) <= MOST_NAMES_KEPT


def test_an_answer_without_any_header_is_one_however_much_comes_with_it() -> None:
    body = b"x" * (MAX_LINE_BYTES + 1)
    assert read([b"HTTP/1.1 200 OK\r\n\r\n" + body])[:4] == (200, {}, body, True)
