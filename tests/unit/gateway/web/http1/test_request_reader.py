"""Heads out of bytes: what is plain, however it is cut, and never otherwise than aiohttp has it."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParser
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.web.http1.request_reader import (
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    RequestHead,
    RequestReader,
    Unusual,
)

FIRST = b"POST /v1/chat/completions HTTP/1.1\r\n"
HOST = b"Host: gateway\r\n"
PLAIN = FIRST + HOST + b"Content-Length: 3\r\nX-A: b\r\n\r\n"


def read(data: bytes) -> RequestHead | None:
    return RequestReader().feed(data)


def with_line(line: bytes) -> bytes:
    return FIRST + HOST + line + b"\r\n\r\n"


def with_target(target: bytes) -> bytes:
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"\r\n"


def test_a_plain_head_is_read_and_what_is_behind_it_kept() -> None:
    reader = RequestReader()
    found = reader.feed(b"POST /v1/x?a=1&b HTTP/1.1\r\n" + PLAIN[len(FIRST) :] + b"abcGET")
    assert found is not None
    assert (found.method, found.path, found.query) == ("POST", "/v1/x", "a=1&b")
    assert (found.length, found.keeps_alive, reader.rest) == (3, True, b"abcGET")
    assert dict(found.headers) == {"host": "gateway", "content-length": "3", "x-a": "b"}


@pytest.mark.parametrize(
    "line",
    [
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 5\r\ncontent-length: 6",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: -5",
        b"Content-Length: 0x5",
        b"Content-Length: 5 5",
        b"Content-Length: 5_0",
        b"Content-Length: \xd9\xa5",
        b"Content-Length:",
        b"Content-Length: 99999999999999999999999",
        b"Content-Length : 5",
        b"Content-Length\t: 5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: identity",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5",
        b"Content-Length: 5\r\nTRANSFER-ENCODING: xchunked",
        b"Transfer-Encoding:\x0bchunked",
        b"Content-Encoding: gzip",
        b"Expect: 100-continue",
        b"Connection: upgrade\r\nUpgrade: h2c",
        b"Upgrade: websocket",
        b"TE: trailers",
        b"Trailer: X-A",
        b"Host: other",
        b"Authorization: a\r\nAuthorization: b",
        b"X-A: b\r\n folded",
        b"X-A: b\r\n\tfolded",
        b"X-A: b\nX-B: c",
        b"X-A: b\rX-B: c",
        b"X-A: b\r\r\nX-B: c",
        b"X-A: b\x00c",
        b"X-A\x00: b",
        b"X A: b",
        b" X-A: b",
        b": b",
        b"X-A",
        b"X-A\xff: b",
    ],
)
def test_what_could_be_framed_in_two_ways_is_for_the_other_server(line: bytes) -> None:
    with pytest.raises(Unusual) as raised:
        read(with_line(line) + b"12345")
    assert raised.value.data == with_line(line) + b"12345"


@pytest.mark.parametrize(
    "target",
    [
        b"*", b"http://a/v1/models", b"gateway:80", b"/a#b", b"/a%20b", b"/a%2fb", b"/a?b=%20",
        b"/\xc3\xa4", b"/a\\b", b"/a b", b"/a\tb", b"/[a]", b"/{a}", b"/\x7f", b"?a", b"",
    ],
)  # fmt: skip
def test_a_target_that_has_to_be_decoded_or_explained_is_for_the_other_server(
    target: bytes,
) -> None:
    with pytest.raises(Unusual):
        read(with_target(target))


@pytest.mark.parametrize(
    "data",
    [
        b"PUT /a HTTP/1.1\r\n" + HOST + b"\r\n",
        b"HEAD /a HTTP/1.1\r\n" + HOST + b"\r\n",
        b"post /a HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /a HTTP/1.0\r\n" + HOST + b"\r\n",
        b"POST /a HTTP/2.0\r\n" + HOST + b"\r\n",
        b"POST /a HTTP/1.1 \r\n" + HOST + b"\r\n",
        b"POST /a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\nPOST /a HTTP/1.1\r\n" + HOST + b"\r\n",
        b"\nPOST /a HTTP/1.1\r\n" + HOST + b"\r\n",
        b"POST /a HTTP/1.1\nHost: a\n\n",
        b"POST /a HTTP/1.1\r\nX-A: b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"\x00",
        FIRST + HOST + b"X: y\r\n" * (MAX_HEADERS - 1) + b"X: y\r\n\r\n",
        FIRST + HOST + b"X-A: " + b"b" * MAX_HEAD_BYTES + b"\r\n\r\n",
        FIRST + HOST + b"X-A: " + b"b" * MAX_HEAD_BYTES,
    ],
)
def test_what_is_no_plain_request_is_for_the_other_server(data: bytes) -> None:
    with pytest.raises(Unusual) as raised:
        read(data)
    assert raised.value.data == data


@pytest.mark.parametrize(
    ("value", "keeps_alive"),
    [
        (b"keep-alive", True), (b"Keep-Alive", True), (b"x", True), (b"close", False),
        (b"xclose", True), (b"CLOSE", False), (b"x, close", False),
        (b"keep-alive\r\nConnection: close", False),
    ],
)  # fmt: skip
def test_a_connection_is_kept_unless_it_is_to_be_closed(value: bytes, keeps_alive: bool) -> None:
    found = read(with_line(b"Connection: " + value))
    assert found is not None
    assert found.keeps_alive is keeps_alive


def test_an_exception_says_nothing_of_what_was_sent() -> None:
    with pytest.raises(Unusual) as raised:
        read(b"secret")
    assert "secret" not in repr(raised.value) + str(raised.value)


# --- however it is cut ---


def outcome(data: bytes, cuts: list[int]) -> object:
    """What is read when the bytes come in these pieces: a head and its rest, or None."""
    reader = RequestReader()
    edges = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    for begin, end in pairwise(edges):
        try:
            found = reader.feed(data[begin:end])
        except Unusual as unusual:
            return "unusual" if unusual.data == data[:end] else "lost"
        if found is not None:
            return (*facts(found), reader.rest + data[end:])
    return None


def facts(found: RequestHead) -> tuple[object, ...]:
    return (
        found.method, found.path, found.query, found.length, found.keeps_alive,
        [(name, found.headers.getall(name)) for name in found.headers],
    )  # fmt: skip


FRAGMENTS = st.sampled_from(
    [
        b"X-A: b",
        b"x-a: c",
        b"Content-Length: 3",
        b"Content-Length: 03",
        b"content-length:3 ",
        b"Content-Length: 4",
        b"Content-Length: 0",
        b"Content-Length: +3",
        b"Host: other",
        b"Transfer-Encoding: chunked",
        b"transfer-encoding: Chunked",
        b"Transfer_Encoding: chunked",
        b"Connection: close",
        b"Connection: keep-alive",
        b"Connection: Close, te",
        b"Connection: close\t",
        b"Connection: upgrade",
        b"Upgrade: websocket",
        b"X-B:",
        b"X-C: \t d",
        b"X-D: \xc3\xa4\xff",
        b" folded",
        b"\tfolded",
        b"Expect: 100-continue",
        b"X E: f",
        b"Content-Encoding: gzip",
        b"Content-Type: a",
        b"Keep-Alive: 1",
        b"X-F: a\x00",
        b"X-G: \x0b",
        b"Proxy-Connection: close",
        b"Authorization: Bearer a",
        b"Server: a",
        b"User-Agent: b",
    ]
)
METHOD = st.sampled_from([b"POST", b"GET", b"GET", b"POST", b"get", b"PUT", b"POST "])
TARGET = st.one_of(
    st.sampled_from(
        [
            b"/",
            b"//",
            b"//a/b",
            b"/a//b",
            b"/a/../b",
            b"/a/./b",
            b"/..",
            b"/a?b=c",
            b"/a?b=1&b=2",
            b"/a?b+c=+d",
            b"/a?b;c=d",
            b"/a?",
            b"/a??b",
            b"/a#b",
            b"/%61",
            b"http://h/a",
            b"*",
            b"//u:p@h:1/a",
            b"/a:b@c",
            b"/a;b=c",
            b"/a?=",
            b"/a?&&",
            b"/a?b=c=d",
            b"///",
            b"/a?/..",
        ]
    ),
    st.text("/ab.?&=+;:@~-_!$'()*,/ab/ab/ab%#[]", max_size=12).map(
        lambda text: b"/" + text.encode()
    ),
)
VERSION = st.sampled_from([b"HTTP/1.1"] * 6 + [b"HTTP/1.0", b"HTTP/1.1 ", b"http/1.1", b"HTTP/1.2"])
ODDITIES = st.sampled_from([0, 0, 0, 0, 1, 2])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Of heads that are almost right."""
    lines = [draw(METHOD) + b" " + draw(TARGET) + b" " + draw(VERSION), HOST.rstrip()]
    lines += draw(st.lists(FRAGMENTS, max_size=5))
    return b"\r\n".join([*lines, b"", b""])


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """With a few bytes lost, changed or added."""
    data = bytearray(draw(requests()))
    for _ in range(draw(ODDITIES)):
        at = draw(st.integers(0, len(data)))
        data[at : at + draw(st.integers(0, 1))] = draw(
            st.sampled_from([b"", b"\x00", b"\r", b"\n", b" ", b"\t", b":", b"\xff", b",", b"0"])
        )
    return bytes(data)


