"""Callers that leave, that do not take what they get, and handlers that fail: nothing is left."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, cast

import pytest

from gateway.web.http1 import connection as http1_connection
from gateway.web.http1.connection import CallerConnection
from gateway.web.http1.outgoing import Http1Outgoing
from gateway.web.http1.request import Http1Request
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from tests.servers.callers_port import MOST, Caller, echo, get, listening, post

Run = Callable[[Coroutine[Any, Any, None]], None]
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
LARGE = b"x" * 200_000
WAYS = {"properly": Caller.leave, "by reset": Caller.break_off, "by half": Caller.end}


class Endpoint:
    """Waits to be cancelled, at one of several points; writes on even then."""

    def __init__(self, at: str) -> None:
        self._at = at
        self.is_there = asyncio.Event()
        self.is_cancelled = asyncio.Event()

    async def __call__(self, request: Inbound) -> Response | None:
        try:
            await self._wait(request)
        except asyncio.CancelledError:
            self.is_cancelled.set()
            request.outgoing.write(b"last words")
            request.outgoing.end()
            request.outgoing.break_off()
            raise
        return None

    async def _wait(self, request: Inbound) -> None:
        if self._at == "body":
            self.is_there.set()
            await request.body(MOST)
        if self._at in ("stream", "behind"):
            request.outgoing.begin({}, closes=False)
            request.outgoing.write(b"piece")
        while self._at == "behind" and not request.outgoing.is_behind:
            request.outgoing.write(LARGE)
            await asyncio.sleep(0)
        self.is_there.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("at", ["body", "answer", "stream", "behind"])
@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
def test_a_caller_that_leaves_ends_its_request(run: Run, way: str, at: str, first: bytes) -> None:
    async def main() -> None:
        endpoint = Endpoint(at)
        async with listening(endpoint) as port:
            caller = await port.call()
            caller.send(first[:-1] if at == "body" else first)
            await endpoint.is_there.wait()
            WAYS[way](caller)
            await endpoint.is_cancelled.wait()
            await _gone(port.server)

    run(main())


async def _gone(server: Any) -> None:
    while server._open:
        await asyncio.sleep(0.0001)


def test_answers_that_are_not_taken_are_not_gathered(run: Run) -> None:
    async def main() -> None:
        answered = 0

        async def large(request: Inbound) -> Response:
            nonlocal answered
            answered += 1
            return Response(200, {}, LARGE)

        async with listening(large) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            seen, turns = 0, 0
            while turns < 100:
                caller.send(get())
                await asyncio.sleep(0.0001)
                turns = turns + 1 if answered == seen else 0
                seen = answered
            sent = answered + 100
            (connection,) = cast("set[CallerConnection]", port.server._open)
            assert connection._transport.get_write_buffer_size() < 3 * len(LARGE)
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(sent):
                assert (await caller.answer())[1] == LARGE

    run(main())


@pytest.mark.parametrize("first", [get(), get("/", "Connection: close\r\n"), CHUNKED])
def test_a_caller_that_takes_nothing_is_not_waited_for(
    run: Run, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1_connection, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr("gateway.web.server.KEEPALIVE_SECONDS", 0.05)

    async def very_large(request: Inbound) -> Response:
        return Response(200, {}, b"x" * 20_000_000)

    async def main() -> None:
        async with listening(very_large) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(first)
            while not port.server._open:
                await asyncio.sleep(0)
            await _gone(port.server)

    run(main())


@pytest.mark.parametrize("data", [b"", b"GET / HT", get() + b"POST /", b"PUT / HT"])
def test_a_connection_without_a_request_is_closed(
    run: Run, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1_connection, "KEEPALIVE_SECONDS", 0.05)
    monkeypatch.setattr("gateway.web.server.KEEPALIVE_SECONDS", 0.05)

    async def main() -> None:
        async with listening() as port:
            caller = await port.call()
            caller.send(data)
            assert (await caller.rest()).count(b"HTTP/1.1 200 ") == data.count(b"GET / HTTP/1.1")

    run(main())


def test_a_body_nobody_wants_is_not_waited_for_long(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1_connection, "LINGER_SECONDS", 0.05)

    async def turn_away(request: Inbound) -> Response:
        return Response(401, {}, b"no")

    async def main() -> None:
        async with listening(turn_away) as port:
            caller = await port.call()
            caller.send(post(b"abc")[:-1])
            assert (await caller.rest()).endswith(b"no")

    run(main())


class Pace:
    """Whoever writes a stream."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.may_go_on = asyncio.Event()

    def hold(self) -> None:
        self.told.append("hold")

    def go_on(self) -> None:
        self.told.append("go on")
        self.may_go_on.set()


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
def test_who_writes_a_stream_is_told_how_fast_it_may(run: Run, first: bytes) -> None:
    async def main() -> None:
        pace, is_behind = Pace(), asyncio.Event()
        written = 0

        async def stream(request: Inbound) -> None:
            nonlocal written
            outgoing = request.outgoing
            outgoing.follow(pace)
            outgoing.begin({}, closes=False)
            while not pace.told:
                outgoing.write(LARGE)
                written += len(LARGE)
                await asyncio.sleep(0)
            assert outgoing.is_behind
            is_behind.set()
            await pace.may_go_on.wait()
            assert not outgoing.is_behind
            outgoing.write(b"")
            outgoing.write(b"the end")
            outgoing.end()

        async with listening(stream) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(first)
            await is_behind.wait()
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            await caller.head()
            for _ in range(written // len(LARGE)):
                assert await caller.reader.readuntil(b"\r\n") == b"%x\r\n" % len(LARGE)
                await caller.reader.readexactly(len(LARGE) + 2)
            assert await caller.reader.readexactly(17) == b"7\r\nthe end\r\n0\r\n\r\n"
            assert pace.told == ["hold", "go on"]

    run(main())


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
@pytest.mark.parametrize("then", ["raise", "answer"])
def test_a_stream_that_has_begun_is_broken_off(
    run: Run, first: bytes, then: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(request: Inbound) -> Response:
        request.outgoing.begin({}, closes=False)
        request.outgoing.write(b"piece")
        if then == "raise":
            raise ValueError("secret")
        return Response(500, {}, b"another")

    async def main() -> None:
        async with listening(fail) as port:
            caller = await port.call()
            caller.send(first)
            assert (await caller.rest()).split(b"\r\n\r\n")[1] == b"5\r\npiece\r\n"

    run(main())
    assert "secret" not in caplog.text


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
@pytest.mark.parametrize("then", ["raise", "two lines"])
def test_what_fails_unexpectedly_is_answered_and_said_in_a_word(
    run: Run, first: bytes, then: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(request: Inbound) -> Response:
        if then == "raise":
            raise ValueError("secret")
        return Response(200, {"X-A": "b\r\nsecret: c"}, b"")

    async def main() -> None:
        async with listening(fail) as port:
            caller = await port.call()
            caller.send(first)
            head, body = await caller.answer()
            assert (head.split(b" ")[1], body) == (b"500", b"refused")
            assert await caller.rest() == b""

    with caplog.at_level(logging.INFO):
        run(main())
    assert [record.getMessage() for record in caplog.records] == ["the HTTP server failed"]
    assert "secret" not in caplog.text


@pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])
def test_a_caller_found_gone_is_no_failure_of_ours(
    run: Run, first: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def gone(request: Inbound) -> Response:
        raise ConnectionResetError

    async def main() -> None:
        async with listening(gone) as port:
            caller = await port.call()
            caller.send(first)
            assert await caller.rest() == b""

    run(main())
    assert caplog.records == []


async def at_any_pace(request: Inbound) -> Response | None:
    """As its path says."""
    if request.path == "/error":
        raise ConnectionResetError
    if request.path == "/wait":
        await asyncio.Event().wait()
    if request.path == "/stream":
        request.outgoing.begin({}, closes=False)
        request.outgoing.end()
        return None
    return await echo(request)


@pytest.fixture
def no_collector() -> Iterator[None]:
    """There are to be no cycles for it to find."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_nothing_keeps_a_connection_that_has_ended(run: Run) -> None:
    async def main() -> None:
        async with listening(at_any_pace) as port:
            for path in ("/", "/wait", "/stream", "/error", "/"):
                callers = [await port.call() for _ in range(20)]
                for caller in callers:
                    caller.send(post(b"abc", path) + get("/")[: len(path)])
                await asyncio.sleep(0.01)
                for caller in callers:
                    caller.leave()
            await _gone(port.server)
            await asyncio.sleep(0.01)
            kinds = (CallerConnection, Http1Request, Http1Outgoing)
            assert [type(each) for each in gc.get_objects() if type(each) in kinds] == []

    run(main())
