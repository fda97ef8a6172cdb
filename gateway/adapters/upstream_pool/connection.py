"""One connection to upstream: sends a request, reads its answer, is idle, and again.

It is the event loop's protocol and runs in its callbacks; no task belongs to it. One timer serves
all its deadlines: it is set anew only when it would come too late, so that a connection which is
used again and again has a timer that fires now and then and a request that costs a comparison.
"""

import asyncio
from typing import Any, Protocol, cast

from gateway.adapters.upstream_pool import faults
from gateway.adapters.upstream_pool.answer_reader import AnswerReader, MalformedAnswer
from gateway.adapters.upstream_pool.destination import Target
from gateway.adapters.upstream_pool.leftovers import leftovers
from gateway.adapters.upstream_pool.liveness import Silence, idle_seconds
from gateway.adapters.upstream_pool.reply import Reply
from gateway.domain.errors import GatewayError
from runtime.deadline import Deadlined

IDLE_CONNECTION_SECONDS = 55.0
"""Upstream closes idle connections after about 60 s (copilot-upstream.md §6.7): be first."""
READ_BYTES = 64 * 1024
TLS_BYTES_WAITING = 64 * 1024
"""Still encrypted, while nobody reads; both loops would let 256 KiB wait."""
PIECE_BYTES = 256 * 1024
"""Of a request's body at a time: over TLS a piece is encrypted, and so copied, at once."""
FIRST_REFUSAL = 300
"""An answer with this status or a higher one wants no more of the request; one below may be given
while the rest is taken."""


class Owner(Protocol):
    """Whose connections these are."""

    def idle(self, connection: "Connection") -> None:
        """It may be given to another request."""

    def lost(self, connection: "Connection") -> None:
        """It is closed. Called once for each that was made."""


