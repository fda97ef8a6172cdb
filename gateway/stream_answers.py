"""USE CASE: one upstream stream, of which nothing goes on before its first semantic event is there.

It is followed event by event, and an end that is not its protocol's own is an error. It is
translated where the caller speaks another protocol than upstream. Knows neither accounts nor
callers.
"""

import asyncio

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.refusals import Row
from gateway.domain.streams.following import Follower, follower_for
from gateway.domain.translation.contract import StreamTranslator
from gateway.domain.upstream_errors import explain_event
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.spent import Spent
from gateway.domain.whole import chat as whole_chat
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
        translator: StreamTranslator | None,
        rows: tuple[Row, ...],
        idle_seconds: float,
        clock: Clock,
    ) -> None:
        self._chunks = reply.chunks().__aiter__()
        self._follower = follower
        self._translator = translator
        self._rows = rows
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._silent_seconds = 0.0
        """How long upstream was waited for since its last semantic event; a caller that is slow
        to take what there is does not count, and a ping of upstream's does not end it."""
        self._first = b""
        self._is_handed_out = False
        self._is_over = False

    @property
    def spent(self) -> Spent:
        """What upstream has said so far that this answer costs. Not in `exchange.spent` yet: the
        relay adds it there when the stream is over, or left (see relay.Relay.open)."""
        return self._follower.spent

    @property
    def is_complete(self) -> bool:
        """Whether upstream's answer is all there: what is still to be written to the caller
        changes nothing of what it cost. True when `next` has returned the last piece, so that the
        cost can be written down before that piece goes out."""
        return self._follower.is_complete

    async def begin(self) -> None:
        """Read up to the first semantic event. Raises GatewayError: nothing was handed out yet."""
        first = b""
        while not (self._is_over or self._follower.is_complete):
            first += await self._read()
            if self._follower.events > 0 and first:
                break
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
                break
            found = await self._read()
            if found:
                return found
        self._raise_failure()
        return await self._last()

    async def _last(self) -> bytes:
        """What a translator has left to say; then nothing."""
        if self._translator is not None:
            rest, self._translator = self._translator.finish(), None
            if rest:
                return rest
        if not self._is_over:
            await self._see_the_end()
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
            return self._translated(found)
        self._is_over = True
        rest = self._follower.finish()
        if self._follower.failure is None and not self._follower.is_complete:
            raise truncated()
        return self._translated(rest)

    def _translated(self, events: bytes) -> bytes:
        return self._translator.feed(events) if self._translator is not None and events else events

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
    reply: UpstreamReply, expected: Expected, meter: Meter, idle_seconds: float, clock: Clock
) -> StreamAnswer:
    """The answer's stream with its first semantic event read. Raises GatewayError.

    meter: has what upstream says that the answer costs, as it comes, whatever becomes of it.
    """
    kind = reply.headers.get("content-type", "").lower()
    if "json" in kind or "html" in kind:
        await _explain_no_stream(reply, expected.rows)
    asked, translation = expected.asked, expected.translation
    follower = follower_for(
        expected.protocol,
        choices=expected.choices,
        created=asked.created,
        model=asked.model,
        wants_usage=expected.wants_usage,
        meter=meter,
    )
    translator = translation.stream(asked) if translation is not None else None
    answer = StreamAnswer(reply, follower, translator, expected.rows, idle_seconds, clock)
    await answer.begin()
    return answer


async def _explain_no_stream(reply: UpstreamReply, rows: tuple[Row, ...]) -> None:
    failure = whole_chat.error_in_200(await reply.read(MAX_WHOLE_ANSWER_BYTES))
    if failure is not None:
        raise explain_event(failure.code, failure.type, failure.message, rows)
    raise GatewayError(
        Fault.UPSTREAM_BAD_ANSWER, "Upstream answered a request for a stream without one."
    )
