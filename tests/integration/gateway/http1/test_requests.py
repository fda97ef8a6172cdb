"""Requests on one connection: order, bodies that come in pieces or not at all, and hand-overs."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from gateway.domain.errors import GatewayError
from gateway.web.http1 import body_timer
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from tests.servers.callers_port import MOST, NEVER, Caller, echo, get, listening, post

Run = Callable[[Coroutine[Any, Any, None]], None]
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def test_requests_follow_one_another_on_a_connection(run: Run) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            for body in (b"", b"a", b"b" * 300_000):
                caller.send(post(body, "/x"))
                head, answered = await caller.answer()
                assert answered == b"POST /x " + body
                assert b"connection" not in head.lower()

    run(main())


def test_a_request_may_come_byte_by_byte(run: Run) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            for byte in post(b"body" * 200, "/x"):
                caller.send(bytes([byte]))
                await asyncio.sleep(0)
            assert (await caller.answer())[1] == b"POST /x " + b"body" * 200

    run(main())


def test_pipelined_requests_are_answered_in_their_order(run: Run) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            paths = [f"/{number}" for number in range(300)]
            caller.send(b"".join(post(b"x" * 700, path) for path in paths))
            for path in paths:
                assert (await caller.answer())[1] == f"POST {path} ".encode() + b"x" * 700

    run(main())


def test_only_one_request_of_a_connection_is_under_way(run: Run) -> None:
    async def main() -> None:
        under_way: list[str] = []
        may_go_on = asyncio.Event()

        async def hold(request: Inbound) -> Response:
            under_way.append(request.path)
            await may_go_on.wait()
            return await echo(request)

        async with listening(hold) as port:
            caller, other = await port.call(), await port.call()
            caller.send(get("/1") + get("/2"))
            other.send(get("/other"))
            while "/other" not in under_way or "/1" not in under_way:
                await asyncio.sleep(0)
            assert "/2" not in under_way
            may_go_on.set()
            assert (await caller.answer())[1] == b"GET /1 "
            assert (await caller.answer())[1] == b"GET /2 "

    run(main())


@pytest.mark.parametrize("unusual", [CHUNKED, post(b"abc", "/c", "Expect: 100-continue\r\n")])
def test_what_is_unusual_is_answered_between_what_is_plain(run: Run, unusual: bytes) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            caller.send(get("/1") + unusual + get("/2") + unusual)
            assert (await caller.answer())[1] == b"GET /1 "
            await _expect(caller, b"POST /c abc")
            assert (await caller.answer())[1] == b"GET /2 "
            await _expect(caller, b"POST /c abc")

    run(main())


async def _expect(caller: Caller, body: bytes) -> None:
    head = await caller.reader.readuntil(b"\r\n")
    if b" 100 " in head:
        await caller.reader.readuntil(b"\r\n")
    assert (await caller.answer())[1] == body


@pytest.mark.parametrize(
    "request_",
    [get("/", "Connection: close\r\n"), b"GET / HTTP/1.0\r\n\r\n",
     b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"],
)  # fmt: skip
def test_a_connection_ends_where_the_caller_wants_it_or_is_old(run: Run, request_: bytes) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            caller.send(request_)
            head, _ = await caller.answer()
            assert b"\r\nConnection: close\r\n" in head
            assert await caller.rest() == b""

    run(main())


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\x01\x00", b"GET / HTTP/1.1\nHost: a\n\n", b"secret\r\n\r\n",
             post(b"abc", "/", "Content-Length: 3\r\n"), b"GET / HTTP/1.1\r\n\r\n",
             post(b"abc", "/", "Transfer-Encoding: chunked\r\n")],
)  # fmt: skip
def test_what_is_no_request_is_refused(
    run: Run, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            caller.send(data)
            answer = await caller.rest()
            head = answer.partition(b"\r\n\r\n")[0].lower() + b"\r\n"
            assert head.startswith(b"http/1.1 400 bad request\r\ndate: ")
            assert (b"\r\nserver: " in head, head.count(b"\r\nconnection: close\r\n")) == (False, 1)
            assert answer.count(b"HTTP/1.") == 1
            assert b"secret" not in answer

    with caplog.at_level(logging.DEBUG):
        run(main())
    assert "secret" not in caplog.text


async def turn_away(request: Inbound) -> Response:
    """Without reading the body."""
    return Response(401, {}, b"no")


def test_a_body_nobody_wants_is_skipped_and_the_connection_used_again(run: Run) -> None:
    async def main() -> None:
        async with listening(turn_away) as port:
            caller = await port.call()
            whole = post(b"x" * 500_000)
            caller.send(whole[:1000])
            head, _ = await caller.answer()
            assert b"connection" not in head.lower()
            # The next one in the same piece as the end of the body.
            caller.send(whole[1000:] + get())
            assert (await caller.answer())[0].startswith(b"HTTP/1.1 401 ")

    run(main())


def test_a_caller_that_still_sends_a_large_body_can_read_the_answer(run: Run) -> None:
    async def main() -> None:
        async with listening(turn_away) as port:
            caller = await port.call()
            caller.send(post(b"x" * 8_000_000))
            await caller.writer.drain()
            head, body = await caller.answer()
            assert (body, b"Connection: close" in head) == (b"no", True)
            assert await caller.rest() == b""

    run(main())


def test_a_body_that_nobody_asks_for_is_not_gathered(run: Run) -> None:
    async def main() -> None:
        may_go_on = asyncio.Event()

        async def late(request: Inbound) -> Response:
            await may_go_on.wait()
            return await echo(request)

        async with listening(late) as port:
            caller = await port.call()
            caller.send(post(b"x" * 9_000_000))
            (connection,) = await _opened(port.server)
            await _still(lambda: connection._request.missing if connection._request else None)
            assert connection._request.missing > 8_000_000
            may_go_on.set()
            assert (await caller.answer())[1] == b"POST / " + b"x" * 9_000_000

    run(main())


async def _opened(server: Any) -> list[Any]:
    while not server._open:
        await asyncio.sleep(0)
    return list(server._open)


async def _still(look: Callable[[], object]) -> None:
    """Until it has not changed for many turns of the loop."""
    seen, turns = look(), 0
    while turns < 200 or seen is None:
        await asyncio.sleep(0.0001)
        turns = turns + 1 if look() == seen else 0
        seen = look()


async def timed(request: Inbound) -> Response:
    """The body, or why there is none."""
    try:
        return Response(200, {}, await request.body(MOST))
    except GatewayError as error:
        return Response(408, {}, error.fault.value.encode(), closes=True)


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
def test_a_body_that_does_not_come_is_given_up(
    run: Run, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body_timer, "LOOK_SECONDS", 0.01)

    async def main() -> None:
        async with listening(timed) as port:
            caller = await port.call()
            caller.send(first[:-1])
            assert (await caller.answer())[1] == b"caller_body_timeout"

    run(main())


@pytest.mark.parametrize("sent", [0, 1], ids=["first chunk", "second chunk"])
@pytest.mark.parametrize("wrong", [b"zz\r\n", b"-1\r\n", b"3 ;\r\nabcd\r\n"])
def test_a_chunk_that_is_none_is_told_at_once_whenever_it_comes(
    run: Run, sent: int, wrong: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Not only where it comes with the head."""
    head, chunk = CHUNKED.split(b"\r\n\r\n", 1)[0] + b"\r\n\r\n", b"3\r\nabc\r\n"

    async def main() -> None:
        is_read = asyncio.Event()

        async def reading(request: Inbound) -> Response:
            is_read.set()
            return await timed(request)

        async with listening(reading) as port:
            caller = await port.call()
            caller.send(head + chunk * sent)
            await is_read.wait()
            caller.send(wrong)
            assert (await caller.rest()).endswith(b"\r\n\r\ncaller_body_invalid")

    with caplog.at_level(logging.ERROR):
        run(main())
    assert caplog.text == ""


