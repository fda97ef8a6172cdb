"""The connections there are: which is used, how many, who waits, and that none stays open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool import connection
from gateway.adapters.upstream_pool import upstream as module
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.destination import Target
from gateway.adapters.upstream_pool.reply import MOST_BYTES_WAITING
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.upstream import UpstreamRequest
from tests.servers.ports import free_ports
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio

GENEROUS = Deadlines(first_byte=10, total=20)
WHOLE: list[Step] = [head("application/json"), chunk(b"{}"), chunk(b"")]


def post(url: str) -> UpstreamRequest:
    return UpstreamRequest("POST", f"{url}/chat", {}, b"{}")


@asynccontextmanager
async def pooled(
    deadlines: Deadlines = GENEROUS, limit: int = 100
) -> AsyncIterator[PooledUpstream]:
    async with asyncio.timeout(15):
        async with open_upstream(None, Guard([]), deadlines, None, limit) as client:
            yield client
            await settled(client)
            assert client.pool.taken == client.pool.open == client.pool.resting
        assert (client.pool.taken, client.pool.open, client.pool.resting) == (0, 0, 0)


async def settled(client: PooledUpstream) -> None:
    """Connections that were dropped are told so in the loop's next turn."""
    for _ in range(3):
        await asyncio.sleep(0)


async def ask(client: PooledUpstream, url: str) -> bytes:
    async with client.send(post(url)) as reply:
        return await reply.read(1024)


async def test_one_after_the_other_uses_one_connection() -> None:
    async with playing(RawUpstream(WHOLE)) as upstream, pooled() as client:
        for _ in range(5):
            await ask(client, upstream.url)
            assert (client.pool.open, client.pool.resting) == (1, 1)


async def test_what_was_used_last_is_used_next_and_the_rest_grows_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "IDLE_CONNECTION_SECONDS", 0.2)
    async with playing(RawUpstream(WHOLE)) as upstream, pooled() as client:
        await asyncio.gather(*(ask(client, upstream.url) for _ in range(3)))
        assert client.pool.open == 3
        async with asyncio.timeout(5):
            while client.pool.open > 1:
                await ask(client, upstream.url)
                await asyncio.sleep(0.02)
        await ask(client, upstream.url)
        assert client.pool.open == 1


async def test_idle_connections_close_before_upstream_would(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connection, "IDLE_CONNECTION_SECONDS", 0.05)
    async with playing(RawUpstream(WHOLE)) as upstream, pooled() as client:
        await ask(client, upstream.url)
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()
        await settled(client)
        assert client.pool.open == 0


async def test_upstreams_own_word_for_how_long_it_waits_is_heeded() -> None:
    script: list[Step] = [head("x/y", extra="Keep-Alive: timeout=0\r\n"), chunk(b"{}"), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, pooled() as client:
        await ask(client, upstream.url)
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()
        await settled(client)
        assert client.pool.open == 0


async def test_a_connection_that_upstream_has_just_closed_is_not_used() -> None:
    """The loop has had no chance to see it: the kernel is asked."""
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), pooled() as client:
        await ask(client, upstream.url)
        (target,) = client.pool._idle
        (idle,) = client.pool._idle[target]
        idle._transport.pause_reading()
        upstream.script = [*WHOLE, Act.CLOSE]
        idle._transport.write(b"GET / HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        assert not idle.is_closed
        assert client.pool.take(target) is None
        await settled(client)


@pytest.mark.parametrize("more", [b"HTTP/1.1 200 OK\r\n\r\n", b"x"])
async def test_a_connection_over_which_more_comes_is_not_used_again(more: bytes) -> None:
    upstream = RawUpstream([*WHOLE, more])
    async with playing(upstream), pooled() as client:
        await ask(client, upstream.url)
        await asyncio.sleep(0.02)
        assert client.pool.open == 0


async def test_nor_is_one_over_which_as_much_as_an_empty_line_comes() -> None:
    later = asyncio.Event()
    async with playing(RawUpstream([*WHOLE, later, b"\r\n"])) as upstream, pooled() as client:
        await ask(client, upstream.url)
        assert client.pool.resting == 1
        later.set()
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()
        assert client.pool.open == 0


async def test_an_answer_that_nobody_read_leaves_a_connection_that_can_be_used() -> None:
    """The body is longer than what may wait: reading was paused when its end came."""
    body = b"x" * (MOST_BYTES_WAITING + 1_000)
    upstream = RawUpstream([head("x/y"), chunk(body), chunk(b"")])
    async with playing(upstream), pooled() as client:
        async with client.send(post(upstream.url)):
            while client.pool.resting == 0:
                await asyncio.sleep(0.01)
        async with client.send(post(upstream.url)) as reply:
            assert await reply.read(len(body)) == body
        assert client.pool.open == 1


async def test_a_get_is_not_sent_again_when_its_answer_has_begun() -> None:
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), pooled() as client:
        await ask(client, upstream.url)
        upstream.script = [b"HTTP/1.1 200 OK\r\n", Act.CLOSE]
        with pytest.raises(GatewayError):
            async with client.send(UpstreamRequest("GET", upstream.url, {})):
                pass
    assert len(upstream.requests) == 2


