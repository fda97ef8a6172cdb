"""The way back to the caller of a stream: status line, pings, events, and how it ends.

Nothing is sent until there is something to say. When that takes longer than the heartbeat the
status line goes out with a ping, and an answer may still come from another account; an error has
to be an event from then on. Only whole events are written, so a ping never lands inside one.
The caller's pace is upstream's: a write waits until the caller takes it, and nothing is read
meanwhile.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.domain.errors import GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.stream_ends import StreamEnd, end_of
from gateway.domain.streams.endings import ping
from gateway.domain.usage.record import Outcome
from gateway.metering import Metering
from gateway.ports import Clock, Exchange
from gateway.stream_answers import StreamAnswer
from gateway.web.problems import error_event

STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    # nginx-like proxies in between would gather the events otherwise.
    "X-Accel-Buffering": "no",
}
LAST_WORDS_SECONDS = 5.0
"""For an error event to a caller that may not be reading any more."""


class Heartbeats:
    """Sends the pings of all streams; owns their tasks. Used as an async context manager."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._tasks = asyncio.TaskGroup()
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> "Heartbeats":
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *exception: object) -> None:
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)

    def start(self, downstream: "Downstream") -> None:
        """Send one ping, in a task of its own: silence is rare, so tasks are too."""
        task = self._tasks.create_task(downstream.beat())
        self._running.add(task)
        task.add_done_callback(self._running.discard)


class Downstream:
    """One caller's stream."""

    def __init__(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        protocol: Protocol,
        heartbeats: Heartbeats,
        clock: Clock,
        metering: Metering,
    ) -> None:
        self._request = request
        self._exchange = exchange
        self._protocol = protocol
        self._heartbeats = heartbeats
        self._clock = clock
        self._metering = metering
        self._response: web.StreamResponse | None = None
        self._writing = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._wrote_at = 0.0
        self.headers: dict[str, str] = {}
        """What every answer carries; added to the stream's own headers."""

    @property
    def response(self) -> web.StreamResponse | None:
        """There once the status line is out."""
        return self._response

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Keep the caller's connection awake for the length of the block."""
        loop = asyncio.get_running_loop()
        self._wrote_at = loop.time()
        self._timer = loop.call_later(self._heartbeats.seconds, self._look)
        try:
            yield
        finally:
            self._timer.cancel()

    async def carry(self, answer: StreamAnswer) -> None:
        """Write an answer to its end. Raises GatewayError when it has no good one."""
        while piece := await answer.next():
            if self._exchange.first_byte_seconds is None:
                self._exchange.first_byte_seconds = self._clock.monotonic() - self._exchange.started
            if answer.is_complete:
                # Before the last of it goes out: whoever has the whole answer has a record.
                self._metering.end(self._exchange, Outcome.COMPLETE, answer.spent)
            await self._write(piece)
            self._exchange.answer_bytes += len(piece)
        await self._finish()

    async def break_off(self, error: GatewayError) -> None:
        """End a stream that has begun: an error event, and a body without its proper end."""
        has_begun = self._exchange.first_byte_seconds is not None
        self._exchange.stream_end = end_of(error.fault, has_begun).value
        self._exchange.fault = error.fault.value
        self._metering.end(self._exchange)
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._write(error_event(self._protocol, error, self._exchange.request_id))
        except (TimeoutError, ConnectionError):
            pass
        if self._request.transport is not None:
            # Closing flushes what was written, and leaves out the chunk that ends the body.
            self._request.transport.close()

    async def beat(self) -> None:
        """One ping. Raises nothing: a caller that has gone is its handler's business."""
        try:
            await self._write(ping(self._protocol))
        except (ConnectionError, RuntimeError):
            return

    def _look(self) -> None:
        """Called by the timer: is it time for a ping?"""
        loop = asyncio.get_running_loop()
        due = self._wrote_at + self._heartbeats.seconds
        if loop.time() >= due:
            due = loop.time() + self._heartbeats.seconds
            if not self._writing.locked():
                self._heartbeats.start(self)
        self._timer = loop.call_at(due, self._look)

    async def _write(self, piece: bytes) -> None:
        async with self._writing:
            response = self._response or await self._begin()
            await response.write(piece)
            self._wrote_at = asyncio.get_running_loop().time()

    async def _begin(self) -> web.StreamResponse:
        response = web.StreamResponse(status=200, headers={**STREAM_HEADERS, **self.headers})
        if "Connection" in self.headers:
            response.force_close()
        self._exchange.status = 200
        self._exchange.stream_end = StreamEnd.CLIENT_GONE.value
        await response.prepare(self._request)
        self._response = response
        return response

    async def _finish(self) -> None:
        async with self._writing:
            response = self._response or await self._begin()
            await response.write_eof()
        self._exchange.stream_end = StreamEnd.COMPLETE.value
