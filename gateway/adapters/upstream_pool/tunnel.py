"""A way through a proxy, by CONNECT, over a socket that is connected to it."""

import asyncio
import socket

from gateway.adapters.upstream_pool.destination import Target
from runtime.version import VERSION

MAX_ANSWER_BYTES = 16 * 1024


class ProxyRefused(OSError):
    """The proxy does not connect us; quotes nothing of what it said."""


async def open_tunnel(sock: socket.socket, target: Target) -> None:
    """Whatever is sent over the socket afterwards goes to the target. Raises OSError."""
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(sock, _request(target))
    answer = b""
    while b"\r\n\r\n" not in answer:
        more = await loop.sock_recv(sock, 4_096)
        answer += more
        if not more or len(answer) > MAX_ANSWER_BYTES:
            raise ProxyRefused
    head, _, rest = answer.partition(b"\r\n\r\n")
    version, _, status = head.partition(b"\r\n")[0].partition(b" ")
    # Of what is at the other end, nothing speaks before it is spoken to.
    if not version.startswith(b"HTTP/1.") or status[:4].rstrip() != b"200" or rest:
        raise ProxyRefused


def _request(target: Target) -> bytes:
    host = f"[{target.host}]" if ":" in target.host else target.host
    authority = f"{host}:{target.port}"
    return (
        f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n"
        f"User-Agent: copilot-gateway/{VERSION}\r\n\r\n"
    ).encode()
