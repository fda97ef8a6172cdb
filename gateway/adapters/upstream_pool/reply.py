"""One answer: what its connection hands over, and the three ways to take the body.

Whoever takes it slowly holds upstream back: what waits here is bounded, and nothing is read from
the connection meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from math import inf
from typing import Protocol

from gateway.adapters.upstream_pool import faults
from gateway.domain.bad_answers import fell_silent
from gateway.domain.errors import GatewayError
from gateway.ports.upstream import Sink

MOST_BYTES_WAITING = 64 * 1024
"""What one read brings may come on top."""


class Line(Protocol):
    """The connection an answer comes over, as long as it does."""

    def pause(self) -> None:
        """Read nothing more for now."""

    def resume(self) -> None:
        """Read on."""

    def drop(self) -> None:
        """End it at once: nobody wants the rest."""


class Reply:
    """See ports.upstream.UpstreamReply, and `pour`."""

    __slots__ = (
        "_error", "_heard_at", "_is_over", "_limit", "_line", "_pieces", "_sink", "_waiter",
        "_waiting", "_wants_all", "headers", "status",
    )  # fmt: skip

    def __init__(self, line: Line) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self._line: Line | None = line
        """None when the answer has ended: the connection is another request's then."""
        self._pieces: list[bytes] = []
        self._waiting = 0
        """Bytes in the pieces."""
        self._limit = MOST_BYTES_WAITING
        self._wants_all = False
        self._heard_at = 0.0
        """When something came last, while all of it is wanted."""
        self._sink: Sink | None = None
        self._error: GatewayError | None = None
        self._is_over = False
        self._waiter: asyncio.Future[None] | None = None

    # --- for whoever asked ---

    async def head(self) -> None:
        """Wait for the status and the headers. Raises GatewayError."""
        if self.status == 0 and not self._is_over:
            await self._turn()
        if self.status == 0 and self._error is not None:
            raise self._error

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, from where it was left."""
        return _Chunks(self)

    async def next(self) -> bytes:
        """What has come of the body, waiting for some; empty at its end."""
        while not self._pieces:
            if self._is_over:
                if self._error is not None:
                    raise self._error
                return b""
            await self._turn()
        return self._take()

    async def read(self, limit: int, idle_seconds: float = inf) -> bytes:
        """The whole body, woken once: at its end. One that is there already costs no timer."""
        if not self._is_over and self._waiting <= limit:
            self._limit, self._wants_all = limit, True
            try:
                await self._rest(limit, idle_seconds)
            finally:
                self._limit, self._wants_all = MOST_BYTES_WAITING, False
        if self._waiting > limit:
            raise faults.too_large()
        if self._error is not None:
            raise self._error
        return self._take()

    def pour(self, sink: Sink) -> None:
        """See ports.upstream.UpstreamReply."""
        self._sink = sink
        if self._pieces:
            sink.write(self._take())
        if self._is_over:
            self._sink = None
            sink.finish(self._error)

    def pause(self) -> None:
        """The sink is behind."""
        if self._line is not None:
            self._line.pause()

    def resume(self) -> None:
        """The sink has caught up."""
        if self._line is not None:
            self._line.resume()

    def close(self) -> None:
        """Nobody listens any more. Does nothing when the answer has ended."""
        line, self._line = self._line, None
        self._sink = None
        if line is not None:
            line.drop()

    # --- for the connection ---

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head is there."""
        self.status = status
        self.headers = headers
        self._wake()

    def feed(self, data: bytes) -> None:
        """More of the body."""
        if self._sink is not None:
            self._sink.write(data)
            return
        self._pieces.append(data)
        self._waiting += len(data)
        if self._waiting > self._limit:
            self.pause()
        elif self._wants_all:
            self._heard_at = asyncio.get_running_loop().time()
            return
        self._wake()

    def finish(self, error: GatewayError | None = None) -> None:
        """The answer is over; the connection is no longer its own."""
        self._line = None
        self._is_over = True
        self._error = error
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.finish(error)
        else:
            self._wake()

    # --- inside ---

    async def _rest(self, limit: int, idle_seconds: float) -> None:
        """What is not there yet. Raises GatewayError (UPSTREAM_IDLE).

        Whatever comes puts off the end of patience, and leaves the timer as it is.
        """
        loop = asyncio.get_running_loop()
        self._heard_at = loop.time()
        timer: asyncio.TimerHandle | None = None
        try:
            while not self._is_over and self._waiting <= limit:
                due = self._heard_at + idle_seconds
                if timer is not None and loop.time() >= due:
                    raise fell_silent()
                # Nothing else wakes: a timer that was set before has fired.
                timer = loop.call_at(due, self._wake) if idle_seconds < inf else None
                self.resume()
                await self._turn()
        finally:
            if timer is not None:
                timer.cancel()

    def _take(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        if self._waiting > self._limit:
            self.resume()
        self._waiting = 0
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _turn(self) -> "asyncio.Future[None]":
        """Done when something has come, or there is no more."""
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        return waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class _Chunks:
    """An iterator is cheaper than a generator, and goes on after a wait that was cancelled."""

    __slots__ = ("_reply",)

    def __init__(self, reply: Reply) -> None:
        self._reply = reply

    def __aiter__(self) -> "_Chunks":
        return self

    async def __anext__(self) -> bytes:
        found = await self._reply.next()
        if not found:
            raise StopAsyncIteration
        return found
