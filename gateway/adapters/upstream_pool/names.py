"""The addresses of names, for new connections: asked through the guard, kept for seconds.

Many connections made at once ask once. A name is asked again soon, so that connections follow it
when it moves, and each new connection begins with another one of its addresses.
"""

import asyncio
import socket
from collections import deque
from ipaddress import ip_address

from aiohappyeyeballs import AddrInfoType
from aiohttp.abc import AbstractResolver

KEPT_SECONDS = 10.0
MOST_KEPT = 4_096


class Names:
    """Looks names up; an address stands for itself (see adapters/egress)."""

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver
        self._kept: dict[str, _Name] = {}

    async def addresses(self, host: str, port: int) -> list[AddrInfoType]:
        """Where to connect to, in order. Raises OSError when there is nowhere."""
        literal = _literal(host, port)
        if literal is not None:
            return [literal]
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        name = self._kept.setdefault(host, _Name())
        async with name.asking:
            now = asyncio.get_running_loop().time()
            if name.until <= now:
                name.addresses = deque(await self._ask(host))
                name.until = now + KEPT_SECONDS
        name.addresses.rotate(-1)
        return [_info(family, address, port) for family, address in name.addresses]

    async def _ask(self, host: str) -> list[tuple[int, str]]:
        found = await self._resolver.resolve(host, 0, socket.AF_UNSPEC)
        return [(each["family"], each["host"]) for each in found]


class _Name:
    """What is known of one name."""

    __slots__ = ("addresses", "asking", "until")

    def __init__(self) -> None:
        self.addresses: deque[tuple[int, str]] = deque()
        self.until = 0.0
        self.asking = asyncio.Lock()


def _literal(host: str, port: int) -> AddrInfoType | None:
    try:
        version = ip_address(host).version
    except ValueError:
        return None
    return _info(socket.AF_INET6 if version == 6 else socket.AF_INET, host, port)


def _info(family: int, address: str, port: int) -> AddrInfoType:
    where = (address, port, 0, 0) if family == socket.AF_INET6 else (address, port)
    return family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where
