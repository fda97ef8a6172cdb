"""What the relay relies on, whoever carries its requests: which failure is which, what ends when.

Written beside a client library's way, which it replaced; another one has to pass it too.
"""

import asyncio
import gzip
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool import upstream as upstream_pool
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.upstream import open_upstream
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.upstream import Upstream, UpstreamReply, UpstreamRequest
from tests.fakes.names import FakeNames
from tests.servers.ports import free_ports
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio

GENEROUS = Deadlines(first_byte=10, total=20)
HEADERS = {"Authorization": "Bearer the-token"}
WHOLE: list[Step] = [head("application/json"), chunk(b'{"a":1}'), chunk(b"")]

Opened = Callable[..., AbstractAsyncContextManager[Upstream]]


@asynccontextmanager
async def pool(
    deadlines: Deadlines = GENEROUS, guard: Guard | None = None, proxy_url: str | None = None
) -> AsyncIterator[Upstream]:
    async with open_upstream(None, guard or Guard([]), deadlines, proxy_url) as upstream:
        yield upstream
        await asyncio.sleep(0)
        assert upstream.pool.open == upstream.pool.resting == upstream.pool.taken


@pytest.fixture(params=[pool], ids=["pool"])
def opened(request: pytest.FixtureRequest) -> Opened:
    found: Opened = request.param
    return found


def asking(url: str, method: str = "POST") -> UpstreamRequest:
    body = b"{}" if method == "POST" else None
    return UpstreamRequest(method, f"{url}/chat/completions", HEADERS, body)


async def answer(opened: Opened, request: UpstreamRequest, **how: object) -> bytes:
    """The whole answer over a connection of its own. Raises GatewayError."""
    async with asyncio.timeout(15), opened(**how) as upstream:
        async with upstream.send(request) as reply:
            return await reply.read(1024)


async def fault(opened: Opened, request: UpstreamRequest, **how: object) -> Fault:
    with pytest.raises(GatewayError) as caught:
        await answer(opened, request, **how)
    assert "127.0.0.1" not in caught.value.message
    return caught.value.fault


async def test_an_answer_is_read_whole(opened: Opened) -> None:
    async with playing(RawUpstream(WHOLE)) as upstream:
        assert await answer(opened, asking(upstream.url)) == b'{"a":1}'
    (request,) = upstream.requests
    lines = request.lower().split(b"\r\n")
    assert lines[0] == b"post /chat/completions http/1.1"
    assert f"host: {upstream.url.removeprefix('http://')}".encode() in lines
    assert b"authorization: bearer the-token" in lines
    assert lines.count(b"content-length: 2") == 1
    assert lines[-1] == b"{}"
    assert b"user-agent" not in request.lower()


async def test_a_request_without_a_body_says_no_length(opened: Opened) -> None:
    async with playing(RawUpstream(WHOLE)) as upstream:
        assert await answer(opened, asking(upstream.url, "GET")) == b'{"a":1}'
    (request,) = upstream.requests
    assert request.startswith(b"GET /chat/completions HTTP/1.1\r\n")
    assert b"content-length" not in request.lower()


async def test_the_bytes_of_a_path_and_a_query_stay_as_they_are(opened: Opened) -> None:
    async with playing(RawUpstream(WHOLE)) as upstream:
        url = f"{upstream.url}/a%20b/c+d?e=f%26g&h#not-sent"
        await answer(opened, UpstreamRequest("POST", url, {}, b"{}"))
    assert upstream.requests[0].startswith(b"POST /a%20b/c+d?e=f%26g&h HTTP/1.1\r\n")


@pytest.mark.parametrize("value", ["a\r\nX-Other: b", "a\nb", "a\rb", "a\0b"])
async def test_a_header_is_one_line_or_the_request_is_not_sent(opened: Opened, value: str) -> None:
    async with playing(RawUpstream(WHOLE)) as upstream:
        request = UpstreamRequest("POST", upstream.url, {"X-One": value}, b"{}")
        assert await fault(opened, request) is Fault.UPSTREAM_UNAVAILABLE
    assert upstream.requests == []


