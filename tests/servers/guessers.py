"""A process that shows a gateway one wrong key after another, as fast as it is answered.

Bytes over asyncio's protocols, one request at a time on each connection, so that it costs as
little as Python allows. It gives way to whatever else the machine runs: a guesser would be
elsewhere.

    python -m tests.servers.guessers HOST PORT CONNECTIONS SECONDS KIND

KIND: `kept` connections; a `fresh` connection for every guess; `impatient` ones that are left
after 20 ms, answered or not; or kept ones that name `many` addresses in X-Forwarded-For.
"""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import time
from collections import Counter
from dataclasses import dataclass

from tests.servers.module_process import ModuleProcess

KINDS = ("kept", "fresh", "impatient", "many")
PATIENCE_SECONDS = 0.02
NICE = 10
HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True)
class Guessed:
    """What became of it. statuses: how many answers of each; cpu: seconds of this process."""

    statuses: dict[str, int]
    sent: int
    seconds: float
    cpu: float
    lost: int

    @property
    def answers(self) -> int:
        """All of them."""
        return sum(self.statuses.values())

    @property
    def per_second(self) -> float:
        """Guesses sent."""
        return self.sent / self.seconds


class GuessersProcess(ModuleProcess):
    """The process, ended with the block."""

    def __init__(self, port: int, connections: int, seconds: float, kind: str) -> None:
        assert kind in KINDS
        arguments = ["127.0.0.1", str(port), str(connections), str(seconds), kind]
        super().__init__("tests.servers.guessers", arguments)

    def guessed(self) -> Guessed:
        """Wait for its end; what it said."""
        return Guessed(**json.loads(self.said(300)))


class _Guesses:
    """What to send, and what came back."""

    def __init__(self, kind: str) -> None:
        self.is_fresh = kind in ("fresh", "impatient")
        self.is_impatient = kind == "impatient"
        self._many = kind == "many"
        self._start = secrets.token_hex(8)
        self.statuses: Counter[str] = Counter()
        self.sent = 0
        self.lost = 0

    def next(self) -> bytes:
        self.sent += 1
        more = f"X-Forwarded-For: {self._address()}\r\n" if self._many else ""
        return (
            "GET /v1/models HTTP/1.1\r\nHost: gateway\r\n"
            f"Authorization: Bearer cgw_{self._start}{self.sent:022}\r\n{more}\r\n"
        ).encode()

    def _address(self) -> str:
        number = self.sent
        return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


class _Connection(asyncio.Protocol):
    def __init__(self, guesses: _Guesses) -> None:
        self._guesses = guesses
        self._received = b""
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._guesses.next())
        if self._guesses.is_impatient:
            asyncio.get_running_loop().call_later(PATIENCE_SECONDS, transport.abort)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(HEAD_END)
        if not end:
            return
        lower = head.lower()
        length = int(lower.partition(LENGTH)[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = b""
        self._guesses.statuses[head[9:12].decode()] += 1
        if self._guesses.is_fresh or b"connection: close" in lower:
            self._transport.abort()
        else:
            self._transport.write(self._guesses.next())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _connections(host: str, port: int, guesses: _Guesses) -> None:
    loop = asyncio.get_running_loop()
    while True:
        try:
            made = loop.create_connection(lambda: _Connection(guesses), host, port)
            _, connection = await made
            await connection.closed
        except OSError:
            guesses.lost += 1
            await asyncio.sleep(0.05)


async def guess(host: str, port: int, connections: int, seconds: float, kind: str) -> Guessed:
    """Guess for that long."""
    guesses, began, cpu = _Guesses(kind), time.monotonic(), time.process_time()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(_connections(host, port, guesses))
    spent = time.process_time() - cpu
    told = dict(guesses.statuses)
    return Guessed(told, guesses.sent, time.monotonic() - began, spent, guesses.lost)


def main(host: str, port: str, connections: str, seconds: str, kind: str) -> None:
    """Guess; say what became of it."""
    os.nice(NICE)
    told = asyncio.run(guess(host, int(port), int(connections), float(seconds), kind))
    print(json.dumps(vars(told)))


if __name__ == "__main__":
    main(*sys.argv[1:])