class Connection(Deadlined, asyncio.BufferedProtocol):
    """See above. buffer: what all connections of a loop read into; each read is parsed at once."""

    __slots__ = (
        "_answer_by", "_buffer", "_is_held", "_is_paused", "_owner", "_reader", "_reply",
        "_silence", "_transport", "_unsent", "_was_used", "is_closed", "target",
    )  # fmt: skip

    def __init__(
        self,
        target: Target,
        owner: Owner,
        buffer: memoryview,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(loop)
        self.target = target
        self.is_closed = False
        self._owner = owner
        self._buffer = buffer
        self._reader = AnswerReader()
        self._reply: Reply | None = None
        self._unsent: memoryview | None = None
        self._is_held = False
        self._is_paused = False
        self._was_used = False
        self._answer_by = 0.0

    # --- for the pool ---

    def is_usable(self) -> bool:
        """Whether an idle connection may take a request.

        The loop may not have seen yet that upstream has ended it, so the kernel is asked: a
        request that meets a closed connection fails, since nobody can say what became of it.
        """
        is_open = not self.is_closed and not self._transport.is_closing()
        return is_open and bool(self._silence)

    def send(
        self, head: bytes, body: bytes | None, first_byte_by: float, answer_by: float
    ) -> Reply:
        """Send a request. The reply has the answer, or why there is none.

        first_byte_by, answer_by: when to give up waiting for its head and its end, in loop time.
        """
        reply = self._reply = Reply(self)
        self._reader.begin()
        self._answer_by = answer_by
        self._wait_until(min(first_byte_by, answer_by))
        if body is None or len(body) < PIECE_BYTES:
            self._transport.write(head + body if body else head)
        else:
            self._transport.write(head)
            self._unsent = memoryview(body)
            self._send_more()
        return reply

    def rest(self) -> None:
        """Be idle, for a time."""
        seconds = IDLE_CONNECTION_SECONDS
        said = self._reader.headers.get("keep-alive")
        if said is not None:
            seconds = min(seconds, idle_seconds(said))
        self._wait_until(self._loop.time() + seconds)

    # --- for the reply ---

    def pause(self) -> None:
        if not self._is_paused and not self.is_closed:
            self._is_paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        if self._is_paused and not self.is_closed:
            self._is_paused = False
            self._transport.resume_reading()

    def drop(self) -> None:
        """Closing at once is how upstream learns that nobody listens any more."""
        self._reply = None
        self._unsent = None
        if not self.is_closed:
            self.is_closed = True
            self._transport.abort()

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        fileno = transport.get_extra_info("socket").fileno()
        self._silence = Silence(fileno, may_speak=self.target.is_tls)
        if self.target.is_tls:
            # A method of both loops' TLS transports, and of no abstract class.
            cast(Any, transport).set_read_buffer_limits(high=TLS_BYTES_WAITING)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        reply, reader = self._reply, self._reader
        if reply is None:
            # Nobody has asked for anything, or nobody wants it any more.
            self.drop()
            return
        had_head = reader.has_head
        error = None
        try:
            reader.feed(self._buffer[:nbytes])
        except MalformedAnswer:
            error = faults.broken_off() if reader.has_head else faults.no_answer()
        if reader.has_head and not had_head:
            self._deadline = self._answer_by
            if reader.status >= FIRST_REFUSAL:
                self._stop_sending()
            reply.begin(reader.status, reader.headers)
        pieces = reader.pieces
        if pieces:
            # One read is one piece, however many chunks upstream had made of it.
            reader.pieces = []
            reply.feed(pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if error is not None:
            self._fail(error)
        elif reader.is_complete:
            self._settle()

    def eof_received(self) -> bool:
        """Upstream sends nothing more; answers without a length end so."""
        self._end(is_proper=True)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_closed = True
        self._wait_no_more()
        if exc is not None:
            self._read_leftovers()
        # Upstream that closes with some of a request unread can end its refusal by a reset only.
        self._end(is_proper=self._reader.status >= FIRST_REFUSAL)
        self._reader.forget()
        self._owner.lost(self)

    def pause_writing(self) -> None:
        self._is_held = True

    def resume_writing(self) -> None:
        self._is_held = False
        if self._unsent is not None:
            self._send_more()

    # --- inside ---

    def _send_more(self) -> None:
        while self._unsent is not None and not self._is_held:
            if self._transport.is_closing():
                return
            if not self._reader.has_head and self._silence.is_over():
                # It may be a refusal, to be read before a write finds the connection closed. The
                # loop does so now, since nothing holds it back before there is a head.
                self._loop.call_soon(self._send_more)
                return
            piece, rest = self._unsent[:PIECE_BYTES], self._unsent[PIECE_BYTES:]
            self._unsent = rest if rest else None
            self._transport.write(piece)

    def _stop_sending(self) -> None:
        """Upstream has answered and wants no more: what was begun leaves nothing to go on with."""
        if self._unsent is not None:
            self._unsent = None
            self._reader.keeps_alive = False

    def _read_leftovers(self) -> None:
        """What came before a write failed. Over TLS it is the loop's alone to decrypt."""
        if self._reply is None or self.target.is_tls:
            return
        # The loop closes the socket after this callback.
        for count in leftovers(self._transport.get_extra_info("socket").fileno(), self._buffer):
            if self._reply is None:
                return
            self.buffer_updated(count)

    def _settle(self) -> None:
        """The answer is complete. A request that is still being sent cannot be called back."""
        reply, self._reply = self._reply, None
        is_sent = self._unsent is None and self._transport.get_write_buffer_size() == 0
        if self._reader.keeps_alive and is_sent and not self.is_closed:
            self.resume()
            self._was_used = True
            self._owner.idle(self)
        else:
            self.drop()
        if reply is not None:
            reply.finish()

    def _end(self, *, is_proper: bool) -> None:
        """Upstream has ended the connection. is_proper: an answer without a length ends so."""
        try:
            is_complete = self._reply is not None and is_proper and self._reader.feed_eof()
        except MalformedAnswer:
            is_complete = False
        if is_complete:
            self._settle()
        else:
            self._fail(self._lost())

    def _lost(self) -> GatewayError:
        reader = self._reader
        if reader.has_head:
            return faults.broken_off()
        if reader.has_begun:
            return faults.broken_head()
        return faults.NothingCame(was_used=self._was_used)

    def _fail(self, error: GatewayError) -> None:
        reply = self._reply
        self.drop()
        if reply is not None:
            reply.finish(error)

    def _due(self) -> None:
        """See Deadlined: of the head, of the answer, or of being idle."""
        if self._reply is None:
            self.drop()
        else:
            self._fail(faults.unfinished() if self._reader.has_head else faults.unanswered())
