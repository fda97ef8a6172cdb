"""A way through a proxy."""

import asyncio
import socket
from collections.abc import Sequence

import pytest

from gateway.adapters.upstream_pool.destination import Target
from gateway.adapters.upstream_pool.tunnel import MAX_ANSWER_BYTES, ProxyRefused, open_tunnel

pytestmark = pytest.mark.anyio

THERE = Target("upstream.example", 443, True)


async def tunnel(answers: Sequence[bytes], target: Target = THERE) -> bytes:
    """What the proxy is asked. Raises ProxyRefused."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            opening = tasks.create_task(refused(ours, target))
            asked = await loop.sock_recv(theirs, 4_096)
            for each in answers:
                await loop.sock_sendall(theirs, each)
                await asyncio.sleep(0.001)
            theirs.shutdown(socket.SHUT_WR)
        if opening.result():
            raise ProxyRefused
    return asked


async def refused(sock: socket.socket, target: Target) -> bool:
    try:
        await open_tunnel(sock, target)
    except ProxyRefused:
        return True
    return False


@pytest.mark.parametrize(
    "answers",
    [
        [b"HTTP/1.1 200 OK\r\n\r\n"],
        [b"HTTP/1.0 200\r\n\r\n"],
        [b"HTTP/1.1 200 Connection est", b"ablished\r\nX: y\r", b"\n\r\n"],
    ],
)
async def test_a_proxy_that_agrees(answers: list[bytes]) -> None:
    asked = await tunnel(answers)
    assert asked.startswith(b"CONNECT upstream.example:443 HTTP/1.1\r\n")
    assert asked.endswith(b"\r\n\r\n")


async def test_an_address_is_written_as_in_a_url() -> None:
    asked = await tunnel([b"HTTP/1.1 200 OK\r\n\r\n"], Target("::1", 8443, True))
    assert asked.startswith(b"CONNECT [::1]:8443 HTTP/1.1\r\nHost: [::1]:8443\r\n")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/2 200 OK\r\n\r\n",
        b"220 smtp\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * MAX_ANSWER_BYTES + b"\r\n\r\n",
    ],
)
async def test_a_proxy_that_does_not(answer: bytes) -> None:
    with pytest.raises(ProxyRefused) as caught:
        await tunnel([answer])
    assert str(caught.value) == ""
