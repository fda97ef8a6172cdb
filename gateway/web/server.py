"""The callers' port: plain requests over our own protocol, all others over aiohttp's."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from gateway.ports import Clock
from gateway.web.aiohttp_requests import AiohttpServer, Refuse
from gateway.web.connections import Connections
from gateway.web.http1.connection import KEEPALIVE_SECONDS, CallerConnection
from gateway.web.http1.outgoing import Date
from gateway.web.http1.request import Http1Request
from gateway.web.inbound import Inbound
from gateway.web.responses import Response

BACKLOG = 1024


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
        self._answer = answer
        self._loop = asyncio.get_running_loop()
        self._open: set[CallerConnection] = set()
        self._server: asyncio.Server | None = None
        self._others = AiohttpServer(
            answer,
            refuse,
            self.date,
            KEEPALIVE_SECONDS,
            connections.opened,
            connections.closed,
            connections.is_due,
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
        tasks = [each.task for each in self._open if each.task is not None]
        async with asyncio.TaskGroup() as both:
            both.create_task(self._others.shutdown(seconds))
            if tasks:
                both.create_task(_ended(tasks, seconds))
        for connection in list(self._open):
            connection.close()

    # --- for connections ---

    def opened(self, connection: CallerConnection) -> None:
        """See connection.Owner."""
        self._open.add(connection)
        self._ages.opened(connection)

    def closed(self, connection: CallerConnection) -> None:
        """See connection.Owner."""
        self._open.discard(connection)
        self._ages.closed(connection)

    def is_aged(self, connection: CallerConnection) -> bool:
        """See connection.Owner."""
        return self._ages.is_due(connection)

    def answer(self, request: Http1Request) -> Awaitable[Response | None]:
        """See connection.Owner."""
        return self._answer(request)

    def take_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """See connection.Owner."""
        self._others.take_over(transport, data)


async def _ended(tasks: list[asyncio.Task[None]], seconds: float) -> None:
    """Wait for them; what has not ended by then is cancelled."""
    _, late = await asyncio.wait(tasks, timeout=seconds)
    for task in late:
        task.cancel()
    if late:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait(late)
