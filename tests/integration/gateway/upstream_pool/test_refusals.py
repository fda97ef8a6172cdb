"""A refusal that comes, and ends the connection, while the body of its request is on the way."""

import asyncio
import errno
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.liveness import Silence
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.upstream import UpstreamRequest
from tests.fakes.names import FakeNames
from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.servers.refusing_upstream import PATIENCE_SECONDS, RefusingUpstream, refusing

HOST = "upstream.example"
CA = Authority()
PAIR = CA.issue(HOST)
LARGE = 8 * 1024 * 1024
REFUSAL = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno"
WITHOUT_LENGTH = b"HTTP/1.1 413 Too Large\r\nConnection: close\r\n\r\nno"

Scene = Callable[[Path], Awaitable[None]]
Play = Callable[[Scene], None]


@asynccontextmanager
async def opened(ca_file: Path | None = None, total: float = 10.0) -> AsyncIterator[PooledUpstream]:
    guard = Guard([HOST], FakeNames({HOST: ["127.0.0.1"]}))
    async with open_upstream(ca_file, guard, Deadlines(first_byte=5, total=total), None) as client:
        yield client
        await asyncio.sleep(0.01)
        assert client.pool.open == client.pool.taken == 0


async def refusal(client: PooledUpstream, url: str) -> tuple[int, bytes]:
    async with client.send(UpstreamRequest("POST", f"{url}/chat", {}, bytes(LARGE))) as reply:
        return reply.status, await reply.read(100)


def gone_before_the_second_piece(
    monkeypatch: pytest.MonkeyPatch, upstream: RefusingUpstream, *, is_seen: bool
) -> None:
    """The loop has had no chance to read the refusal. is_seen: whether the kernel is asked."""
    looks, is_over = 0, Silence.is_over

    def look(silence: Silence) -> bool:
        nonlocal looks
        looks += 1
        if looks == 1:
            return False
        assert upstream.gone.wait(PATIENCE_SECONDS)
        return is_seen and is_over(silence)

    monkeypatch.setattr(Silence, "is_over", look)


@pytest.mark.parametrize("answer", [REFUSAL, WITHOUT_LENGTH])
@pytest.mark.parametrize("is_seen", [True, False])
def test_a_refusal_counts_though_the_next_write_finds_the_connection_closed(
    play: Play, monkeypatch: pytest.MonkeyPatch, answer: bytes, is_seen: bool
) -> None:
    upstream = RefusingUpstream(answer)
    gone_before_the_second_piece(monkeypatch, upstream, is_seen=is_seen)

    async def scene(_: Path) -> None:
        with refusing(upstream):
            async with opened() as client:
                assert await refusal(client, upstream.url) == (413, b"no")

    play(scene)


def test_without_descriptors_to_read_what_is_left_the_request_ends_all_the_same(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = RefusingUpstream(REFUSAL)
    gone_before_the_second_piece(monkeypatch, upstream, is_seen=False)

    def used_up(*_: object) -> socket.socket:
        raise OSError(errno.EMFILE, "too many open files")

    async def scene(_: Path) -> None:
        with refusing(upstream):
            async with opened() as client:
                monkeypatch.setattr(socket, "fromfd", used_up)
                with pytest.raises(GatewayError) as caught:
                    await refusal(client, upstream.url)
                assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE

    play(scene)


def test_a_refusal_through_tls_is_read_before_the_next_piece_is_written(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a failed write leaves unread there is the loop's alone to decrypt."""
    upstream = RefusingUpstream(REFUSAL)
    gone_before_the_second_piece(monkeypatch, upstream, is_seen=True)

    async def scene(directory: Path) -> None:
        files = mount(directory, ca=CA.ca, cert=PAIR.cert, key=PAIR.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(files["cert"], files["key"])
        with refusing(upstream, HOST, context):
            async with opened(files["ca"]) as client:
                assert await refusal(client, upstream.url) == (413, b"no")

    play(scene)


def test_refusals_one_after_the_other_are_read_whenever_they_come(play: Play) -> None:
    upstream = RefusingUpstream(REFUSAL)

    async def scene(_: Path) -> None:
        with refusing(upstream):
            async with opened() as client:
                for _turn in range(20):
                    assert await refusal(client, upstream.url) == (413, b"no")

    play(scene)


def test_a_success_that_a_reset_ends_is_cut_off_as_before(
    play: Play, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = RefusingUpstream(b"HTTP/1.1 200 OK\r\n\r\nhalf of it")
    gone_before_the_second_piece(monkeypatch, upstream, is_seen=False)

    async def scene(_: Path) -> None:
        with refusing(upstream):
            async with opened() as client:
                with pytest.raises(GatewayError) as caught:
                    await refusal(client, upstream.url)
        assert caught.value.fault is Fault.UPSTREAM_CUT_OFF

    play(scene)


def test_after_the_head_of_a_refusal_nothing_more_is_sent(play: Play) -> None:
    """Whatever was sent would arrive: the server takes all, and does not end its answer."""

    async def scene(_: Path) -> None:
        took = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(REFUSAL[:-1])
            took.set_result(len(await reader.read(-1)))
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1024)
        async with server, opened(total=0.5) as client:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            with pytest.raises(GatewayError) as caught:
                await refusal(client, url)
            assert caught.value.fault is Fault.UPSTREAM_TIMEOUT
            assert await took < LARGE

    play(scene)
