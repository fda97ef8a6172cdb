"""Callers of HTTP/1.0: their streams end with the connection, broken ones with a reset of it."""

import asyncio
from collections.abc import Callable, Coroutine
from socket import SO_RCVBUF, SO_SNDBUF, SOL_SOCKET
from typing import Any

import pytest

from gateway.web.http1 import resets
from gateway.web.http1.outgoing import Http1Outgoing
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from tests.servers.callers_port import Caller, echo, get, listening

Run = Callable[[Coroutine[Any, Any, None]], None]
OLD = b"GET / HTTP/1.0\r\n\r\n"
LARGE = b"x" * 200_000


async def _body(caller: Caller, length: int) -> bytes:
    head = await caller.head()
    assert b"transfer-encoding" not in head.lower()
    return await caller.reader.readexactly(length)


async def break_off(request: Inbound) -> None:
    """Half a stream, and an event that says so."""
    request.outgoing.begin({}, closes=False)
    request.outgoing.write(b"piece")
    request.outgoing.write(b"error event")
    request.outgoing.break_off()


def test_a_stream_that_was_whole_ends_as_a_connection_does(run: Run) -> None:
    async def stream(request: Inbound) -> None:
        request.outgoing.begin({}, closes=False)
        request.outgoing.write(LARGE)
        request.outgoing.end()

    async def main() -> None:
        async with listening(stream) as port:
            caller = await port.call()
            caller.send(OLD)
            assert await _body(caller, len(LARGE)) == LARGE
            assert await caller.rest() == b""

    run(main())


def test_a_stream_that_breaks_off_is_read_to_its_error_and_then_reset(run: Run) -> None:
    async def main() -> None:
        async with listening(break_off) as port:
            caller = await port.call()
            caller.send(OLD)
            assert await _body(caller, 16) == b"pieceerror event"
            with pytest.raises(ConnectionResetError):
                await caller.rest()

    run(main())


def test_a_caller_that_is_behind_still_gets_the_error_before_the_reset(run: Run) -> None:
    async def large(request: Inbound) -> None:
        request.outgoing.begin({}, closes=False)
        request.outgoing.write(LARGE * 50)
        request.outgoing.write(b"error event")
        request.outgoing.break_off()

    async def main() -> None:
        async with listening(large) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(OLD)
            # Longer than where nobody is behind.
            await asyncio.sleep(3 * resets.LOOK_SECONDS)
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert (await _body(caller, 50 * len(LARGE) + 11)).endswith(b"error event")
            with pytest.raises(ConnectionResetError):
                await caller.rest()

    run(main())


def test_a_stream_under_way_when_the_server_ends_is_reset(run: Run) -> None:
    is_there = asyncio.Event()

    async def wait(request: Inbound) -> None:
        request.outgoing.begin({}, closes=False)
        request.outgoing.write(b"piece")
        is_there.set()
        await asyncio.Event().wait()

    async def main() -> None:
        async with listening(wait) as port:
            caller = await port.call()
            caller.send(OLD)
            assert await _body(caller, 5) == b"piece"
            await port.server.close(0.001)
            with pytest.raises(ConnectionResetError):
                await caller.rest()

    run(main())


def test_a_caller_that_takes_nothing_does_not_find_half_an_answer_whole(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.web.server.KEEPALIVE_SECONDS", 0.05)

    async def large(request: Inbound) -> None:
        request.outgoing.begin({}, closes=False)
        request.outgoing.write(LARGE * 100)
        request.outgoing.end()

    async def main() -> None:
        async with listening(large) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(OLD)
            while not port.server._open:
                await asyncio.sleep(0)
            while port.server._open:
                await asyncio.sleep(0.001)
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            with pytest.raises(ConnectionResetError):
                await caller.rest()

    run(main())


@pytest.mark.parametrize(
    "request_", [OLD, get(extra="Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n"]
)
def test_a_caller_that_takes_no_rest_is_not_kept_however_little_it_is(
    run: Run, request_: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what lies below the mark at which the transport says that it is full."""
    monkeypatch.setattr("gateway.web.server.KEEPALIVE_SECONDS", 0.05)

    async def filling(request: Inbound) -> None:
        outgoing = request.outgoing
        assert isinstance(outgoing, Http1Outgoing)
        transport = outgoing._transport
        transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, 4096)
        outgoing.begin({}, closes=True)
        while transport.get_write_buffer_size() <= 20_000:
            outgoing.write(b"x" * 4000)
            await asyncio.sleep(0.0001)
        outgoing.end()

    async def main() -> None:
        async with listening(filling) as port:
            caller = await port.call()
            taking = caller.writer.get_extra_info("socket")
            taking.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(request_)
            while not port.server._open:
                await asyncio.sleep(0)
            while port.server._open:
                await asyncio.sleep(0.001)

    run(main())


def test_nobody_is_invited_who_does_not_know_invitations(run: Run) -> None:
    async def main() -> None:
        async with listening(echo) as port:
            caller = await port.call()
            caller.send(b"POST /x HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
            head, body = await caller.answer()
            assert (head.split(b"\r\n")[0], body) == (b"HTTP/1.1 200 OK", b"POST /x abc")

    run(main())


def test_a_whole_answer_is_not_reset(run: Run) -> None:
    async def whole(request: Inbound) -> Response:
        return Response(200, {}, LARGE)

    async def main() -> None:
        async with listening(whole) as port:
            caller = await port.call()
            caller.send(OLD)
            assert (await caller.answer())[1] == LARGE
            assert await caller.rest() == b""

    run(main())
