"""The bytes of a request's head."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.adapters.upstream_pool.destination import Destinations
from gateway.adapters.upstream_pool.request_head import MOST_KEPT, RequestHeads
from gateway.domain.headers import AttemptHeaders, Standing

THERE = Destinations(absolute=False).of("https://upstream.example/chat?a=b")
ACCEPTING = {"Accept": "application/json", "accept-encoding": "identity"}


def lines(method: str, headers: dict[str, str], length: int | None) -> list[str]:
    found = RequestHeads().encode(method, THERE, headers, length).decode()
    assert found.endswith("\r\n\r\n")
    return found.removesuffix("\r\n\r\n").split("\r\n")


def test_a_head_says_what_it_was_told_and_how_long_the_body_is() -> None:
    headers = {**ACCEPTING, "Content-Type": "application/json", "X-50%": "100%s"}
    assert lines("POST", headers, 3) == [
        "POST /chat?a=b HTTP/1.1",
        "Host: upstream.example",
        "Accept: application/json",
        "accept-encoding: identity",
        "Content-Type: application/json",
        "X-50%: 100%s",
        "Content-Length: 3",
    ]


@pytest.mark.parametrize(
    ("method", "length", "framing"),
    [
        ("GET", None, []),
        ("POST", None, ["Content-Length: 0"]),
        ("POST", 0, ["Content-Length: 0"]),
        ("POST", 1, ["Content-Type: application/octet-stream", "Content-Length: 1"]),
    ],
)
def test_what_nobody_said_is_added(method: str, length: int | None, framing: list[str]) -> None:
    assert lines(method, {}, length)[2:] == ["accept: */*", "accept-encoding: identity", *framing]


def test_nobody_else_says_where_a_message_ends() -> None:
    framing = {"content-length": "9", "Transfer-Encoding": "chunked", "HOST": "x", "Expect": "x"}
    assert lines("POST", {**framing, **ACCEPTING, "Connection": "close"}, 0)[2:] == [
        "Accept: application/json",
        "accept-encoding: identity",
        "Content-Length: 0",
    ]


def test_values_of_one_request_are_not_those_of_the_next() -> None:
    heads = RequestHeads()
    for value in ("one", "two"):
        assert f"X-A: {value}\r\n".encode() in heads.encode("POST", THERE, {"X-A": value}, 1)


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_header_cannot_begin_another_one(name: str, value: str) -> None:
    try:
        found = RequestHeads().encode("POST", THERE, {name: value, **ACCEPTING}, 0)
    except ValueError:
        return
    assert found.count(b"\n") == found.count(b"\r") == found.count(b"\r\n") <= 7
    assert b"\0" not in found


@pytest.mark.parametrize("method", ["", "GET /x HTTP/1.1\r\n", "P OST"])
def test_a_method_is_a_word(method: str) -> None:
    with pytest.raises(ValueError, match="no method"):
        RequestHeads().encode(method, THERE, {}, None)


def test_what_is_remembered_is_bounded() -> None:
    heads = RequestHeads()
    for number in range(2 * MOST_KEPT):
        heads.encode("POST", THERE, {f"X-{number}": "x"}, 0)
        assert len(heads._shapes) <= MOST_KEPT


# --- what stands ---

STANDING = {**ACCEPTING, "Authorization": "Bearer secret", "Content-Type": "application/json"}
ELSEWHERE = Destinations(absolute=False).of("https://upstream.example/responses")


def test_what_stands_is_written_as_anything_else_is() -> None:
    heads, standing = RequestHeads(), Standing(STANDING)
    for own in ({"X-Request-Id": "1", "x-a": "b"}, {"X-Request-Id": "2"}):
        found = heads.encode("POST", THERE, AttemptHeaders(standing, own), 3)
        assert found == heads.encode("POST", THERE, {**STANDING, **own}, 3)


def test_what_stands_follows_where_a_request_goes() -> None:
    heads, headers = RequestHeads(), AttemptHeaders(Standing(STANDING), {})
    for method, destination in (("POST", THERE), ("POST", ELSEWHERE), ("PUT", ELSEWHERE)):
        found = heads.encode(method, destination, headers, 3)
        assert found == heads.encode(method, destination, STANDING, 3)


@pytest.mark.parametrize("value", ["a\r\nX-B: c", "a\nb", "a\0", "\ud800"])
def test_neither_part_of_a_head_can_begin_another_header(value: str) -> None:
    odd, fine = {"X-A": value}, {"X-B": "c"}
    for standing, own in ((odd, fine), (fine, odd)):
        with pytest.raises(ValueError, match=r"more than one line|surrogates"):
            RequestHeads().encode("POST", THERE, AttemptHeaders(Standing(standing), own), 0)
