"""Before the first event anything can be made good; after it nothing looks complete that is not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from gateway.domain.groups import Group, GroupAccount
from tests.servers.gateway_front import AUTHORIZATION, FrontUnderTest, Limits, fronting
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio
PATH = "/v1/chat/completions"
SSE = head("text/event-stream")
PING = b": keepalive\n\n"
TWO_SEATS = Group(
    "group", "copilot", (GroupAccount("seat-1"), GroupAccount("seat-2", priority=1)), keys=1
)


def event(text: str) -> bytes:
    fields = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps({**fields, "choices": [choice]}).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
GOOD: list[Step] = [SSE, chunk(event("good")), chunk(DONE), chunk(b"")]
SOON = Limits(heartbeat=0.1)


@asynccontextmanager
async def two_seats(
    first: list[Step], second: list[Step], limits: Limits | None = None
) -> AsyncIterator[tuple[FrontUnderTest, RawUpstream, RawUpstream]]:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(playing(RawUpstream(first)))
        two = await stack.enter_async_context(playing(RawUpstream(second)))
        front = await stack.enter_async_context(
            fronting(one.url, limits, group=TWO_SEATS, seat_urls={"seat-2": two.url})
        )
        yield front, one, two


@asynccontextmanager
async def streaming(front: FrontUnderTest) -> AsyncIterator[aiohttp.ClientResponse]:
    body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    async with (
        aiohttp.ClientSession() as session,
        session.post(front.url + PATH, json=body, headers=AUTHORIZATION) as answer,
    ):
        yield answer


async def all_of(answer: aiohttp.ClientResponse) -> bytes:
    """What came, also of a body that was cut."""
    got = bytearray()
    try:
        async for piece in answer.content.iter_any():
            got += piece
    except aiohttp.ClientPayloadError:
        pass
    return bytes(got)


async def test_a_long_wait_sends_pings_and_the_answer_may_still_come_from_another_account() -> None:
    """The status line is out, and yet the caller sees one good answer."""
    go_on = asyncio.Event()
    refusal = b"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno"
    async with two_seats([go_on, refusal], GOOD, SOON) as (front, _, two):
        async with streaming(front) as answer:
            assert answer.status == 200
            assert await answer.content.readuntil(b"\n\n") == PING
            go_on.set()
            rest = await all_of(answer)
    assert rest.replace(PING, b"") == event("good") + DONE
    assert two.requests
    assert front.events.ended[0].stream_end == "complete"
    assert [move[1] for move in front.events.moves] == ["seat-1"]


async def test_a_refusal_after_a_ping_is_an_error_event() -> None:
    go_on = asyncio.Event()
    refusal = b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno"
    async with two_seats([go_on, refusal], GOOD, SOON) as (front, _, two):
        async with streaming(front) as answer:
            assert await answer.content.readuntil(b"\n\n") == PING
            go_on.set()
            rest = await all_of(answer)
    said = rest.replace(PING, b"")
    assert said.startswith(b'data: {"error":')
    assert DONE not in said
    assert not two.requests
    assert front.events.ended[0].stream_end == "unavailable"


async def test_without_a_ping_a_refusal_keeps_its_status() -> None:
    refusal = b"HTTP/1.1 400 No\r\nContent-Length: 2\r\n\r\nno"
    async with two_seats([refusal], GOOD) as (front, _, _), streaming(front) as answer:
        assert answer.status == 400
        assert answer.headers["x-gateway-error"] == "caller_request_refused"


async def test_upstreams_silence_in_the_middle_is_filled_with_pings_between_events() -> None:
    go_on = asyncio.Event()
    half = event("second")
    script: list[Step] = [SSE, chunk(event("first") + half[:20]), go_on, chunk(half[20:] + DONE)]
    async with two_seats([*script, chunk(b"")], GOOD, SOON) as (front, _, _):
        async with streaming(front) as answer:
            assert await answer.content.readuntil(b"\n\n") == event("first")
            assert await answer.content.readuntil(b"\n\n") == PING
            go_on.set()
            rest = await all_of(answer)
    assert rest.replace(PING, b"") == half + DONE


async def test_pings_of_upstreams_do_not_hide_that_it_has_stalled() -> None:
    pings = [step for _ in range(40) for step in (chunk(b": ping\n\n"), pause(0.05))]
    script: list[Step] = [SSE, chunk(event("first")), *pings]
    limits = Limits(idle=0.4)
    async with two_seats(script, GOOD, limits) as (front, one, two), streaming(front) as answer:
        got = await all_of(answer)
        async with asyncio.timeout(5):
            await one.peer_left.wait()
    assert b'"code":"upstream_idle"' in got
    assert not two.requests
    assert front.events.ended[0].stream_end == "idle"


def pause(seconds: float) -> asyncio.Event:
    """A step that takes a while: an event that sets itself."""

    class Later(asyncio.Event):
        async def wait(self) -> bool:  # type: ignore[override]  # as an Event's, which says True
            await asyncio.sleep(seconds)
            return True

    return Later()


async def test_silence_before_the_first_event_moves_once() -> None:
    async with two_seats([SSE, Act.SILENCE], GOOD, Limits(idle=0.2)) as (front, _, two):
        async with streaming(front) as answer:
            assert await answer.read() == event("good") + DONE
    assert len(two.requests) == 1
    assert [str(tried.fault.value) for tried in front.events.ended[0].tried] == ["upstream_idle"]


async def test_an_unfinished_event_never_reaches_the_caller() -> None:
    script: list[Step] = [SSE, chunk(event("first") + event("second")[:30]), Act.RESET]
    async with two_seats(script, GOOD) as (front, _, two), streaming(front) as answer:
        got = await all_of(answer)
    first, _, rest = got.partition(b"\n\n")
    assert first + b"\n\n" == event("first")
    assert rest.startswith(b'data: {"error":')
    assert not two.requests


async def test_a_stream_that_ends_without_done_is_an_error() -> None:
    script: list[Step] = [SSE, chunk(event("first")), chunk(b"")]
    async with two_seats(script, GOOD) as (front, _, _), streaming(front) as answer:
        got = await all_of(answer)
    assert b'"code":"upstream_truncated"' in got
    assert DONE not in got


async def test_a_request_has_its_deadline_and_says_so() -> None:
    script: list[Step] = [SSE, chunk(event("first")), Act.SILENCE]
    async with two_seats(script, GOOD, Limits(total=0.5)) as (front, one, _):
        async with streaming(front) as answer:
            got = await all_of(answer)
        async with asyncio.timeout(5):
            await one.peer_left.wait()
    assert b'"code":"gateway_deadline"' in got
    assert front.events.ended[0].stream_end == "deadline"


async def test_the_end_of_a_drain_is_an_error_event() -> None:
    script: list[Step] = [SSE, chunk(event("first")), Act.SILENCE]
    async with two_seats(script, GOOD) as (front, _, _), streaming(front) as answer:
        await answer.content.readuntil(b"\n\n")
        front.context.lifetimes.end_all()
        got = await all_of(answer)
    assert b'"code":"gateway_draining"' in got
    assert front.events.ended[0].stream_end == "drained"


async def test_answers_end_their_connections_while_draining_and_when_these_are_old() -> None:
    async with two_seats(GOOD, GOOD) as (front, _, _):
        async with streaming(front) as answer:
            assert answer.headers.get("Connection") != "close"
            await answer.read()
        front.context.connections.is_draining = True
        async with streaming(front) as answer:
            assert answer.headers["Connection"] == "close"
            await answer.read()
        async with aiohttp.ClientSession() as session:
            async with session.get(front.url + "/nowhere") as answer:
                assert answer.headers["Connection"] == "close"
    async with two_seats(GOOD, GOOD, Limits(connection_max_age=0.0)) as (front, _, _):
        async with streaming(front) as answer:
            assert answer.headers["Connection"] == "close"
            assert await answer.read() == event("good") + DONE


async def test_a_key_waits_for_its_own_places_with_pings_and_is_refused_when_its_room_is_full() -> (
    None
):
    go_on = asyncio.Event()
    script: list[Step] = [SSE, chunk(event("x")), go_on, chunk(DONE), chunk(b"")]
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(playing(RawUpstream(script)))
        front = await stack.enter_async_context(
            fronting(upstream.url, SOON, max_concurrency=1, max_waiting=1)
        )
        first = await stack.enter_async_context(streaming(front))
        second = await stack.enter_async_context(streaming(front))
        assert await second.content.readuntil(b"\n\n") == PING
        third = await stack.enter_async_context(streaming(front))
        assert third.status == 429
        assert third.headers["x-gateway-error"] == "policy_concurrency"
        assert int(third.headers["Retry-After"]) >= 1
        assert len(upstream.requests) == 1
        go_on.set()
        assert (await first.read()).replace(PING, b"") == event("x") + DONE
        assert (await second.read()).replace(PING, b"") == event("x") + DONE
    assert front.slots.taken("key:test-key") == 0
    assert front.events.waiters == 0


async def test_a_stream_is_over_with_its_own_end_whatever_upstream_does_then() -> None:
    script: list[Step] = [SSE, chunk(event("good")), chunk(DONE), Act.SILENCE]
    async with two_seats(script, GOOD) as (front, one, _), streaming(front) as answer:
        async with asyncio.timeout(5):
            assert await answer.read() == event("good") + DONE
            await one.peer_left.wait()
    assert front.events.ended[0].stream_end == "complete"
