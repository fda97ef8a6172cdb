"""An upstream at the level of bytes: it plays a script on a real socket and watches the peer.

For what an HTTP server library would not let happen: bodies without their end, resets, silence.
"""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum


class Act(Enum):
    """What to do beside writing bytes."""

    CLOSE = "end the connection properly"
    RESET = "end it the hard way"
    SILENCE = "write nothing more, but stay"


Step = bytes | Act | asyncio.Event


@dataclass
class RawUpstream:
    """Answers every request with the same script."""

    script: Sequence[Step]
    requests: list[bytes] = field(default_factory=list)
    peer_left: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    written: int = 0
    url: str = ""

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                self.requests.append(await _read_request(reader))
                self.arrived.set()
                if not await self._play(reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            self.peer_left.set()
        finally:
            writer.close()

    async def _play(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for step in self.script:
            if isinstance(step, bytes):
                writer.write(step)
                await writer.drain()
                self.written += len(step)
            elif isinstance(step, asyncio.Event):
                await step.wait()
            elif step is Act.CLOSE:
                return False
            elif step is Act.RESET:
                _reset(writer)
                return False
            else:
                await reader.read(1)
                self.peer_left.set()
                return False
        return True


def head(content_type: str, status: str = "200 OK", extra: str = "") -> bytes:
    """The head of an answer with a chunked body."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n{extra}"
        "Transfer-Encoding: chunked\r\n\r\n"
    ).encode()


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; an empty one ends it."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


@asynccontextmanager
async def playing(upstream: RawUpstream) -> AsyncIterator[RawUpstream]:
    """Serve on loopback."""
    server = await asyncio.start_server(upstream.handle, "127.0.0.1", 0)
    upstream.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield upstream
    finally:
        server.close()


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    request = await reader.readuntil(b"\r\n\r\n")
    for line in request.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            request += await reader.readexactly(int(line.partition(b":")[2]))
    return request


def _reset(writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
