"""Requests upstream over real sockets: which failure is which, and what ends when."""

import asyncio
import time

import pytest

from gateway.adapters import http_upstream
from gateway.adapters.egress import Guard
from gateway.adapters.http_upstream import Deadlines, HttpUpstream, open_session
from gateway.domain.errors import Fault, GatewayError
from gateway.ports import UpstreamRequest
from tests.fakes.names import FakeNames
from tests.servers.ports import free_ports
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio

GENEROUS = Deadlines(first_byte=10, total=20)
HEADERS = {"Authorization": "Bearer the-token"}
WHOLE = [head("application/json"), chunk(b'{"a":1}'), chunk(b"")]


def post(url: str) -> UpstreamRequest:
    return UpstreamRequest("POST", f"{url}/chat/completions", HEADERS, b"{}")


async def answer(
    request: UpstreamRequest,
    deadlines: Deadlines = GENEROUS,
    guard: Guard | None = None,
    proxy_url: str | None = None,
) -> bytes:
    """The whole answer over a session of its own. Raises GatewayError."""
    async with asyncio.timeout(15), open_session(None, guard or Guard([])) as session:
        async with HttpUpstream(session, deadlines, proxy_url).send(request) as reply:
            return await reply.read(1024)


async def fault(
    request: UpstreamRequest, deadlines: Deadlines = GENEROUS, proxy_url: str | None = None
) -> Fault:
    with pytest.raises(GatewayError) as caught:
        await answer(request, deadlines, proxy_url=proxy_url)
    assert "127.0.0.1" not in caught.value.message
    return caught.value.fault


async def test_an_answer_is_read_whole() -> None:
    async with playing(RawUpstream(WHOLE)) as upstream:
        assert await answer(post(upstream.url)) == b'{"a":1}'
    (request,) = upstream.requests
    assert b"user-agent" not in request.lower()


async def test_nobody_there_is_unavailable() -> None:
    (port,) = free_ports(1)
    assert await fault(post(f"http://127.0.0.1:{port}")) is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("url", ["http://127.1", "http://2130706433", "http://", "ftp://x", "x"])
async def test_an_odd_url_is_unavailable_and_connects_nowhere(url: str) -> None:
    assert await fault(post(url)) is Fault.UPSTREAM_UNAVAILABLE


async def test_silence_after_the_request_is_a_timeout() -> None:
    async with playing(RawUpstream([Act.SILENCE])) as upstream:
        found = await fault(post(upstream.url), Deadlines(first_byte=0.1, total=60))
        assert found is Fault.UPSTREAM_TIMEOUT
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


async def test_a_connection_that_does_not_come_about_is_no_timeout_of_upstream(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing was sent, so nobody can be at work on it: another account may be tried freely.

    A proxy that says nothing stands for whatever is slow before the request.
    """
    monkeypatch.setattr(http_upstream, "CONNECT_SECONDS", 0.2)
    async with playing(RawUpstream([Act.SILENCE])) as proxy:
        found = await fault(
            post("https://upstream.example"), Deadlines(first_byte=0.05, total=10), proxy.url
        )
    assert found is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_connection_lost_before_the_answer_is_unavailable(end: Act) -> None:
    async with playing(RawUpstream([end])) as upstream:
        assert await fault(post(upstream.url)) is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
@pytest.mark.parametrize(
    "body",
    [
        [head("text/event-stream"), chunk(b"data: {}\n\n")],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"],
    ],
)
async def test_a_body_that_breaks_off_is_cut_off(body: list[Step], end: Act) -> None:
    async with playing(RawUpstream([*body, end])) as upstream:
        assert await fault(post(upstream.url)) is Fault.UPSTREAM_CUT_OFF


async def test_silence_in_the_body_is_not_judged_until_the_whole_takes_too_long() -> None:
    """Pings would hide a stall from a deadline between bytes: the relay counts events."""
    go_on = asyncio.Event()
    script: list[Step] = [head("text/event-stream"), chunk(b"a"), go_on, chunk(b"b"), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, open_session(None, Guard([])) as session:
        short = HttpUpstream(session, Deadlines(first_byte=0.1, total=10), None)
        async with short.send(post(upstream.url)) as reply:
            asyncio.get_running_loop().call_later(0.3, go_on.set)
            assert await reply.read(1024) == b"ab"

    script = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream:
        found = await fault(post(upstream.url), Deadlines(first_byte=5, total=0.2))
        assert found is Fault.UPSTREAM_TIMEOUT
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_post_on_a_connection_that_has_died_is_not_sent_again_behind_our_back(
    end: Act,
) -> None:
    """Upstream may have taken it. Whether to try again is failover's to say."""
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), open_session(None, Guard([])) as session:
        client = HttpUpstream(session, GENEROUS, None)
        async with client.send(post(upstream.url)) as reply:
            await reply.read(1024)
        upstream.script = [end]
        with pytest.raises(GatewayError) as caught:
            async with client.send(post(upstream.url)):
                pass
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
    assert len(upstream.requests) == 2


async def test_connections_are_kept_for_the_next_request() -> None:
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), open_session(None, Guard([])) as session:
        client = HttpUpstream(session, GENEROUS, None)
        for _ in range(3):
            async with client.send(post(upstream.url)) as reply:
                await reply.read(1024)
        assert session.connector is not None
        assert sum(map(len, session.connector._conns.values())) == 1


async def test_redirects_are_not_followed() -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with playing(RawUpstream([moved])) as upstream:
        async with open_session(None, Guard([])) as session:
            async with HttpUpstream(session, GENEROUS, None).send(post(upstream.url)) as reply:
                assert reply.status == 307
                assert await reply.read(10) == b""
    assert len(upstream.requests) == 1


async def test_an_answer_that_is_too_long_is_not_read_on() -> None:
    script: list[Step] = [head("application/json"), *[chunk(b"x" * 600)] * 2, Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream:
        assert await fault(post(upstream.url)) is Fault.UPSTREAM_BAD_ANSWER


@pytest.mark.parametrize(
    "script", [[Act.SILENCE], [head("text/event-stream"), chunk(b"a"), Act.SILENCE]]
)
async def test_being_cancelled_closes_the_connection_at_once(script: list[Step]) -> None:
    async with playing(RawUpstream(script)) as upstream, asyncio.TaskGroup() as tasks:
        asking = tasks.create_task(answer(post(upstream.url)))
        async with asyncio.timeout(5):
            await upstream.arrived.wait()
            asking.cancel()
            began = time.monotonic()
            await upstream.peer_left.wait()
    assert time.monotonic() - began < 1.0


async def test_the_environment_names_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with playing(RawUpstream(WHOLE)) as upstream:
        assert await answer(post(upstream.url)) == b'{"a":1}'


async def test_a_name_that_leads_inside_gets_no_request_unless_it_is_written_down(
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = FakeNames({"upstream.example": ["127.0.0.1"]})
    async with playing(RawUpstream(WHOLE)) as upstream:
        url = upstream.url.replace("127.0.0.1", "upstream.example")
        with pytest.raises(GatewayError) as caught:
            await answer(post(url), guard=Guard([], names))
        assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
        assert "upstream.example" not in caught.value.message
        assert upstream.requests == []
        assert "egress.private_hosts" in caplog.text

        written_down = Guard(["upstream.example"], names)
        assert await answer(post(url), guard=written_down) == b'{"a":1}'