@given(mutated(), st.lists(st.integers(0, 300), max_size=6))
@example(PLAIN, list(range(len(PLAIN))))
@example(b"\n" + PLAIN, [1])
@example(b"\r\n" + PLAIN, [1, 2])
def test_how_bytes_are_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    whole = outcome(data, [])
    cut = outcome(data, cuts)
    # What will never be plain may be found out with less of it.
    if cut != whole:
        assert (whole, cut) == (None, "unusual")
        assert outcome(data + b"\r\n\r\n", []) == "unusual"


# --- as aiohttp has it ---


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def as_aiohttp_reads(loop: asyncio.AbstractEventLoop, data: bytes) -> list[tuple[Any, Any]]:
    """The messages and bodies, up to what is malformed."""
    parser = HttpRequestParser(
        BaseProtocol(loop), loop, 2**16, max_line_size=8190, max_field_size=8190, max_headers=128
    )
    return list(parser.feed_data(data)[0])


@settings(max_examples=1500)
@given(mutated(), mutated())
@example(PLAIN, PLAIN)
def test_what_is_plain_is_to_aiohttp_the_same_request(
    loop: asyncio.AbstractEventLoop, data: bytes, more: bytes
) -> None:
    reader = RequestReader()
    data += b"abc" + more
    try:
        found = reader.feed(data)
    except Unusual:
        return
    if found is None:
        return
    length = len(data) - len(reader.rest) + found.length
    try:
        messages = as_aiohttp_reads(loop, data[:length])
    except HttpProcessingError as error:
        raise AssertionError("aiohttp would have refused it") from error
    if length > len(data):
        assert [message.should_close for message, _ in messages] == [not found.keeps_alive]
        return
    # Its body ends where we say it does: there is one message, all of it, and nothing behind it.
    ((message, body),) = messages
    assert body.is_eof()
    assert b"".join(getattr(body, "_buffer", ())) == reader.rest[: found.length]
    assert (message.method, message.url.path) == (found.method, found.path)
    assert message.url.query_string == found.query.replace("+", " ")
    assert message.should_close is not found.keeps_alive
    assert (message.chunked, message.compression, message.upgrade) == (False, None, False)
    assert tuple(message.version) == (1, 1)
    seen = [(name.decode().lower(), value.strip(b" \t")) for name, value in message.raw_headers]
    ours = [(name, value) for name in found.headers for value in found.headers.getall(name)]
    assert sorted(seen) == sorted(
        (name, value.encode("utf-8", "surrogateescape")) for name, value in ours
    )
