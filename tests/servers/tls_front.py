"""TLS in front of a plain server, with a certificate of a private authority."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.servers.certificates import Pair
from tests.servers.mounted import mount

COPY_BYTES = 64 * 1024


@dataclass
class TlsFront:
    """Hands what it decrypts to a port of this machine, and counts the connections."""

    port: int
    url: str = ""
    connections: int = 0

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        self.connections += 1
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            ways = (_copy(reader, server_writer), _copy(server_reader, writer))
            async with asyncio.TaskGroup() as both:
                tasks = [both.create_task(way) for way in ways]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    task.cancel()
        finally:
            server_writer.close()
            writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(COPY_BYTES):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def fronting_tls(
    front: TlsFront, pair: Pair, host: str, directory: Path
) -> AsyncIterator[TlsFront]:
    """Serve on loopback; its URL names `host`. directory: for the certificate and its key."""
    files = mount(directory, cert=pair.cert, key=pair.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["cert"], files["key"])
    server = await asyncio.start_server(front.handle, "127.0.0.1", 0, ssl=context)
    front.url = f"https://{host}:{server.sockets[0].getsockname()[1]}"
    try:
        yield front
    finally:
        server.close()
