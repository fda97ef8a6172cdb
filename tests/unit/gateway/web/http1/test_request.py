"""A request's body as it arrives: all of it, and no more than it takes."""

import asyncio

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.web.headers import Headers
from gateway.web.http1.outgoing import Date, Http1Outgoing
from gateway.web.http1.request import MOST_PIECES, Http1Request
from gateway.web.http1.request_reader import RequestHead
from runtime.clock import SystemClock

pytestmark = pytest.mark.anyio
MOST = 1_000_000


class Carrier:
    """Counts how often its reading was to go on."""

    is_aged = False

    def __init__(self) -> None:
        self.told = 0

    def go_on_reading(self) -> None:
        self.told += 1


def request_of(length: int, query: str = "", carrier: Carrier | None = None) -> Http1Request:
    head = RequestHead("POST", "/", query, Headers(), length, keeps_alive=True)
    outgoing = Http1Outgoing(asyncio.Transport(), Date(SystemClock()))
    return Http1Request(head, None, outgoing, carrier or Carrier())


async def test_what_is_behind_the_body_is_given_back() -> None:
    request = request_of(5)
    assert request.feed(b"abc") == b""
    assert request.feed(b"deGET") == b"GET"
    assert (request.missing, await request.body(MOST)) == (0, b"abcde")


async def test_a_body_in_one_piece_is_not_copied() -> None:
    request, piece = request_of(100_000), b"x" * 100_000
    request.feed(piece)
    assert await request.body(MOST) is piece


async def test_a_body_byte_by_byte_takes_little_more_than_its_bytes() -> None:
    size = MOST_PIECES * 40
    request = request_of(size)
    expected = bytes(number % 251 for number in range(size))
    for number in range(size):
        request.feed(expected[number : number + 1])
    assert len(request._pieces) <= 2 * MOST_PIECES
    assert await request.body(MOST) == expected


async def test_reading_goes_on_once_the_body_is_asked_for() -> None:
    carrier = Carrier()
    request = request_of(10, carrier=carrier)
    request.feed(b"abcd")
    assert request.unasked == 4
    reading = asyncio.create_task(request.body(MOST))
    await asyncio.sleep(0)
    assert (carrier.told, request.unasked) == (1, 0)
    request.feed(b"efghij")
    assert await reading == b"abcdefghij"


async def test_a_body_announced_as_too_large_is_refused_before_it_comes() -> None:
    with pytest.raises(GatewayError) as raised:
        await request_of(MOST + 1).body(MOST)
    assert raised.value.fault is Fault.CALLER_BODY_TOO_LARGE


async def test_a_body_nobody_wants_is_not_kept() -> None:
    request = request_of(10)
    request.feed(b"abcd")
    request.skip()
    assert (request._pieces, request.unasked, request.missing) == ([], 0, 6)


@pytest.mark.parametrize(
    ("query", "value"),
    [("a=1", "1"), ("b=2&a=1&a=3", "1"), ("a", ""), ("a=", ""), ("b=a", None), ("a=x+y", "x y")],
)
async def test_the_first_parameter_with_a_name_counts(query: str, value: str | None) -> None:
    assert request_of(0, query).parameter("a") == value
