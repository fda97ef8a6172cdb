"""The way back to the caller of a stream: status line, pings, events, and how it ends.

Nothing is sent until there is something to say. When that takes longer than the heartbeat the
status line goes out with a ping, and an answer may still come from another account; an error has
to be an event from then on. Only whole events are written, so a ping never lands inside one.
The caller's pace is upstream's: while the caller is behind, nothing is read.
"""

import asyncio
from collections.abc import Mapping

from gateway.domain.errors import GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.stream_ends import StreamEnd, end_of
from gateway.domain.streams.endings import ping
from gateway.domain.usage.record import Outcome
from gateway.metering import Metering
from gateway.ports.clock import Clock
from gateway.ports.exchange import Exchange
from gateway.stream_answers import StreamAnswer
from gateway.web.inbound import Outgoing
from gateway.web.problems import error_event

STREAM_HEADERS: Mapping[str, str] = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    # nginx-like proxies in between would gather the events otherwise.
    "X-Accel-Buffering": "no",
}


class Downstream:
    """One caller's stream. `start` it, and `stop` it whatever happens.

    headers: what every answer carries; added to the stream's own. closes: whether the connection
    is to end with it.
    """

    __slots__ = (
        "_answer", "_clock", "_closes", "_exchange", "_headers", "_heartbeat", "_loop", "_metering",
        "_outgoing", "_protocol", "_timer", "_wrote_at",
    )  # fmt: skip

    def __init__(
        self,
        outgoing: Outgoing,
        exchange: Exchange,
        protocol: Protocol,
        clock: Clock,
        metering: Metering,
        headers: Mapping[str, str],
        *,
        heartbeat_seconds: float,
        closes: bool,
    ) -> None:
        self._outgoing = outgoing
        self._exchange = exchange
        self._protocol = protocol
        self._clock = clock
        self._metering = metering
        self._headers = headers
        self._closes = closes
        self._heartbeat = heartbeat_seconds
        self._answer: StreamAnswer | None = None
        self._loop = asyncio.get_running_loop()
        self._wrote_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Keep the caller's connection awake from now on."""
        self._wrote_at = self._loop.time()
        self._timer = self._loop.call_at(self._wrote_at + self._heartbeat, self._look)

    def stop(self) -> None:
        """Nothing more is written."""
        if self._timer is not None:
            self._timer.cancel()
        self._outgoing.follow(None)
        self._answer = None

    @property
    def has_begun(self) -> bool:
        """Whether the status line is out."""
        return self._outgoing.has_begun

    async def carry(self, answer: StreamAnswer) -> None:
        """Write an answer to its end. Raises GatewayError when it has no good one."""
        self._answer = answer
        self._outgoing.follow(self)
        if self._outgoing.is_behind:
            answer.hold()
        await answer.pour(self)
        self._outgoing.end()
        self._exchange.stream_end = StreamEnd.COMPLETE.value

    def break_off(self, error: GatewayError) -> None:
        """End a stream that has begun: an error event, and a body without its proper end."""
        exchange = self._exchange
        exchange.stream_end = end_of(error.fault, exchange.first_byte_seconds is not None).value
        exchange.fault = error.fault.value
        self._metering.end(exchange)
        self._outgoing.write(error_event(self._protocol, error, exchange.request_id))
        self._outgoing.break_off()

    # --- for the answer ---

    def write(self, piece: bytes, is_complete: bool) -> None:
        """See stream_answers.Outlet."""
        exchange = self._exchange
        if exchange.first_byte_seconds is None:
            exchange.first_byte_seconds = self._clock.monotonic() - exchange.started
            if not self._outgoing.has_begun:
                self._begin()
        if is_complete and self._answer is not None:
            # Before the last of it goes out: whoever has the whole answer has a record.
            self._metering.end(exchange, Outcome.COMPLETE, self._answer.spent)
        self._outgoing.write(piece)
        self._wrote_at = self._loop.time()
        exchange.answer_bytes += len(piece)

    # --- for the way out ---

    def hold(self) -> None:
        """See inbound.Flow."""
        if self._answer is not None:
            self._answer.hold()

    def go_on(self) -> None:
        """See inbound.Flow."""
        if self._answer is not None:
            self._answer.go_on()

    # --- inside ---

    def _look(self) -> None:
        """Called by the timer: is it time for a ping?"""
        now = self._loop.time()
        if now >= self._wrote_at + self._heartbeat:
            self._wrote_at = now
            # Whoever does not take what is there needs no ping.
            if not self._outgoing.is_behind:
                if not self._outgoing.has_begun:
                    self._begin()
                self._outgoing.write(ping(self._protocol))
        self._timer = self._loop.call_at(self._wrote_at + self._heartbeat, self._look)

    def _begin(self) -> None:
        self._outgoing.begin({**STREAM_HEADERS, **self._headers}, self._closes)
        self._exchange.status = 200
        self._exchange.stream_end = StreamEnd.CLIENT_GONE.value