async def test_an_answer_that_comes_before_the_request_is_out_costs_the_connection() -> None:
    """The rest of the request would be read as the next one."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0, limit=1024)
    async with server, pooled() as client:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        request = UpstreamRequest("POST", url, {}, bytes(8 * 1024 * 1024))
        async with client.send(request) as reply:
            assert reply.status == 413
            assert await reply.read(10) == b"no"
        await settled(client)
        assert client.pool.open == 0


async def test_there_are_never_more_connections_than_may_be() -> None:
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), pooled(limit=3) as client:
        await asyncio.gather(*(ask(client, upstream.url) for _ in range(50)))
        assert client.pool.open <= 3
    assert len(upstream.requests) == 50


async def test_who_waits_in_vain_for_a_connection_has_sent_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CONNECT_SECONDS", 0.05)
    script: list[Step] = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream, pooled(limit=1) as client:
        async with client.send(post(upstream.url)):
            with pytest.raises(GatewayError) as caught:
                await ask(client, upstream.url)
        assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
        assert len(upstream.requests) == 1


async def test_an_idle_connection_makes_room_for_one_to_another_host() -> None:
    async with playing(RawUpstream(WHOLE)) as one, playing(RawUpstream(WHOLE)) as other:
        async with pooled(limit=1) as client:
            for url in (one.url, other.url, one.url):
                assert await ask(client, url) == b"{}"
            assert client.pool.open == 1


async def test_the_first_in_line_is_the_next_whatever_host_it_wants() -> None:
    held = asyncio.Event()
    script: list[Step] = [head("x/y"), held, chunk(b"{}"), chunk(b"")]
    async with playing(RawUpstream(script)) as one, playing(RawUpstream(WHOLE)) as other:
        async with pooled(limit=1) as client, asyncio.TaskGroup() as tasks:
            order: list[str] = []

            async def asking(url: str, name: str) -> None:
                await ask(client, url)
                order.append(name)

            for url, name in ((one.url, "a"), (other.url, "b"), (one.url, "c")):
                tasks.create_task(asking(url, name))
                await asyncio.sleep(0.02)
            held.set()
    assert order == ["a", "b", "c"]


async def test_who_leaves_the_line_keeps_no_connection() -> None:
    """Not even one that was given to it in the same turn of the loop."""
    async with playing(RawUpstream(WHOLE)) as upstream, pooled(limit=1) as client:
        target = await target_of(client, upstream.url)
        connection = client.pool.take(target)
        assert connection is not None
        waiting = asyncio.create_task(client.pool.room(target))
        await asyncio.sleep(0)
        client.pool.idle(connection)
        assert client.pool.resting == 0
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert client.pool.resting == 1


async def test_who_leaves_the_line_keeps_no_place() -> None:
    async with playing(RawUpstream(WHOLE)) as upstream, pooled(limit=1) as client:
        target = await target_of(client, upstream.url)
        connection = client.pool.take(target)
        assert connection is not None
        waiting = asyncio.create_task(client.pool.room(target))
        await asyncio.sleep(0)
        connection.drop()
        while client.pool.open:
            await asyncio.sleep(0)
        assert client.pool.taken == 1
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()
        assert client.pool.taken == 0


async def target_of(client: PooledUpstream, url: str) -> Target:
    """With one idle connection to it."""
    await ask(client, url)
    (target,) = client.pool._idle
    return target


async def test_closing_ends_what_is_going_on() -> None:
    script: list[Step] = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream, asyncio.TaskGroup() as tasks:
        async with open_upstream(None, Guard([]), GENEROUS, None, 1) as client:
            reading = tasks.create_task(fault_of(client, upstream.url))
            await upstream.arrived.wait()
            waiting = tasks.create_task(fault_of(client, upstream.url))
            await asyncio.sleep(0.02)
        assert await waiting is Fault.UPSTREAM_UNAVAILABLE
        reading.cancel()
        await upstream.peer_left.wait()
        assert client.pool.taken == 0
        assert await fault_of(client, upstream.url) is Fault.UPSTREAM_UNAVAILABLE


async def fault_of(client: PooledUpstream, url: str) -> Fault:
    with pytest.raises(GatewayError) as caught:
        await ask(client, url)
    return caught.value.fault


async def test_nothing_stays_open_however_requests_end() -> None:
    """Finished, failed, left in the middle, cancelled at any point, refused."""
    (nobody,) = free_ports(1)
    stream: list[Step] = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    scripts: list[list[Step]] = [
        WHOLE,
        stream,
        [Act.CLOSE],
        [Act.RESET],
        [*WHOLE[:2], Act.RESET],
        [b"junk\r\n\r\n"],
    ]

    async def one(client: PooledUpstream, url: str, turns: int) -> None:
        task = asyncio.get_running_loop().create_task(some(client, url))
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns % 2:
            task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None

    async with pooled(Deadlines(first_byte=0.2, total=0.3), limit=20) as client:
        for script in scripts:
            async with playing(RawUpstream(script)) as upstream:
                await asyncio.gather(*(one(client, upstream.url, turns) for turns in range(40)))
        await asyncio.gather(*(one(client, f"http://127.0.0.1:{nobody}", n) for n in range(10)))


async def some(client: PooledUpstream, url: str) -> None:
    try:
        async with client.send(post(url)) as reply:
            async for _ in reply.chunks():
                pass
    except GatewayError:
        return
