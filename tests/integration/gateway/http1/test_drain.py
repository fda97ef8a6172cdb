"""The end of the callers' port: idle connections at once, the others after their answers."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

import pytest

from gateway.web.http1.connection import CallerConnection
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from tests.servers.callers_port import NEVER, echo, get, listening, post

Run = Callable[[Coroutine[Any, Any, None]], None]
CHUNKED = b"POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
KINDS = pytest.mark.parametrize("first", [post(b"abc"), CHUNKED], ids=["plain", "unusual"])


class Held:
    """Answers when it may."""

    def __init__(self) -> None:
        self.is_there = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.was_cancelled = False

    async def __call__(self, request: Inbound) -> Response:
        self.is_there.set()
        try:
            await self.may_go_on.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return await echo(request)


@KINDS
def test_idle_connections_end_at_once(run: Run, first: bytes) -> None:
    async def main() -> None:
        async with listening() as port:
            silent, used = await port.call(), await port.call()
            used.send(first)
            await used.answer()
            number = port.server.port
            await port.server.close(NEVER)
            assert await silent.rest() == await used.rest() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(port.host, number)

    run(main())


@KINDS
def test_what_is_under_way_is_answered_and_its_connection_ends(run: Run, first: bytes) -> None:
    async def main() -> None:
        held = Held()
        async with listening(held) as port:
            caller = await port.call()
            caller.send(first + get("/not-any-more"))
            await held.is_there.wait()
            closing = asyncio.create_task(port.server.close(NEVER))
            await asyncio.sleep(0.001)
            assert not closing.done()
            held.may_go_on.set()
            assert (await caller.answer())[1].endswith(b" abc")
            assert await caller.rest() == b""
            await closing

    run(main())


@KINDS
def test_what_is_late_is_cancelled(run: Run, first: bytes) -> None:
    async def main() -> None:
        held = Held()
        async with listening(held) as port:
            caller = await port.call()
            caller.send(first)
            await held.is_there.wait()
            await port.server.close(0.001)
            assert held.was_cancelled
            # Without an answer, and perhaps by a reset.
            with suppress(ConnectionError):
                assert await caller.rest() == b""

    run(main())


@KINDS
def test_a_body_that_comes_during_the_drain_is_still_read(run: Run, first: bytes) -> None:
    async def main() -> None:
        held = Held()
        held.may_go_on.set()
        async with listening(held) as port:
            caller = await port.call()
            caller.send(first[:-1])
            await held.is_there.wait()
            closing = asyncio.create_task(port.server.close(NEVER))
            await asyncio.sleep(0.001)
            caller.send(first[-1:])
            assert (await caller.answer())[1].endswith(b" abc")
            await closing

    run(main())


def test_a_caller_that_is_slow_to_take_its_answer_gets_all_of_it(run: Run) -> None:
    async def large(request: Inbound) -> Response:
        return Response(200, {}, b"x" * 20_000_000)

    async def main() -> None:
        async with listening(large) as port:
            caller = await port.call()
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            caller.send(get())
            held = cast("set[CallerConnection]", port.server._open)
            while not any(each.task is None and each._is_behind for each in held):
                await asyncio.sleep(0)
            closing = asyncio.create_task(port.server.close(NEVER))
            await asyncio.sleep(0.001)
            assert not closing.done()
            caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
            assert len((await caller.answer())[1]) == 20_000_000
            await closing

    run(main())
