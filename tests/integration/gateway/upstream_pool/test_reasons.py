"""Why upstream cannot be reached: each reason comes about for real, on both event loops."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool import upstream as module
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.ports.upstream import UpstreamRequest
from tests.fakes.names import FakeNames
from tests.servers.certificates import Authority
from tests.servers.mounted import mount
from tests.servers.ports import free_ports
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing
from tests.servers.tls_upstream import playing_tls

HOST = "upstream.example"
CA = Authority()
PAIR = CA.issue(HOST)
NAMES = {HOST: ["127.0.0.1"], "inside.example": ["127.0.0.1"]}
WHOLE: list[Step] = [head("application/json"), chunk(b"{}"), chunk(b"")]
DEADLINES = Deadlines(first_byte=5, total=20)

Scene = Callable[[Path], Awaitable[None]]
Play = Callable[[Scene], None]


@asynccontextmanager
async def opened(
    ca_file: Path | None = None,
    *,
    proxy_url: str | None = None,
    names: Mapping[str, list[str]] = NAMES,
    limit: int = 10,
) -> AsyncIterator[PooledUpstream]:
    guard = Guard([HOST], FakeNames(names))
    async with open_upstream(ca_file, guard, DEADLINES, proxy_url, limit) as client:
        yield client


def post(url: str) -> UpstreamRequest:
    headers = {"Authorization": "Bearer the-token"}
    return UpstreamRequest("POST", f"{url}/chat?q=the-query", headers, b"the-prompt")


async def failure(client: PooledUpstream, url: str) -> UpstreamUnreachable:
    with pytest.raises(UpstreamUnreachable) as caught:
        async with client.send(post(url)):
            pass
    assert str(caught.value) == "Upstream cannot be reached."
    return caught.value


async def reason(client: PooledUpstream, url: str) -> Reason:
    return (await failure(client, url)).reason


def test_of_names_and_addresses(play: Play) -> None:
    async def scene(_: Path) -> None:
        (nobody,) = free_ports(1)
        async with opened() as client:
            assert await reason(client, "https://no.example") is Reason.NAME_NOT_FOUND
            assert await reason(client, f"https://{'x' * 70}.example") is Reason.NAME_NOT_FOUND
            assert await reason(client, "https://inside.example") is Reason.NOT_ALLOWED
            assert await reason(client, f"http://{HOST}:{nobody}") is Reason.REFUSED
            assert await reason(client, f"https://127.0.0.1:{nobody}") is Reason.REFUSED
            assert await reason(client, "ftp://x") is Reason.NOT_SENDABLE

    play(scene)


def test_of_certificates(play: Play) -> None:
    async def scene(directory: Path) -> None:
        other = mount(directory / "other", ca=Authority("another").ca)["ca"]
        async with playing_tls(RawUpstream(WHOLE), PAIR, HOST, directory / "tls") as upstream:
            async with opened(other) as client:
                assert await reason(client, upstream.url) is Reason.CERTIFICATE

    play(scene)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", Reason.NO_TLS),
        (b"SSH-2.0-OpenSSH_9.6\r\n", Reason.NO_TLS),
        # An alert of TLS: handshake_failure.
        (b"\x15\x03\x03\x00\x02\x02\x28", Reason.TLS_FAILED),
        (b"", Reason.CLOSED),
    ],
)
@pytest.mark.parametrize("is_reset", [False, True])
def test_of_what_is_no_tls(play: Play, said: bytes, expected: Reason, is_reset: bool) -> None:
    """A reset where some of the hello is unread."""

    async def scene(_: Path) -> None:
        loop = asyncio.get_running_loop()

        async def serve() -> None:
            connection, _ = await loop.sock_accept(listening)
            with connection:
                await loop.sock_recv(connection, 10 if is_reset else 65_536)
                await loop.sock_sendall(connection, said)

        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            port = listening.getsockname()[1]
            async with opened() as client, asyncio.TaskGroup() as tasks:
                tasks.create_task(serve())
                assert await reason(client, f"https://{HOST}:{port}") is expected

    play(scene)


def test_of_silence_and_of_no_room(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.1)

    async def scene(_: Path) -> None:
        async with playing(RawUpstream([Act.SILENCE])) as silent:
            port = silent.url.rpartition(":")[2]
            async with opened() as client:
                assert await reason(client, f"https://{HOST}:{port}") is Reason.TIMED_OUT
            async with opened(limit=1) as client, asyncio.TaskGroup() as tasks:
                # Whoever waits for its room gets that in the same moment.
                dialing = tasks.create_task(reason(client, f"https://{HOST}:{port}"))
                await asyncio.sleep(0.02)
                tasks.create_task(reason(client, f"https://{HOST}:{port}"))
            assert dialing.result() is Reason.TIMED_OUT
        script: list[Step] = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
        async with playing(RawUpstream(script)) as busy, opened(limit=1) as client:
            async with client.send(post(busy.url)):
                assert await reason(client, busy.url) is Reason.NO_ROOM

    play(scene)


def test_of_proxies(play: Play) -> None:
    async def scene(_: Path) -> None:
        (nobody,) = free_ports(1)
        nowhere = f"http://127.0.0.1:{nobody}"
        for proxy in (nowhere, "http://no.example:3128"):
            async with opened(proxy_url=proxy) as client:
                assert await reason(client, f"https://{HOST}") is Reason.PROXY_UNREACHABLE
        refusal = b"HTTP/1.1 403 Forbidden\r\n\r\n"
        scripts: list[list[Step]] = [[refusal, Act.CLOSE], [Act.RESET]]
        for script in scripts:
            async with playing(RawUpstream(script)) as proxy_server:
                async with opened(proxy_url=proxy_server.url) as client:
                    assert await reason(client, f"https://{HOST}") is Reason.PROXY_REFUSED

    play(scene)


def test_of_what_is_no_http_or_ends_before_its_head(play: Play) -> None:
    async def scene(_: Path) -> None:
        cases: list[tuple[list[Step], Reason]] = [
            ([b"SSH-2.0-OpenSSH_9.6\r\n\r\n", Act.SILENCE], Reason.NO_HTTP),
            ([b"HTTP/1.1 200 OK\r\nX-", Act.CLOSE], Reason.CLOSED),
            ([Act.CLOSE], Reason.CLOSED),
            ([Act.RESET], Reason.CLOSED),
        ]
        for script, expected in cases:
            async with playing(RawUpstream(script)) as upstream, opened() as client:
                found = await failure(client, upstream.url)
                assert (found.reason, found.blames_account) == (expected, True)

    play(scene)


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
def test_a_connection_that_had_been_idle_and_ends_unanswered_is_not_the_accounts_fault(
    play: Play, end: Act
) -> None:
    async def scene(_: Path) -> None:
        upstream = RawUpstream(WHOLE)
        async with playing(upstream), opened() as client:
            async with client.send(post(upstream.url)) as reply:
                await reply.read(100)
            upstream.script = [end]
            found = await failure(client, upstream.url)
            assert (found.reason, found.blames_account) == (Reason.CLOSED_IDLE, False)
            assert len(upstream.requests) == 2
            # The next one is new, so this is the account's.
            found = await failure(client, upstream.url)
            assert (found.reason, found.blames_account) == (Reason.CLOSED, True)

    play(scene)


def test_it_is_said_once_for_each_host_and_reason_without_what_was_sent(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(_: Path) -> None:
        (nobody,) = free_ports(1)
        async with opened() as client:
            for _turn in range(3):
                await failure(client, f"http://{HOST}:{nobody}")
                await failure(client, "https://no.example")
            await failure(client, "the-token")
        lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
        assert [(line.getMessage(), line.__dict__["fields"]) for line in lines] == [
            (
                "upstream cannot be reached",
                {"host": host, "port": port, "reason": why},
            )
            for host, port, why in (
                (HOST, nobody, "refused"),
                ("no.example", 443, "name_not_found"),
                (None, None, "not_sendable"),
            )
        ]

    play(scene)


def test_a_get_that_is_answered_in_the_end_is_no_trouble(
    play: Play, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(_: Path) -> None:
        upstream = RawUpstream(WHOLE)
        async with playing(upstream), opened() as client:
            async with client.send(post(upstream.url)) as reply:
                await reply.read(100)
            (connection,) = client.pool._open
            asyncio.get_running_loop().call_soon(connection._transport.abort)
            async with client.send(UpstreamRequest("GET", upstream.url, {})) as reply:
                assert await reply.read(100) == b"{}"
        assert caplog.records == []

    play(scene)
