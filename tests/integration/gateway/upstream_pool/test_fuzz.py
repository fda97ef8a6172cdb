"""Whatever an upstream writes, however it is cut: an answer or an error, and nothing left open."""

import asyncio
import random

import pytest

from gateway.adapters.egress import Guard
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.upstream import PooledUpstream, open_upstream
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.upstream import UpstreamRequest
from tests.servers.raw_upstream import Act, RawUpstream, Step, chunk, head, playing

pytestmark = pytest.mark.anyio

DEADLINES = Deadlines(first_byte=5, total=5)
ANSWERS = [
    head("text/event-stream") + chunk(b"data: one\n\n") + chunk(b"data: two\n\n") + chunk(b""),
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nX-A: b\r\n\r\n0123456789",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nuntil the end",
]
FAULTS = {Fault.UPSTREAM_UNAVAILABLE, Fault.UPSTREAM_CUT_OFF}


def spoilt(answer: bytes, chance: random.Random) -> bytes:
    """The answer with some of its bytes changed, doubled or taken away."""
    data = bytearray(answer)
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                data[place:place] = data[place : place + chance.randrange(30)]
            case _:
                del data[place : place + chance.randrange(30)]
                data += b" "
    return bytes(data)


async def outcome(client: PooledUpstream, url: str) -> tuple[int, bytes] | Fault:
    try:
        async with client.send(UpstreamRequest("POST", url, {}, b"{}")) as reply:
            return reply.status, await reply.read(4096)
    except GatewayError as error:
        return error.fault


async def test_whatever_comes_ends_and_leaves_nothing_open() -> None:
    chance = random.Random(9)  # noqa: S311  the same examples every time
    upstream = RawUpstream([])
    async with asyncio.timeout(30), playing(upstream):
        async with open_upstream(None, Guard([]), DEADLINES, None) as client:
            for number in range(300):
                answer = spoilt(ANSWERS[number % len(ANSWERS)], chance)
                upstream.script = [answer, Act.RESET if number % 2 else Act.CLOSE]
                found = await outcome(client, upstream.url)
                assert isinstance(found, tuple) or found in FAULTS
            await asyncio.sleep(0.01)
            assert client.pool.open == client.pool.taken == 0


@pytest.mark.parametrize("answer", ANSWERS)
async def test_every_cut_of_an_answer_gives_the_same(answer: bytes) -> None:
    upstream = RawUpstream([])
    async with asyncio.timeout(30), playing(upstream):
        async with open_upstream(None, Guard([]), DEADLINES, None) as client:
            upstream.script = [answer, Act.CLOSE]
            whole = await outcome(client, upstream.url)
            assert isinstance(whole, tuple)
            for place in range(1, len(answer)):
                turn = asyncio.Event()
                script: list[Step] = [answer[:place], turn, answer[place:], Act.CLOSE]
                upstream.script = script
                asyncio.get_running_loop().call_later(0.002, turn.set)
                assert await outcome(client, upstream.url) == whole
