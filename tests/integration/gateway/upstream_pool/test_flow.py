"""Who is slow holds the other one back: bodies both ways, and the sink, over real sockets."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool.connection import PIECE_BYTES, READ_BYTES
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.reply import MOST_BYTES_WAITING, Reply
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.errors import GatewayError
from gateway.ports.upstream import UpstreamRequest
from tests.servers.raw_upstream import RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio

DEADLINES = Deadlines(first_byte=10, total=20)
LARGE = 16 * 1024 * 1024
"""More than the kernel keeps for one connection."""


@dataclass
class Caller:
    """A sink that stops taking when it has so much."""

    reply: Reply | None = None
    stops_at: int = LARGE * 2
    took: bytearray = field(default_factory=bytearray)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def finish(self, error: GatewayError | None) -> None:
        assert error is None
        self.over.set()

    def write(self, data: bytes) -> None:
        self.took += data
        if len(self.took) >= self.stops_at and self.reply is not None:
            self.reply.pause()
            self.full.set()


@asynccontextmanager
async def answered(script: list[Step]) -> AsyncIterator[tuple[RawUpstream, Reply]]:
    upstream = RawUpstream(script)
    async with asyncio.timeout(20), playing(upstream), opened() as client:
        async with client.send(UpstreamRequest("POST", upstream.url, {}, b"{}")) as reply:
            assert isinstance(reply, Reply)
            yield upstream, reply


@asynccontextmanager
async def opened() -> AsyncIterator[PooledUpstream]:
    async with open_upstream(None, Guard([]), DEADLINES, None) as client:
        yield client


async def standstill(upstream: RawUpstream) -> None:
    """Until upstream has written nothing for a while."""
    before = -1
    while before != upstream.written:
        before = upstream.written
        await asyncio.sleep(0.05)


def stream(size: int) -> list[Step]:
    return [head("x/y"), *[chunk(b"x" * 65_536)] * (size // 65_536), chunk(b"")]


async def test_a_reader_that_reads_nothing_keeps_a_bounded_piece_of_the_body() -> None:
    async with answered(stream(LARGE)) as (upstream, reply):
        await standstill(upstream)
        assert upstream.written < LARGE
        assert MOST_BYTES_WAITING < reply._waiting <= MOST_BYTES_WAITING + READ_BYTES
        assert sum([len(each) async for each in reply.chunks()]) == LARGE


async def test_a_sink_that_is_full_holds_upstream_back() -> None:
    async with answered(stream(LARGE)) as (upstream, reply):
        caller = Caller(reply, stops_at=MOST_BYTES_WAITING)
        reply.pour(caller)
        await caller.full.wait()
        await standstill(upstream)
        assert len(caller.took) <= MOST_BYTES_WAITING + READ_BYTES
        assert upstream.written < LARGE
        caller.stops_at = LARGE * 2
        reply.resume()
        await caller.over.wait()
        assert caller.took == b"x" * LARGE


async def test_after_the_first_chunk_the_rest_is_poured() -> None:
    go_on = asyncio.Event()
    script: list[Step] = [head("x/y"), chunk(b"a"), go_on, chunk(b"b"), chunk(b"c"), chunk(b"")]
    async with answered(script) as (_, reply):
        assert await anext(aiter(reply.chunks())) == b"a"
        caller = Caller()
        asyncio.get_running_loop().call_soon(go_on.set)
        reply.pour(caller)
        await caller.over.wait()
        assert caller.took == b"bc"


async def test_a_server_that_does_not_read_is_not_run_over() -> None:
    """What it has not taken waits as the one copy there is, and goes on when it reads.

    Should the callback fail, the server waits for good.
    """
    took = asyncio.Queue[bytes]()
    go_on = asyncio.Event()

    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        request = await reader.readuntil(b"\r\n\r\n")
        took.put_nowait(await reader.readexactly(LARGE))
        assert b"Content-Length: %d\r\n" % LARGE in request
        writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
        await reader.read(1)
        writer.close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        server = await asyncio.start_server(slow, sock=listening)
        body = bytes(range(256)) * (LARGE // 256)
        async with asyncio.timeout(20), server, opened() as client:
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"

            def look() -> None:
                (connection,) = client.pool._open
                assert 0 < connection._transport.get_write_buffer_size() < 2 * PIECE_BYTES
                go_on.set()

            asyncio.get_running_loop().call_later(0.1, look)
            async with client.send(UpstreamRequest("POST", url, {}, body)) as reply:
                assert reply.status == 204
            assert took.get_nowait() == body
            assert (client.pool.open, client.pool.resting) == (1, 1)


async def test_a_reader_that_is_held_back_still_has_a_deadline() -> None:
    upstream = RawUpstream(stream(LARGE))
    short = Deadlines(first_byte=5, total=0.3)
    async with playing(upstream), open_upstream(None, Guard([]), short, None) as client:
        async with client.send(UpstreamRequest("POST", upstream.url, {}, b"{}")):
            async with asyncio.timeout(5):
                await upstream.peer_left.wait()
