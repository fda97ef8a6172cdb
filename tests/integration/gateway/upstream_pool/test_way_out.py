"""Out to an upstream behind TLS, a proxy, several addresses; on both event loops."""

import asyncio
import os
import socket
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool import tunnel
from gateway.adapters.upstream_pool import upstream as module
from gateway.adapters.upstream_pool.connection import (
    READ_BYTES,
    TLS_BYTES_WAITING,
    Connection,
)
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.reply import MOST_BYTES_WAITING, Reply
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.upstream import UpstreamRequest
from runtime.version import VERSION
from tests.fakes.names import FakeNames
from tests.servers.certificates import Authority
from tests.servers.connect_proxy import ConnectProxy, proxying
from tests.servers.mounted import mount
from tests.servers.ports import free_ports
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing
from tests.servers.tls_upstream import playing_tls

HOST = "upstream.example"
CA = Authority()
PAIR = CA.issue(HOST)
DEADLINES = Deadlines(first_byte=5, total=20)
EVENTS = [b"data: one\n\n", b"data: two\n\n", b"data: [DONE]\n\n"]
SCRIPT: list[Step] = [head("text/event-stream"), *map(chunk, EVENTS), chunk(b"")]
NAMES = {HOST: ["127.0.0.1"]}
LARGE = 8 * 1024 * 1024

Scene = Callable[[Path], Awaitable[None]]


@asynccontextmanager
async def opened(
    directory: Path,
    *,
    proxy_url: str | None = None,
    names: Mapping[str, list[str]] = NAMES,
    private: list[str] | None = None,
    authority: Authority = CA,
) -> AsyncIterator[PooledUpstream]:
    ca_file = mount(directory / f"ca{id(authority)}", ca=authority.ca)["ca"]
    guard = Guard([HOST] if private is None else private, FakeNames(names))
    async with open_upstream(ca_file, guard, DEADLINES, proxy_url) as client:
        yield client
        await asyncio.sleep(0.01)
        assert client.pool.open == client.pool.resting == client.pool.taken


def post(url: str, body: bytes = b"the-prompt") -> UpstreamRequest:
    headers = {"Authorization": "Bearer the-token", "X-Initiator": "user"}
    return UpstreamRequest("POST", f"{url}/chat", headers, body)


async def ask(client: PooledUpstream, url: str) -> bytes:
    async with client.send(post(url)) as reply:
        return await reply.read(4096)


async def fault(client: PooledUpstream, url: str) -> Fault:
    with pytest.raises(GatewayError) as caught:
        await ask(client, url)
    assert HOST not in caught.value.message
    return caught.value.fault


def test_a_connection_through_tls_is_used_again(play: Callable[[Scene], None]) -> None:
    async def scene(directory: Path) -> None:
        upstream = RawUpstream(SCRIPT)
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"):
            async with opened(directory) as client:
                for _ in range(3):
                    assert await ask(client, upstream.url) == b"".join(EVENTS)
                assert client.pool.open == 1

    play(scene)