def test_a_body_that_cannot_be_unpacked_is_no_failure_of_ours(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with listening(timed) as port:
            caller = await port.call()
            caller.send(post(b"abcde", "/", "Content-Encoding: gzip\r\n"))
            assert (await caller.rest()).endswith(b"\r\n\r\ncaller_body_invalid")

    with caplog.at_level(logging.ERROR):
        run(main())
    assert caplog.text == ""


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
@pytest.mark.parametrize(("looks", "status"), [(1, b"200"), (2, b"408")])
def test_a_body_is_waited_for_while_it_comes(
    run: Run, first: bytes, looks: int, status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    timers: list[body_timer.BodyTimer] = []

    class Timer(body_timer.BodyTimer):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            timers.append(self)

    for module in ("http1.request", "aiohttp_requests"):
        monkeypatch.setattr(f"gateway.web.{module}.BodyTimer", Timer)
    monkeypatch.setattr(body_timer, "LEAST_BYTES", 2)
    end = first.index(b"abc")

    async def main() -> None:
        async with listening(timed) as port:
            caller = await port.call()
            caller.send(first[:end])
            while not timers:
                await asyncio.sleep(0)
            caller.send(first[end : end + 2])
            (timer,) = timers
            while timer._arrived() != 2:
                await asyncio.sleep(0)
            for _ in range(looks):
                timer._due()
            caller.send(first[end + 2 :])
            assert (await caller.answer())[0].split(b" ")[1] == status

    run(main())


def test_the_callers_address_is_known_in_either_family(run: Run) -> None:
    async def whose(request: Inbound) -> Response:
        return Response(200, {}, str(request.remote).encode())

    async def main() -> None:
        for host in ("127.0.0.1", "::1"):
            async with listening(whose, host) as port:
                caller = await port.call()
                caller.send(get() + CHUNKED)
                assert (await caller.answer())[1] == host.encode()
                assert (await caller.answer())[1] == host.encode()

    run(main())


@pytest.mark.parametrize("first", [get(), CHUNKED], ids=["plain", "unusual"])
def test_a_connection_is_as_old_as_it_was_whoever_reads_it(run: Run, first: bytes) -> None:
    async def aging(request: Inbound) -> Response:
        return Response(200, {}, str(request.is_aged).encode())

    async def main() -> None:
        async with listening(aging) as port:
            caller = await port.call()
            caller.send(get())
            assert (await caller.answer())[1] == b"False"
            port.clock.ahead = NEVER
            caller.send(first)
            assert (await caller.answer())[1] == b"True"

    run(main())
