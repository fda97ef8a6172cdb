"""USE CASE: one upstream answer, read as far as it has to be before a caller may see any of it.

A stream is followed event by event: nothing of it is handed out before its first semantic event
is there, and an end that is not its protocol's own is an error. A whole answer is read to its
end, and repaired where SDKs would choke. Knows neither accounts nor callers.
"""

import asyncio
from collections.abc import AsyncIterator

from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.protocols import Protocol
from gateway.domain.refusals import Row
from gateway.domain.streams.following import Follower, follower_for
from gateway.domain.upstream_errors import explain_event
from gateway.domain.whole import chat as whole_chat
from gateway.domain.whole.assembling import ChatAssembly
from gateway.ports import Clock, UpstreamReply

BODY_END_SECONDS = 0.1
"""The end of a body comes with the last event, or right behind it."""
MAX_WHOLE_ANSWER_BYTES = 64 * 1024 * 1024


class StreamAnswer:
    """A stream of which the first semantic event has come."""

    def __init__(
        self,
        reply: UpstreamReply,
        follower: Follower,
        rows: tuple[Row, ...],
        idle_seconds: float,
        clock: Clock,
    ) -> None:
        self.headers = reply.headers
        self._chunks = reply.chunks().__aiter__()
        self._follower = follower
        self._rows = rows
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._silent_seconds = 0.0
        """How long upstream was waited for since its last semantic event; a caller that is slow
        to take what there is does not count, and a ping of upstream's does not end it."""
        self._first = b""
        self._is_handed_out = False
        self._is_over = False

    async def begin(self) -> None:
        """Read up to the first semantic event. Raises GatewayError: nothing was handed out yet."""
        first = b""
        while self._follower.events == 0 and not self._is_over:
            first += await self._read()
        self._raise_failure()
        if self._follower.events == 0:
            raise truncated()
        self._first = first

    async def next(self) -> bytes:
        """Whole events to pass on; empty when the stream has ended as it should.

        Raises GatewayError when it has not: UPSTREAM_CUT_OFF, _TRUNCATED, _IDLE, or what an error
        event of upstream's means.
        """
        self._is_handed_out = True
        if self._first:
            first, self._first = self._first, b""
            return first
        while not self._is_over:
            # What came before the error event was passed on with the step before.
            self._raise_failure()
            if self._follower.is_complete:
                await self._see_the_end()
                break
            found = await self._read()
            if found:
                return found
        self._raise_failure()
        return b""

    def _raise_failure(self) -> None:
        failure = self._follower.failure
        if failure is None:
            return
        error = explain_event(failure.code, failure.type, failure.message, self._rows)
        if self._is_handed_out and error.fault is Fault.UPSTREAM_UNAVAILABLE:
            raise GatewayError(
                Fault.UPSTREAM_STREAM_ERROR, "Upstream failed in the middle of its answer."
            )
        raise error

    async def _see_the_end(self) -> None:
        """Nothing more can come, but a connection whose answer was read to its end is kept.

        Upstream may leave it open all the same: that keeps nobody waiting.
        """
        self._is_over = True
        try:
            async with asyncio.timeout(BODY_END_SECONDS):
                while await anext(self._chunks, None) is not None:
                    pass
        except (TimeoutError, GatewayError):
            return

    async def _read(self) -> bytes:
        """One step: what one chunk of upstream's lets through."""
        chunk = await self._next_chunk()
        if chunk is not None:
            events = self._follower.events
            found = self._follower.feed(chunk)
            if self._follower.events > events:
                self._silent_seconds = 0.0
            return found
        self._is_over = True
        rest = self._follower.finish()
        if self._follower.failure is None and not self._follower.is_complete:
            raise truncated()
        return rest

    async def _next_chunk(self) -> bytes | None:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._idle_seconds - self._silent_seconds):
                chunk = await anext(self._chunks, None)
        except TimeoutError:
            raise GatewayError(
                Fault.UPSTREAM_IDLE, "Upstream fell silent before the end."
            ) from None
        self._silent_seconds += self._clock.monotonic() - began
        return chunk


def truncated() -> GatewayError:
    """The error for a stream that ended, but not with its protocol's end."""
    return GatewayError(Fault.UPSTREAM_TRUNCATED, "Upstream's stream ended before its end.")


async def open_stream(
    reply: UpstreamReply, call: Call, rows: tuple[Row, ...], idle_seconds: float, clock: Clock
) -> StreamAnswer:
    """The answer's stream with its first semantic event read. Raises GatewayError.

    rows: what errors mean on this platform.
    """
    kind = reply.headers.get("content-type", "").lower()
    if "json" in kind or "html" in kind:
        await _explain_no_stream(reply, rows)
    follower = follower_for(
        call.protocol, choices=call.choices, created=int(clock.now()), model=call.model
    )
    answer = StreamAnswer(reply, follower, rows, idle_seconds, clock)
    await answer.begin()
    return answer


async def _explain_no_stream(reply: UpstreamReply, rows: tuple[Row, ...]) -> None:
    failure = whole_chat.error_in_200(await reply.read(MAX_WHOLE_ANSWER_BYTES))
    if failure is not None:
        raise explain_event(failure.code, failure.type, failure.message, rows)
    raise GatewayError(
        Fault.UPSTREAM_BAD_ANSWER, "Upstream answered a request for a stream without one."
    )


async def read_whole(
    reply: UpstreamReply, call: Call, rows: tuple[Row, ...], clock: Clock
) -> bytes:
    """The whole answer, repaired. Raises GatewayError."""
    body = await reply.read(MAX_WHOLE_ANSWER_BYTES)
    failure = whole_chat.error_in_200(body)
    if failure is not None:
        raise explain_event(failure.code, failure.type, failure.message, rows)
    if call.protocol is Protocol.CHAT:
        return whole_chat.repair(body, created=int(clock.now()), choices=call.choices)
    return body


async def assemble(answer: StreamAnswer) -> bytes:
    """One whole answer from a chat stream. Raises GatewayError."""
    assembly = ChatAssembly()
    size = 0
    async for events in _pieces(answer):
        size += len(events)
        if size > MAX_WHOLE_ANSWER_BYTES:
            raise GatewayError(
                Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer is larger than allowed here."
            )
        assembly.feed(events)
    return assembly.result()


async def _pieces(answer: StreamAnswer) -> AsyncIterator[bytes]:
    while piece := await answer.next():
        yield piece
