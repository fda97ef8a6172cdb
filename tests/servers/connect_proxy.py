"""A forward proxy as companies have them: CONNECT for TLS, absolute URLs for plain http.

It resolves names itself, from a table: a test sees that nobody else had to. It can ask for a user
name and password.
"""

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

MOST_HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Asked:
    """A request to the proxy. headers: names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]


@dataclass
class ConnectProxy:
    """Forwards to the addresses of `names`, and keeps what it was asked and what passed."""

    names: Mapping[str, str] = field(default_factory=dict)
    credentials: str | None = None
    """`user:password` to ask for."""
    asked: list[Asked] = field(default_factory=list)
    passed_up: bytearray = field(default_factory=bytearray)
    """All bytes that went to servers."""
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            asked = _read(head)
            self.asked.append(asked)
            if not self._knows(asked):
                await _refuse(writer, "407 Proxy Authentication Required")
            elif asked.method == "CONNECT":
                await self._tunnel(asked, reader, writer)
            else:
                await self._forward(asked, head, reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _knows(self, asked: Asked) -> bool:
        if self.credentials is None:
            return True
        expected = "Basic " + base64.b64encode(self.credentials.encode()).decode()
        return asked.headers.get("proxy-authorization") == expected

    async def _tunnel(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, _, port = asked.target.rpartition(":")
        try:
            server = await self._connect(host, int(port))
        except OSError:
            await _refuse(writer, "502 Bad Gateway")
            return
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._join(reader, writer, *server)

    async def _forward(
        self,
        asked: Asked,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """One request and whatever follows on its connection, to the server of its URL."""
        parts = urlsplit(asked.target)
        server = await self._connect(parts.hostname or "", parts.port or 80)
        origin = head.replace(f"{parts.scheme}://{parts.netloc}".encode(), b"", 1)
        self.passed_up += origin
        server[1].write(origin)
        await self._join(reader, writer, *server)

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(self.names.get(host, host), port)

    async def _join(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        """Both ways, until either side ends; then both do."""
        try:
            async with asyncio.TaskGroup() as tasks:
                up = tasks.create_task(_copy(reader, server_writer, self.passed_up))
                down = tasks.create_task(_copy(server_reader, writer, bytearray()))
                await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
                up.cancel()
                down.cancel()
        finally:
            server_writer.close()


async def _copy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: bytearray
) -> None:
    try:
        while data := await reader.read(65_536):
            record += data
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        return


async def _refuse(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


def _read(head: bytes) -> Asked:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    pairs = (line.partition(":") for line in lines if line)
    return Asked(method, target, {name.lower(): value.strip() for name, _, value in pairs})


@asynccontextmanager
async def proxying(proxy: ConnectProxy) -> AsyncIterator[ConnectProxy]:
    """Serve on loopback."""
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0, limit=MOST_HEAD_BYTES)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