async def test_headers_are_found_by_lower_case_names_and_the_first_counts(opened: Opened) -> None:
    extra = "Retry-After: 7\r\nX-Twice: one\r\nX-TWICE: two\r\n"
    script = [head("application/json", "429 Too Many", extra), chunk(b"{}"), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            assert reply.status == 429
            assert reply.headers["retry-after"] == "7"
            assert reply.headers.get("x-twice") == "one"
            assert reply.headers.get("x-none") is None


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
        ("identity", b"hello"),
    ],
)
async def test_an_encoding_that_nobody_asked_for_is_understood(
    opened: Opened, name: str, encoded: bytes
) -> None:
    script = [head("x/y", extra=f"Content-Encoding: {name}\r\n"), chunk(encoded), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream:
        assert await answer(opened, asking(upstream.url)) == b"hello"


async def test_a_wrong_encoding_is_cut_off(opened: Opened) -> None:
    script = [head("x/y", extra="Content-Encoding: gzip\r\n"), chunk(b"not gzip"), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_CUT_OFF


async def test_nobody_there_is_unavailable(opened: Opened) -> None:
    (port,) = free_ports(1)
    assert await fault(opened, asking(f"http://127.0.0.1:{port}")) is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("url", ["http://127.1", "http://2130706433", "http://", "ftp://x", "x"])
async def test_an_odd_url_is_unavailable_and_connects_nowhere(opened: Opened, url: str) -> None:
    assert await fault(opened, asking(url)) is Fault.UPSTREAM_UNAVAILABLE


async def test_silence_after_the_request_is_a_timeout(opened: Opened) -> None:
    async with playing(RawUpstream([Act.SILENCE])) as upstream:
        short = Deadlines(first_byte=0.1, total=60)
        assert await fault(opened, asking(upstream.url), deadlines=short) is Fault.UPSTREAM_TIMEOUT
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


async def test_an_interim_answer_is_not_the_first_byte(opened: Opened) -> None:
    script: list[Step] = [b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream:
        short = Deadlines(first_byte=0.2, total=60)
        assert await fault(opened, asking(upstream.url), deadlines=short) is Fault.UPSTREAM_TIMEOUT


async def test_interim_answers_are_passed_over(opened: Opened) -> None:
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Early: yes\r\n\r\n"
    async with playing(RawUpstream([interim, *WHOLE])) as upstream, opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            assert reply.status == 200
            assert "x-early" not in reply.headers
            assert await reply.read(1024) == b'{"a":1}'


async def test_a_connection_that_does_not_come_about_is_no_timeout_of_upstream(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was sent, so nobody can be at work on it: another account may be tried freely.

    A proxy that says nothing stands for whatever is slow before the request.
    """
    monkeypatch.setattr(upstream_pool, "CONNECT_SECONDS", 0.2)
    async with playing(RawUpstream([Act.SILENCE])) as proxy:
        request = asking("https://upstream.example")
        short = Deadlines(first_byte=0.05, total=10)
        found = await fault(opened, request, deadlines=short, proxy_url=proxy.url)
    assert found is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_connection_lost_before_the_answer_is_unavailable(opened: Opened, end: Act) -> None:
    async with playing(RawUpstream([end])) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_UNAVAILABLE


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_head_that_breaks_off_is_unavailable(opened: Opened, end: Act) -> None:
    async with playing(RawUpstream([b"HTTP/1.1 200 OK\r\nX-", end])) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_UNAVAILABLE
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "answered",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 9_000 + b"\r\nContent-Length: 0\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_unavailable(opened: Opened, answered: bytes) -> None:
    async with playing(RawUpstream([answered, Act.SILENCE])) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_UNAVAILABLE
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
@pytest.mark.parametrize(
    "body",
    [
        [head("text/event-stream"), chunk(b"data: {}\n\n")],
        [head("text/event-stream"), chunk(b"data: {}\n\n"), b"ff\r\nhalf"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"],
    ],
)
async def test_a_body_that_breaks_off_is_cut_off(
    opened: Opened, body: list[Step], end: Act
) -> None:
    async with playing(RawUpstream([*body, end])) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_CUT_OFF


async def test_a_body_without_a_length_ends_with_its_connection(opened: Opened) -> None:
    script: list[Step] = [b"HTTP/1.1 200 OK\r\n\r\nthe ", b"whole", Act.CLOSE]
    async with playing(RawUpstream(script)) as upstream:
        assert await answer(opened, asking(upstream.url)) == b"the whole"


async def test_silence_in_the_body_is_not_judged_until_the_whole_takes_too_long(
    opened: Opened,
) -> None:
    """Pings would hide a stall from a deadline between bytes: the relay counts events."""
    go_on = asyncio.Event()
    script: list[Step] = [head("text/event-stream"), chunk(b"a"), go_on, chunk(b"b"), chunk(b"")]
    short = Deadlines(first_byte=0.1, total=10)
    async with playing(RawUpstream(script)) as upstream, opened(short) as client:
        async with client.send(asking(upstream.url)) as reply:
            asyncio.get_running_loop().call_later(0.3, go_on.set)
            assert await reply.read(1024) == b"ab"

    script = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    short = Deadlines(first_byte=5, total=0.2)
    async with playing(RawUpstream(script)) as upstream:
        assert await fault(opened, asking(upstream.url), deadlines=short) is Fault.UPSTREAM_TIMEOUT
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_post_on_a_connection_that_has_died_is_not_sent_again_behind_our_back(
    opened: Opened, end: Act
) -> None:
    """Upstream may have taken it. Whether to try again is failover's to say."""
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            await reply.read(1024)
        upstream.script = [end]
        with pytest.raises(GatewayError) as caught:
            async with client.send(asking(upstream.url)):
                pass
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
    assert len(upstream.requests) == 2


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_get_on_a_connection_that_has_died_is_sent_once_more(
    opened: Opened, end: Act
) -> None:
    upstream = RawUpstream(WHOLE)
    async with playing(upstream), opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            await reply.read(1024)
        upstream.script = [end]
        with pytest.raises(GatewayError) as caught:
            async with client.send(asking(upstream.url, "GET")):
                pass
    assert caught.value.fault is Fault.UPSTREAM_UNAVAILABLE
    assert [each.split()[0] for each in upstream.requests] == [b"POST", b"GET", b"GET"]


async def test_a_connection_that_was_closed_while_idle_is_not_used(opened: Opened) -> None:
    upstream = RawUpstream([*WHOLE, Act.CLOSE])
    async with playing(upstream), opened() as client:
        for _ in range(3):
            async with client.send(asking(upstream.url)) as reply:
                assert await reply.read(1024) == b'{"a":1}'
            await asyncio.sleep(0.02)
    assert len(upstream.requests) == 3


async def test_redirects_are_not_followed(opened: Opened) -> None:
    moved = b"HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
    async with playing(RawUpstream([moved])) as upstream, opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            assert reply.status == 307
            assert await reply.read(10) == b""
    assert len(upstream.requests) == 1


async def test_an_answer_that_is_too_long_is_not_read_on(opened: Opened) -> None:
    script: list[Step] = [head("application/json"), *[chunk(b"x" * 600)] * 2, Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream:
        assert await fault(opened, asking(upstream.url)) is Fault.UPSTREAM_BAD_ANSWER


async def test_the_whole_limit_may_be_used(opened: Opened) -> None:
    script: list[Step] = [head("application/json"), *[chunk(b"x" * 512)] * 2, chunk(b"")]
    async with playing(RawUpstream(script)) as upstream:
        assert await answer(opened, asking(upstream.url)) == b"x" * 1024


@pytest.mark.parametrize(
    "script", [[Act.SILENCE], [head("text/event-stream"), chunk(b"a"), Act.SILENCE]]
)
async def test_being_cancelled_closes_the_connection_at_once(
    opened: Opened, script: list[Step]
) -> None:
    async with playing(RawUpstream(script)) as upstream, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(answer(opened, asking(upstream.url)))
        async with asyncio.timeout(5):
            await upstream.arrived.wait()
            task.cancel()
            began = time.monotonic()
            await upstream.peer_left.wait()
    assert time.monotonic() - began < 1.0


async def test_leaving_in_the_middle_closes_the_connection(opened: Opened) -> None:
    script: list[Step] = [head("text/event-stream"), chunk(b"a"), Act.SILENCE]
    async with playing(RawUpstream(script)) as upstream, opened() as client:
        async with client.send(asking(upstream.url)) as reply:
            assert await first(reply) == b"a"
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()


async def test_a_megabyte_goes_up_and_comes_down(opened: Opened) -> None:
    body = bytes(range(256)) * 4096
    script: list[Step] = [head("application/json"), chunk(body), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, opened() as client:
        request = UpstreamRequest("POST", upstream.url, HEADERS, body)
        async with asyncio.timeout(15), client.send(request) as reply:
            assert await reply.read(len(body)) == body
    assert upstream.requests[0].endswith(b"\r\n\r\n" + body)


async def test_the_environment_names_no_proxy(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    async with playing(RawUpstream(WHOLE)) as upstream:
        assert await answer(opened, asking(upstream.url)) == b'{"a":1}'


async def test_a_name_that_leads_inside_gets_no_request_unless_it_is_written_down(
    opened: Opened, caplog: pytest.LogCaptureFixture
) -> None:
    names = FakeNames({"upstream.example": ["127.0.0.1"]})
    async with playing(RawUpstream(WHOLE)) as upstream:
        request = asking(upstream.url.replace("127.0.0.1", "upstream.example"))
        found = await fault(opened, request, guard=Guard([], names))
        assert found is Fault.UPSTREAM_UNAVAILABLE
        assert upstream.requests == []
        assert "egress.private_hosts" in caplog.text

        written_down = Guard(["upstream.example"], names)
        assert await answer(opened, request, guard=written_down) == b'{"a":1}'


async def first(reply: UpstreamReply) -> bytes | None:
    """What comes first of a body."""
    return await anext(aiter(reply.chunks()), None)
