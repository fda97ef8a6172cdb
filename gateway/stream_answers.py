"""USE CASE: one upstream stream, of which nothing goes on before its first semantic event is there.

It is followed event by event, and an end that is not its protocol's own is an error. It is
translated where the caller speaks another protocol than upstream. From its first event on it is
poured: what comes goes on inside the event loop's callback, and no task runs in between. Knows
neither accounts nor callers.
"""

import asyncio
from typing import Protocol as Contract

from gateway.domain.bad_answers import fell_silent
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.refusals import Row
from gateway.domain.streams.following import Follower, follower_for
from gateway.domain.translation.contract import StreamTranslator
from gateway.domain.upstream_errors import explain_event
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.spent import Spent
from gateway.domain.whole import chat as whole_chat
from gateway.ports.upstream import UpstreamReply

BODY_END_SECONDS = 0.1
"""The end of a body comes with the last event, or right behind it."""
MAX_WHOLE_ANSWER_BYTES = 64 * 1024 * 1024


class Outlet(Contract):
    """Where an answer goes."""

    def write(self, piece: bytes, is_complete: bool) -> None:
        """Whole events, never empty. Waits for nothing; what it raises ends the answer.

        is_complete: whether upstream's answer is all there, so that its cost can be written down
        before this piece goes out; of what follows nothing changes it.
        """