def test_large_bodies_go_both_ways_through_tls_and_wait_for_the_slower(
    play: Callable[[Scene], None],
) -> None:
    async def scene(directory: Path) -> None:
        script: list[Step] = [head("x/y"), *[chunk(b"x" * 65_536)] * (LARGE // 65_536), chunk(b"")]
        upstream = RawUpstream(script)
        body = bytes(range(256)) * (LARGE // 256)
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"):
            async with opened(directory) as client:
                async with client.send(post(upstream.url, body)) as reply:
                    assert isinstance(reply, Reply)
                    await asyncio.sleep(0.2)
                    # What was read, and what still is encrypted: one read may come on top of each.
                    assert reply._waiting <= MOST_BYTES_WAITING + READ_BYTES
                    assert isinstance(reply._line, Connection)
                    encrypted = cast(Any, reply._line._transport).get_read_buffer_size()
                    assert encrypted <= TLS_BYTES_WAITING + READ_BYTES
                    assert await reply.read(LARGE) == b"x" * LARGE
                assert client.pool.open == 1
        assert upstream.requests[0].endswith(body)

    play(scene)


def test_leaving_and_cancelling_close_a_tls_connection_at_once(
    play: Callable[[Scene], None],
) -> None:
    async def scene(directory: Path) -> None:
        upstream = RawUpstream([head("text/event-stream"), chunk(b"a"), Act.SILENCE])
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"):
            async with opened(directory) as client:
                async with client.send(post(upstream.url)) as reply:
                    assert await anext(aiter(reply.chunks())) == b"a"
                async with asyncio.timeout(1):
                    await upstream.peer_left.wait()

    play(scene)


def test_a_handshake_that_is_given_up_leaves_nothing_open(
    play: Callable[[Scene], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.1)

    async def scene(directory: Path) -> None:
        """To a server that never answers a hello, and one that is no TLS server."""
        for said in (b"", b"HTTP/1.1 400 No\r\n\r\n"):
            gone = asyncio.Event()

            async def play_dumb(
                reader: asyncio.StreamReader,
                writer: asyncio.StreamWriter,
                said: bytes = said,
                gone: asyncio.Event = gone,
            ) -> None:
                await reader.read(10)
                writer.write(said)
                if not said:
                    await reader.read(-1)
                gone.set()
                writer.close()

            server = await asyncio.start_server(play_dumb, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            async with server, opened(directory) as client:
                found = await fault(client, f"https://{HOST}:{port}")
                assert found is Fault.UPSTREAM_UNAVAILABLE
                await gone.wait()
                await asyncio.sleep(0.05)
                assert client.pool.taken == 0

    play(scene)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts in /proc")
def test_no_socket_stays_open(play: Callable[[Scene], None]) -> None:
    """Requests that are cancelled at any point of connecting, of TLS and of the answer."""

    async def scene(directory: Path) -> None:
        upstream = RawUpstream([head("x/y"), chunk(b"a"), Act.SILENCE])
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"):
            before = len(os.listdir("/proc/self/fd"))
            async with opened(directory) as client:
                for turns in range(60):
                    task = asyncio.create_task(fault(client, upstream.url))
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    task.cancel()
                    await asyncio.wait([task])
                    assert task.cancelled()
                async with asyncio.timeout(5):
                    while client.pool.taken:
                        await asyncio.sleep(0.01)
            while len(os.listdir("/proc/self/fd")) > before:
                await asyncio.sleep(0.01)

    play(scene)


def test_an_upstream_that_nobody_vouches_for_gets_nothing(play: Callable[[Scene], None]) -> None:
    async def scene(directory: Path) -> None:
        upstream = RawUpstream(SCRIPT)
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"):
            async with opened(directory, authority=Authority("another")) as client:
                assert await fault(client, upstream.url) is Fault.UPSTREAM_UNAVAILABLE
            other = {"other.example": ["127.0.0.1"]}
            async with opened(directory, names=other, private=["other.example"]) as client:
                url = upstream.url.replace(HOST, "other.example")
                assert await fault(client, url) is Fault.UPSTREAM_UNAVAILABLE
        assert upstream.requests == []

    play(scene)


def test_upstream_is_told_its_name_and_the_protocol(play: Callable[[Scene], None]) -> None:
    async def scene(directory: Path) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = mount(directory / "tls", cert=PAIR.cert, key=PAIR.key)
        context.load_cert_chain(files["cert"], files["key"])
        context.set_alpn_protocols(["h2", "http/1.1"])
        asked: list[str | None] = []
        context.sni_callback = lambda _, name, __: asked.append(name)
        chosen: list[str | None] = []

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            chosen.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
            await RawUpstream(SCRIPT).handle(reader, writer)

        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        async with server, opened(directory) as client:
            port = server.sockets[0].getsockname()[1]
            assert await ask(client, f"https://{HOST}:{port}") == b"".join(EVENTS)
        assert (asked, chosen) == ([HOST], ["http/1.1"])

    play(scene)


def test_a_stream_comes_through_a_proxy_that_sees_where_it_goes_and_nothing_else(
    play: Callable[[Scene], None],
) -> None:
    """Names are looked up over there."""

    async def scene(directory: Path) -> None:
        upstream, proxy = RawUpstream(SCRIPT), ConnectProxy({HOST: "127.0.0.1"})
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"), proxying(proxy):
            async with opened(directory, proxy_url=proxy.url, names={}) as client:
                for _ in range(2):
                    assert await ask(client, upstream.url) == b"".join(EVENTS)
        (asked,) = proxy.asked
        assert (asked.method, asked.target) == ("CONNECT", upstream.url.removeprefix("https://"))
        assert asked.headers["user-agent"] == f"copilot-gateway/{VERSION}"
        assert set(asked.headers) == {"host", "user-agent"}
        assert len(proxy.passed_up) > 0
        for secret in (b"the-token", b"the-prompt", b"data: one"):
            assert secret not in proxy.passed_up
        assert upstream.requests[0].startswith(b"POST /chat HTTP/1.1\r\nHost: " + HOST.encode())

    play(scene)


def test_plain_http_goes_through_the_proxy_too(play: Callable[[Scene], None]) -> None:
    async def scene(directory: Path) -> None:
        proxy = ConnectProxy()
        async with playing(RawUpstream(SCRIPT)) as upstream, proxying(proxy):
            async with opened(directory, proxy_url=proxy.url) as client:
                assert await ask(client, upstream.url) == b"".join(EVENTS)
        (asked,) = proxy.asked
        assert (asked.method, asked.target) == ("POST", f"{upstream.url}/chat")
        assert upstream.requests[0].startswith(b"POST /chat HTTP/1.1\r\n")

    play(scene)


@pytest.mark.parametrize(
    "answered",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"220 smtp\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * tunnel.MAX_ANSWER_BYTES + b"\r\n\r\n",
    ],
)
def test_a_proxy_that_does_not_connect_us_is_unavailable(
    play: Callable[[Scene], None], answered: bytes
) -> None:
    async def scene(directory: Path) -> None:
        async with playing(RawUpstream([answered, Act.CLOSE])) as proxy:
            async with opened(directory, proxy_url=proxy.url) as client:
                found = await fault(client, f"https://{HOST}")
                assert found is Fault.UPSTREAM_UNAVAILABLE
        assert len(proxy.requests) == 1

    play(scene)


def test_the_proxys_own_name_may_lead_inside_when_it_is_written_down(
    play: Callable[[Scene], None],
) -> None:
    async def scene(directory: Path) -> None:
        upstream, proxy = RawUpstream(SCRIPT), ConnectProxy({HOST: "127.0.0.1"})
        names = {"proxy.example": ["127.0.0.1"]}
        async with playing_tls(upstream, PAIR, HOST, directory / "tls"), proxying(proxy):
            url = proxy.url.replace("127.0.0.1", "proxy.example")
            async with opened(directory, proxy_url=url, names=names, private=[]) as client:
                assert await fault(client, upstream.url) is Fault.UPSTREAM_UNAVAILABLE
            assert proxy.asked == []
            known = ["proxy.example"]
            async with opened(directory, proxy_url=url, names=names, private=known) as client:
                assert await ask(client, upstream.url) == b"".join(EVENTS)

    play(scene)


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="other systems have 127.0.0.1 alone"
)
def test_an_address_that_refuses_or_says_nothing_does_not_keep_us_from_the_next(
    play: Callable[[Scene], None],
) -> None:
    async def scene(directory: Path) -> None:
        async with playing(RawUpstream(SCRIPT)) as upstream:
            port = int(upstream.url.rpartition(":")[2])
            names = {HOST: ["127.0.0.3", "127.0.0.2", "127.0.0.1"]}
            with Deaf("127.0.0.2", port):
                async with opened(directory, names=names) as client:
                    for _ in range(3):
                        async with client.send(post(f"http://{HOST}:{port}")) as reply:
                            assert reply.status == 200
            (nobody,) = free_ports(1)
            async with opened(directory, names=names) as client:
                found = await fault(client, f"http://{HOST}:{nobody}")
                assert found is Fault.UPSTREAM_UNAVAILABLE

    play(scene)


class Deaf:
    """An address at which connections are neither taken nor refused: its queue is full."""

    def __init__(self, address: str, port: int) -> None:
        self._where = (address, port)
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> None:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(self._where)
        listening.listen(0)
        self._sockets.append(listening)
        for _ in range(3):
            each = socket.socket()
            each.setblocking(False)
            each.connect_ex(self._where)
            self._sockets.append(each)

    def __exit__(self, *exception: object) -> None:
        for each in self._sockets:
            each.close()
