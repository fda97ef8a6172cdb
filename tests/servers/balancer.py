"""A TCP balancer that behaves as a Kubernetes Service does.

New connections go in turn to the endpoints whose last readiness probe said yes; established ones
stay where they are, whatever becomes of their endpoint. It knows connections, not requests, and
tries nothing twice.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

PROBE_TIMEOUT_SECONDS = 1.0
COPY_BYTES = 64 * 1024


@dataclass
class Endpoint:
    """Where connections may go. ready_url: what is probed."""

    host: str
    port: int
    ready_url: str
    is_ready: bool = False
    connections: int = 0
    """How many it was ever given."""


@dataclass
class Balancer:
    """Spreads connections over the endpoints; a test adds and takes away endpoints."""

    probe_seconds: float
    endpoints: list[Endpoint] = field(default_factory=list)
    refused: int = 0
    """Connections for which there was no endpoint, or whose endpoint did not answer."""
    url: str = ""
    _turn: int = 0

    def add(self, url: str, ops_url: str) -> Endpoint:
        """One more endpoint; it gets connections once a probe has found it ready."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        endpoint = Endpoint(parts.hostname, parts.port, f"{ops_url}/readyz")
        self.endpoints.append(endpoint)
        return endpoint

    def remove(self, endpoint: Endpoint) -> None:
        """It gets no further connections; those it has stay."""
        self.endpoints.remove(endpoint)

    async def until_ready(self, endpoint: Endpoint) -> None:
        """Wait until it gets connections."""
        while not endpoint.is_ready:
            await asyncio.sleep(self.probe_seconds / 4)

    async def probe(self) -> None:
        """Ask all endpoints again and again. Ends by being cancelled."""
        while True:
            await asyncio.gather(*(_look(endpoint) for endpoint in self.endpoints))
            await asyncio.sleep(self.probe_seconds)

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, for as long as it lasts."""
        try:
            endpoint = self._next()
            if endpoint is None:
                self.refused += 1
                return
            try:
                server = await asyncio.open_connection(endpoint.host, endpoint.port)
            except OSError:
                self.refused += 1
                return
            endpoint.connections += 1
            await _join(reader, writer, *server)
        finally:
            # At once: what was to be sent has been, and the other side has ended.
            writer.transport.abort() if writer.is_closing() else writer.close()

    def _next(self) -> Endpoint | None:
        ready = [endpoint for endpoint in self.endpoints if endpoint.is_ready]
        if not ready:
            return None
        self._turn += 1
        return ready[self._turn % len(ready)]


async def _look(endpoint: Endpoint) -> None:
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
            endpoint.is_ready = await _answers_200(endpoint.ready_url)
    except (OSError, TimeoutError):
        endpoint.is_ready = False


async def _answers_200(url: str) -> bool:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        head = f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode())
        status_line = await reader.readline()
        return status_line.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()


async def _join(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    server_reader: asyncio.StreamReader,
    server_writer: asyncio.StreamWriter,
) -> None:
    """Both ways until both sides have ended, or one of them the hard way."""
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(_copy(reader, server_writer))
            both.create_task(_copy(server_reader, writer))
    except* ConnectionError:
        # A reset reaches the other side as one.
        server_writer.transport.abort()
        writer.transport.abort()
    finally:
        server_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(COPY_BYTES):
        writer.write(data)
        await writer.drain()
    with suppress(OSError, RuntimeError):
        writer.write_eof()


@asynccontextmanager
async def balancing(balancer: Balancer) -> AsyncIterator[Balancer]:
    """Serve on loopback, and probe."""
    server = await asyncio.start_server(balancer.handle, "127.0.0.1", 0)
    balancer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        probing = tasks.create_task(balancer.probe())
        try:
            yield balancer
        finally:
            probing.cancel()
            server.close()