class StreamAnswer:
    """A stream of which the first semantic event has come."""

    __slots__ = (
        "_first", "_follower", "_heard_at", "_idle_seconds", "_is_body_over", "_is_handed_out",
        "_is_held", "_loop", "_outlet", "_reply", "_rows", "_timer", "_translator", "_turn",
    )  # fmt: skip

    def __init__(
        self,
        reply: UpstreamReply,
        follower: Follower,
        translator: StreamTranslator | None,
        rows: tuple[Row, ...],
        idle_seconds: float,
    ) -> None:
        self._reply = reply
        self._follower = follower
        self._translator = translator
        self._rows = rows
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        """When the last semantic event came, or a caller that was behind caught up: how long
        upstream is waited for begins anew then. A ping of upstream's does not end it."""
        self._first = b""
        self._is_handed_out = False
        self._is_body_over = False
        self._is_held = False
        self._outlet: Outlet | None = None
        self._turn: asyncio.Future[None] | None = None
        """Done when the answer is over, one way or the other, or its body is."""
        self._timer: asyncio.TimerHandle | None = None

    @property
    def spent(self) -> Spent:
        """What upstream has said so far that this answer costs. Not in `exchange.spent` yet: the
        relay adds it there when the stream is over, or left (see relay.Passage)."""
        return self._follower.spent

    @property
    def is_complete(self) -> bool:
        """Whether upstream's answer is all there."""
        return self._follower.is_complete

    async def begin(self) -> None:
        """Read up to the first semantic event. Raises GatewayError: nothing was handed out yet."""
        chunks = self._reply.chunks()
        first = b""
        try:
            async with asyncio.timeout(self._idle_seconds):
                while not (self._is_body_over or self._follower.is_complete):
                    chunk = await anext(chunks, None)
                    first += self._last_events() if chunk is None else self._events_of(chunk)
                    if self._follower.events > 0 and first:
                        break
        except TimeoutError:
            raise fell_silent() from None
        self._raise_failure()
        if self._follower.events == 0:
            raise truncated()
        self._first = first

    async def pour(self, outlet: Outlet) -> None:
        """Hand all of it out; returns when it has ended as it should.

        Raises GatewayError when it has not: UPSTREAM_CUT_OFF, _TRUNCATED, _IDLE, or what an error
        event of upstream's means; and what the outlet raises.
        """
        self._is_handed_out = True
        self._outlet = outlet
        first, self._first = self._first, b""
        if first:
            outlet.write(first, self._follower.is_complete)
        try:
            if not (self._is_body_over or self._follower.is_complete):
                await self._rest(outlet)
            # What came before an error event has been passed on.
            self._raise_failure()
            if self._translator is not None:
                last = self._translator.finish()
                if last:
                    outlet.write(last, True)
            if not self._is_body_over:
                await self._see_the_end()
        finally:
            self._outlet = None

    def hold(self) -> None:
        """The outlet is behind: nothing is read until `go_on`."""
        self._is_held = True
        self._reply.pause()

    def go_on(self) -> None:
        """It has caught up."""
        self._is_held = False
        self._heard_at = self._loop.time()
        self._reply.resume()

    # --- for the reply ---

    def write(self, data: bytes) -> None:
        """See ports.upstream.Sink."""
        follower, outlet = self._follower, self._outlet
        if outlet is None or follower.is_complete:
            return
        known = follower.events
        try:
            found = follower.feed(data)
            if self._translator is not None and found:
                found = self._translator.feed(found)
            if found:
                outlet.write(found, follower.is_complete)
        except Exception as error:
            self._wake(error)
            return
        if follower.events != known:
            self._heard_at = self._loop.time()
        if follower.is_complete or follower.failure is not None:
            self._wake()

    def finish(self, error: GatewayError | None) -> None:
        """See ports.upstream.Sink."""
        self._is_body_over = True
        self._wake(error)

    # --- inside ---

    async def _rest(self, outlet: Outlet) -> None:
        """What comes until the answer is complete, has failed, or its body is over."""
        self._turn = self._loop.create_future()
        self._heard_at = self._loop.time()
        self._timer = self._loop.call_later(self._idle_seconds, self._look)
        try:
            self._reply.pour(self)
            await self._turn
        finally:
            self._timer.cancel()
            self._turn = None
        if self._is_body_over and not self._follower.is_complete:
            last = self._last_events()
            if last:
                outlet.write(last, self._follower.is_complete)

    def _events_of(self, data: bytes) -> bytes:
        events = self._follower.feed(data)
        return self._translator.feed(events) if self._translator is not None and events else events

    def _last_events(self) -> bytes:
        """What the end of the body lets through. Raises GatewayError."""
        self._is_body_over = True
        rest = self._follower.finish()
        if self._follower.failure is None and not self._follower.is_complete:
            raise truncated()
        return self._translator.feed(rest) if self._translator is not None and rest else rest

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
        self._turn = self._loop.create_future()
        self._timer = self._loop.call_later(BODY_END_SECONDS, self._wake)
        try:
            # Again, where the end was seen while pouring: then it is told at once.
            self._reply.pour(self)
            await self._turn
        except GatewayError:
            return
        finally:
            self._timer.cancel()
            self._turn = None

    def _look(self) -> None:
        """Called by the timer: has upstream been silent for too long?"""
        now = self._loop.time()
        if self._is_held:
            self._heard_at = now
        due = self._heard_at + self._idle_seconds
        if now >= due:
            self._wake(fell_silent())
        else:
            self._timer = self._loop.call_at(due, self._look)

    def _wake(self, error: Exception | None = None) -> None:
        turn = self._turn
        if turn is None or turn.done():
            return
        if error is None:
            turn.set_result(None)
        else:
            turn.set_exception(error)


def truncated() -> GatewayError:
    """The error for a stream that ended, but not with its protocol's end."""
    return GatewayError(Fault.UPSTREAM_TRUNCATED, "Upstream's stream ended before its end.")


async def open_stream(
    reply: UpstreamReply, expected: Expected, meter: Meter, idle_seconds: float
) -> StreamAnswer:
    """The answer's stream with its first semantic event read. Raises GatewayError.

    meter: has what upstream says that the answer costs, as it comes, whatever becomes of it.
    """
    kind = reply.headers.get("content-type", "").lower()
    if "json" in kind or "html" in kind:
        await _explain_no_stream(reply, expected.rows, idle_seconds)
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
    answer = StreamAnswer(reply, follower, translator, expected.rows, idle_seconds)
    await answer.begin()
    return answer


async def _explain_no_stream(
    reply: UpstreamReply, rows: tuple[Row, ...], idle_seconds: float
) -> None:
    failure = whole_chat.error_in_200(await reply.read(MAX_WHOLE_ANSWER_BYTES, idle_seconds))
    if failure is not None:
        raise explain_event(failure.code, failure.type, failure.message, rows)
    raise GatewayError(
        Fault.UPSTREAM_BAD_ANSWER, "Upstream answered a request for a stream without one."
    )
