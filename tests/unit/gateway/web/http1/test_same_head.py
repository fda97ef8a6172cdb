"""A head that is like the one before it on its connection is read as any other would be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.http1.request_reader import MOST_BYTES_KEPT, MOST_OTHERS, RequestReader, Unusual

LINES = (
    "Host: gateway", "Authorization: Bearer one", "Authorization: Bearer two", "x-request-id: 17",
    "x-request-id: 18", "Content-Length: 5", "content-length: 5", "Content-Length: 05",
    "Content-Length: 17", "Content-Length: 123456", "Content-Length: 1 7", "Content-Length: -5",
    "Content-Length: +5", "Content-Length: 99999999999999999999999", "X-Content-Length: 5",
    "Connection: close", "Transfer-Encoding: chunked", "Expect: 100-continue",
    "x: Content-Length: 5",
)  # fmt: skip
FIRST = ("POST /v1/messages HTTP/1.1", "POST /v1/messages?a=5 HTTP/1.1", "GET /v1/models HTTP/1.1")
HEADS = st.builds(
    lambda first, lines: "\r\n".join((first, "Host: g", *lines, "", "")).encode(),
    st.sampled_from(FIRST),
    st.lists(st.sampled_from(LINES[1:]), max_size=4),
)


def said(reader: RequestReader, text: bytes) -> object:
    """All that is read of a head; None for one that is not plain."""
    try:
        head = reader.feed(text)
    except Unusual:
        return None
    assert head is not None
    return (
        head.method,
        head.path,
        head.query,
        dict(head.headers),
        {name: list(head.headers.getall(name)) for name in head.headers},
        head.length,
        head.keeps_alive,
    )


@given(st.lists(HEADS, min_size=1, max_size=4), st.data())
def test_what_came_before_changes_nothing(heads: list[bytes], data: st.DataObject) -> None:
    reader = RequestReader()
    for text in heads:
        if said(reader, text) is None:
            return
    # Like one of them, but for a few bytes.
    text = data.draw(st.sampled_from(heads))
    for _ in range(data.draw(st.integers(0, 3))):
        place = data.draw(st.integers(0, len(text) - 5))
        text = (
            text[:place] + data.draw(st.sampled_from([b"", b"0", b"5", b" "])) + text[place + 1 :]
        )
    if b"\r\n\r\n" in text[:-4]:
        return
    assert said(reader, text) == said(RequestReader(), text)


BEFORE = b"POST /a HTTP/1.1\r\nHost: g\r\nContent-Length: 17\r\nx-request-id: 1\r\n\r\n"


@pytest.mark.parametrize(
    ("what", "other"),
    [
        (b"17", b"18"),
        (b"17", b"017"),
        (b"17", b"1 7"),
        (b"17", b"-7"),
        (b"17", b"+7"),
        (b"17", b""),
        (b"17", b"1_7"),
        (b"17", b"9" * 23),
        (b"17", b"17\r\nContent-Length: 18"),
        (b"id: 1", b"id: 2"),
        (b"id: 1", b"id: 11"),
        (b"id: 1", b"ID: 1"),
        (b"Host: g", b"Host: h"),
        (b"/a", b"/b"),
    ],
)
def test_one_that_is_nearly_like_it_is_another_one(what: bytes, other: bytes) -> None:
    reader, text = RequestReader(), BEFORE.replace(what, other)
    assert said(reader, BEFORE) is not None
    assert said(reader, text) == said(RequestReader(), text)


def test_the_length_of_the_next_request_is_its_own() -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: g\r\nContent-Length: %d\r\nx: y\r\n\r\n"
    reader = RequestReader()
    for length in (5, 5, 1234, 7, 0):
        found = reader.feed(head % length)
        assert found is not None
        assert (found.length, found.headers["content-length"]) == (length, str(length))


def with_id(number: int, more: bytes = b"") -> bytes:
    return b"POST /a HTTP/1.1\r\nHost: g\r\nContent-Length: 5\r\nx-id: %d%b\r\n\r\n" % (
        number,
        more,
    )


def test_of_a_long_head_nothing_is_kept() -> None:
    short, long = with_id(1), with_id(1, b"x" * MOST_BYTES_KEPT)
    reader = RequestReader()
    assert reader.feed(short) is reader.feed(short)
    assert reader.feed(long) is not reader.feed(long)


def test_where_heads_do_not_come_again_none_is_kept() -> None:
    reader = RequestReader()
    for number in range(MOST_OTHERS + 1):
        reader.feed(with_id(number))
    assert reader.feed(with_id(0)) is not reader.feed(with_id(0))


def test_heads_that_come_again_now_and_then_are_kept() -> None:
    reader = RequestReader()
    for number in range(3 * MOST_OTHERS):
        assert reader.feed(with_id(number)) is reader.feed(with_id(number))
