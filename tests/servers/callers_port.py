"""The callers' port with a given function behind it, and a caller at the level of bytes.

Everything runs on an event loop of its own, either kind, and nothing may be left behind on it.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from gateway.web.connections import Connections
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from gateway.web.server import CallersServer
from runtime.clock import SystemClock

Answer = Callable[[Inbound], Awaitable[Response | None]]
MOST = 10_000_000
NEVER = 3600.0
MOST_SECONDS = 4
END = b"\r\n\r\n"


def run(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], main: Coroutine[Any, Any, None]
) -> None:
    """Run to its end; what the loop had to complain of is an error."""
    complaints: list[dict[str, Any]] = []
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.get_loop().set_exception_handler(lambda _, context: complaints.append(context))
        runner.run(asyncio.wait_for(main, MOST_SECONDS))
        gc.collect()
    assert complaints == []


async def echo(request: Inbound) -> Response:
    """Says what was read."""
    body = await request.body(MOST)
    return Response(200, {}, f"{request.method} {request.path} ".encode() + body)


def post(body: bytes, path: str = "/", extra: str = "") -> bytes:
    """A plain request."""
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


def get(path: str = "/", extra: str = "") -> bytes:
    """A plain request without a body."""
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n{extra}\r\n".encode()


@dataclass
class Caller:
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, data: bytes) -> None:
        """Without waiting."""
        self.writer.write(data)

    async def head(self) -> bytes:
        """An answer's."""
        return await self.reader.readuntil(END)

    async def answer(self) -> tuple[bytes, bytes]:
        """Head and body of a whole one."""
        head = await self.head()
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        return head, await self.reader.readexactly(length)

    async def rest(self) -> bytes:
        """All until the connection's end."""
        return await self.reader.read()

    def end(self) -> None:
        """Send nothing more, and take nothing more."""
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]
        self.writer.write_eof()

    def leave(self) -> None:
        """Properly."""
        self.writer.close()

    def break_off(self) -> None:
        """With a reset, where something is unread."""
        self.writer.transport.abort()


class LaterClock(SystemClock):
    """Ahead of the system's by so many seconds."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


@dataclass
class Port:
    """Where it listens."""

    clock: LaterClock
    server: CallersServer
    connections: Connections
    host: str
    callers: list[Caller] = field(default_factory=list)

    async def call(self, limit: int = 2**16) -> Caller:
        """Another connection."""
        caller = Caller(*await asyncio.open_connection(self.host, self.server.port, limit=limit))
        self.callers.append(caller)
        return caller


@asynccontextmanager
async def listening(answer: Answer = echo, host: str = "127.0.0.1") -> AsyncIterator[Port]:
    """On loopback; whoever wants to see a drain closes the server first."""
    clock = LaterClock()
    connections = Connections(clock, NEVER)
    server = CallersServer(connections, answer, refuse, clock)
    await server.listen(host, 0)
    port = Port(clock, server, connections, host)
    try:
        yield port
    finally:
        await server.close(0.01)
        for caller in port.callers:
            caller.break_off()
        # Transports end in the turn of the loop after the one in which they are told to.
        await asyncio.sleep(0.001)


def refuse(is_ours: bool) -> Response:
    """The answer to what is no request."""
    return Response(500 if is_ours else 400, {}, b"refused", closes=True)
