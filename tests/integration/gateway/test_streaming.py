"""Streams between a real upstream socket and a real caller's."""

import asyncio
import json

import aiohttp
import pytest

from tests.servers.gateway_front import AUTHORIZATION, FrontUnderTest, Limits, fronting
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio
PATH = "/copilot/v1/chat/completions"
SSE = head("text/event-stream")
EVENT = (
    b'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":'
    b'[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'
)
DONE = b"data: [DONE]\n\n"


def request_body(stream: bool = True) -> bytes:
    message = {"role": "user", "content": "hello"}
    return json.dumps({"model": "gpt-4o-mini", "stream": stream, "messages": [message]}).encode()


async def raw_answer(front: FrontUnderTest, stream: bool = True) -> bytes:
    """Everything the caller's socket gets, byte for byte, until the gateway closes it."""
    reader, writer = await ask(front, stream)
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    return answer


async def ask(
    front: FrontUnderTest, stream: bool = True
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(front.host, front.port)
    body = request_body(stream)
    writer.write(
        f"POST {PATH} HTTP/1.1\r\nHost: gateway\r\nx-api-key: callers-key\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    return reader, writer


async def ended(front: FrontUnderTest) -> None:
    async with asyncio.timeout(5):
        while not front.events.ended:
            await asyncio.sleep(0.002)


async def test_bytes_are_passed_on_as_they_are() -> None:
    """Odd line ends, comments, pieces of characters: an event that is whole is not touched."""
    odd = EVENT.replace(b"Hi", "é".encode()).replace(b"data: ", b"data:").replace(b"\n", b"\r\n")
    cut = odd.index(b"\xa9")
    pieces = [EVENT, b": comment\n\n", odd[:cut], odd[cut:], DONE]
    script = [SSE, *map(chunk, pieces), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=request_body(), headers=AUTHORIZATION) as answer,
        ):
            assert await answer.read() == b"".join(pieces)
            assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            assert answer.headers["x-request-id"]
    assert front.events.ended[0].stream_end == "complete"


async def test_an_event_reaches_the_caller_before_the_next_is_made() -> None:
    go_on = asyncio.Event()
    script: list[Step] = [SSE, chunk(EVENT), go_on, chunk(DONE), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(front.url + PATH, data=request_body(), headers=AUTHORIZATION) as answer,
        ):
            assert await answer.content.readany() == EVENT
            go_on.set()
            assert await answer.read() == DONE


@pytest.mark.parametrize("end", [Act.CLOSE, Act.RESET])
async def test_a_stream_that_breaks_off_does_not_look_complete(end: Act) -> None:
    """An error event, and no end of the chunked body: no client can take it for the whole."""
    script: list[Step] = [SSE, chunk(EVENT), end]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        answer = await raw_answer(front)
    assert EVENT in answer
    assert b'"code":"upstream_cut_off"' in answer
    assert not answer.endswith(b"0\r\n\r\n")
    assert front.events.ended[0].stream_end == "truncated"


async def test_a_silent_upstream_is_given_up() -> None:
    script: list[Step] = [SSE, chunk(EVENT), Act.SILENCE]
    limits = Limits(first_byte=5, idle=0.2, total=10)
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url, limits) as front:
        answer = await raw_answer(front)
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()
    assert b'"code":"upstream_idle"' in answer
    assert not answer.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        ([Act.SILENCE], True),
        ([Act.SILENCE], False),
        ([SSE, chunk(EVENT), Act.SILENCE], True),
        ([head("application/json"), chunk(b'{"choices":'), Act.SILENCE], False),
    ],
)
async def test_a_caller_that_leaves_ends_the_upstream_request(
    script: list[Step], stream: bool
) -> None:
    """Before the first byte, in the middle of a stream, and in a whole answer."""
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        _, writer = await ask(front, stream)
        async with asyncio.timeout(5):
            await upstream.arrived.wait()
        writer.transport.abort()
        async with asyncio.timeout(5):
            await upstream.peer_left.wait()
        await ended(front)
    assert front.events.ended[0].stream_end in ("client_gone", "")


async def test_a_slow_reader_slows_upstream_down() -> None:
    """Memory is bounded: what the caller does not take is not read from upstream."""
    piece = chunk(b"data: " + b"x" * 65_000 + b"\n\n")
    total = 400
    script = [SSE, *([piece] * total), chunk(b"")]
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        reader, writer = await ask(front)
        await reader.readexactly(1)
        before = -1
        while upstream.written != before:
            before = upstream.written
            await asyncio.sleep(0.2)
        assert upstream.written < total * len(piece) / 2
        async with asyncio.timeout(20):
            assert len(await reader.read()) > total * 65_000
        writer.close()


@pytest.mark.parametrize(
    ("script", "status", "fault"),
    [
        ([Act.CLOSE], 502, "upstream_unavailable"),
        ([Act.RESET], 502, "upstream_unavailable"),
        ([b"not http at all\r\n\r\n", Act.CLOSE], 502, "upstream_unavailable"),
        ([head("application/json"), chunk(b'{"choi'), Act.CLOSE], 502, "upstream_cut_off"),
        (
            [b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"],
            502,
            "upstream_bad_answer",
        ),
        (
            [head("text/html", "500 Oops"), chunk(b"<html>Unicorn</html>"), chunk(b"")],
            502,
            "upstream_unavailable",
        ),
    ],
)
async def test_a_broken_whole_answer_is_an_error(
    script: list[Step], status: int, fault: str
) -> None:
    async with playing(RawUpstream(script)) as upstream, fronting(upstream.url) as front:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                front.url + PATH, data=request_body(stream=False), headers=AUTHORIZATION
            ) as answer,
        ):
            assert answer.status == status
            assert answer.headers["x-gateway-error"] == fault
            assert "Unicorn" not in await answer.text()


async def test_silence_before_the_first_byte_is_a_timeout() -> None:
    deadlines = Limits(first_byte=0.2, idle=5, total=10)
    async with playing(RawUpstream([Act.SILENCE])) as upstream:
        async with fronting(upstream.url, deadlines) as front, aiohttp.ClientSession() as session:
            async with session.post(
                front.url + PATH, data=request_body(), headers=AUTHORIZATION
            ) as answer:
                assert answer.status == 504
                assert answer.headers["x-gateway-error"] == "upstream_timeout"
