"""The callers' port: plain requests over our own protocol, all others over aiohttp's."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.ports.clock import Clock
from gateway.web.aiohttp_connections import AiohttpServer, Refuse
from gateway.web.connections import Connections
from gateway.web.http1.connection import KEEPALIVE_SECONDS, CallerConnection
from gateway.web.http1.outgoing import Date
from gateway.web.inbound import Inbound
from gateway.web.responses import Response

BACKLOG = 1024


class Connection(Protocol):
    """One caller's, whoever reads it."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """That of the request under way."""

    def close_if_idle(self) -> None:
        """Nothing more is to come over it."""

    def abort(self) -> None:
        """Whatever it is doing."""


class CallersServer:
    """Listens, and answers by one function. refuse: the answer to what is no request."""

    def __init__(
        self,
        connections: Connections,
        answer: Callable[[Inbound], Awaitable[Response | None]],
        refuse: Refuse,
        clock: Clock,
    ) -> None:
        self.date = Date(clock)
        self._ages = connections
        # What each request asks for is the function itself, without a method around it.
        self.answer = answer
        """See connection.Owner."""
        self.is_aged: Callable[[Connection], bool] = connections.is_due
        """See connection.Owner."""
        self._loop = asyncio.get_running_loop()
        self._refuse = refuse
        self._open: set[Connection] = set()
        self._emptied: asyncio.Future[None] | None = None
        """Where somebody waits for the last connection's end."""
        self._server: asyncio.Server | None = None
        self._others = AiohttpServer(
            answer,
            refuse,
            self.date,
            KEEPALIVE_SECONDS,
            self,
        )
        self.is_ending = False

    async def listen(self, host: str, port: int, *, shares_port: bool = False) -> None:
        """Raises OSError. shares_port: with other processes."""
        self._server = await self._loop.create_server(
            lambda: CallerConnection(self, self._loop),
            host,
            port,
            backlog=BACKLOG,
            reuse_port=shares_port or None,
        )

    @property
    def port(self) -> int:
        """Where it listens."""
        if self._server is None:
            raise RuntimeError("it does not listen")
        return int(self._server.sockets[0].getsockname()[1])

    def stop_listening(self) -> None:
        """No new connections; those there are go on."""
        if self._server is not None:
            self._server.close()

    async def close(self, seconds: float) -> None:
        """End all connections: idle ones now, the others after their answers, or by then."""
        self.stop_listening()
        self.is_ending = True
        for connection in list(self._open):
            connection.close_if_idle()
        await self._empty(seconds)
        late = list(self._open)
        tasks = [each.task for each in late if each.task is not None]
        for connection in late:
            connection.abort()
        if tasks:
            await asyncio.wait(tasks)

    async def _empty(self, seconds: float) -> None:
        """Wait until all connections have ended, but no longer than that."""
        if not self._open:
            return
        self._emptied = self._loop.create_future()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._emptied

    # --- for connections ---

    def opened(self, connection: Connection) -> None:
        """See connection.Owner."""
        self._open.add(connection)
        self._ages.opened(connection)

    def closed(self, connection: Connection) -> None:
        """See connection.Owner."""
        self._open.discard(connection)
        self._ages.closed(connection)
        if self._emptied is not None and not self._open and not self._emptied.done():
            self._emptied.set_result(None)

    def refuse(self, is_ours: bool) -> Response:
        """See connection.Owner."""
        return self._refuse(is_ours)

    def take_over(
        self, connection: CallerConnection, transport: asyncio.Transport, data: bytes
    ) -> None:
        """See connection.Owner."""
        handler = self._others.take_over(transport, data)
        self._ages.taken_over(handler, connection)
        self.closed(connection)
