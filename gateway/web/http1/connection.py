"""One caller's connection: reads a request, has it answered, reads the next one.

It is the event loop's protocol and runs in its callbacks; each request has a task of its own, which
ends when the caller leaves. What is not plain HTTP/1.1 is handed over, with the connection.
"""

import asyncio
import socket
from collections.abc import Awaitable
from contextlib import suppress
from typing import Protocol, cast

from gateway.web.http1.outgoing import Date, Http1Outgoing, say_failed
from gateway.web.http1.request import Http1Request
from gateway.web.http1.request_reader import RequestHead, RequestReader, Unusual
from gateway.web.responses import Response
from runtime.deadline import Deadlined

KEEPALIVE_SECONDS = 75.0
"""Longer than a load balancer's usual 60 s, so that it is the one to close an idle connection:
the other way round a request can meet a connection that is just being closed. A head that has
not come by then, and an answer of which nothing was taken for so long, end their connection too."""
LINGER_SECONDS = 10.0
"""How long the rest of a body that nobody wants is read: closing at once could take the answer from
a caller that is still sending."""
MOST_SKIPPED_BYTES = 1024 * 1024
"""Of such a rest, for the connection to be used again."""
MOST_BYTES_EARLY = 64 * 1024
"""Of what nobody has asked for yet, a body or requests behind the one that is answered; then
nothing is read."""


class Owner(Protocol):
    """Whose connections these are."""

    @property
    def is_ending(self) -> bool:
        """Whether connections end as soon as they are idle."""

    @property
    def date(self) -> Date:
        """For answers."""

    def opened(self, connection: "CallerConnection") -> None:
        """A caller has connected."""

    def closed(self, connection: "CallerConnection") -> None:
        """The connection is gone."""

    def is_aged(self, connection: "CallerConnection") -> bool:
        """Whether it is to end with its next answer."""

    def answer(self, request: Http1Request) -> Awaitable[Response | None]:
        """The answer to a request; None when it was streamed. Raises ConnectionError."""

    def refuse(self, is_ours: bool) -> Response:
        """The answer where `answer` has none. is_ours: whether the failure is."""

    def take_over(
        self, connection: "CallerConnection", transport: asyncio.Transport, data: bytes
    ) -> None:
        """Read on in a way that knows all of HTTP; `data` was read already."""


class CallerConnection(Deadlined, asyncio.Protocol):
    """See above."""

    __slots__ = (
        "_early", "_is_behind", "_is_paused", "_owner", "_reader", "_remote", "_request", "_task",
        "_transport", "_untaken",
    )  # fmt: skip

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._owner = owner
        self._reader = RequestReader()
        self._request: Http1Request | None = None
        """The one under way, or whose body nobody wants is still coming."""
        self._task: asyncio.Task[None] | None = None
        self._early = b""
        self._is_behind = False
        """Whether the caller is, with taking what was written."""
        self._is_paused = False
        """Whether nothing is read."""
        self._untaken = 0
        """How much of what was written the caller had not taken when closing was last looked at."""

    # --- for the server ---

    @property
    def task(self) -> asyncio.Task[None] | None:
        """That of the request under way."""
        return self._task

    @property
    def is_aged(self) -> bool:
        """Whether it is to end with its next answer."""
        return self._owner.is_aged(self)

    def close_if_idle(self) -> None:
        """Nothing more is to come over it."""
        if self._request is None:
            self._close()

    def abort(self) -> None:
        """Whatever it is doing."""
        if self._task is not None:
            self._task.cancel()
        self._transport.abort()

    # --- what the event loop calls ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._remote = str(peer[0]) if isinstance(peer, tuple) else None
        own = transport.get_extra_info("socket")
        if own is not None:
            # A caller that is gone already is found out soon enough.
            with suppress(OSError):
                own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._owner.opened(self)
        self._wait_for(KEEPALIVE_SECONDS)

    def data_received(self, data: bytes) -> None:
        request = self._request
        if request is None and not self._is_behind:
            self._read(data)
            return
        if request is not None and request.missing:
            data = request.feed(data)
        if data:
            self._early += data
        if request is not None and self._task is None:
            self._skip(request)
        else:
            self._pace()

    def eof_received(self) -> None:
        # The event loop closes behind what was written, and says `connection_lost` only then.
        if self._task is not None:
            self._task.cancel()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        if self._task is not None:
            self._task.cancel()
        # Request and connection know each other; without this they would wait for the collector.
        self._request = None
        self._early = b""
        self._owner.closed(self)

    def pause_writing(self) -> None:
        self._is_behind = True
        if self._request is not None:
            self._request.outgoing.fell_behind()

    def resume_writing(self) -> None:
        self._is_behind = False
        if self._request is not None:
            self._request.outgoing.caught_up()
        else:
            self._go_on()

    # --- a request ---

    def _read(self, data: bytes) -> None:
        try:
            head = self._reader.feed(data)
        except Unusual as unusual:
            self._hand_over(unusual.data)
            return
        if head is not None:
            self._begin(head)

    def _begin(self, head: RequestHead) -> None:
        outgoing = Http1Outgoing(self._transport, self._owner.date)
        if not head.keeps_alive:
            outgoing.closes = True
        self._request = request = Http1Request(head, self._remote, outgoing, self)
        rest = self._reader.rest
        if rest:
            self._reader.rest = b""
            self._early = request.feed(rest) if request.missing else rest
        # Not by the loop's method, and with a name: it would make up another for each.
        self._task = asyncio.Task(self._serve(request), loop=self._loop, name="request")

    async def _serve(self, request: Http1Request) -> None:
        outgoing = request.outgoing
        try:
            response = await self._owner.answer(request)
            if response is not None:
                if request.missing > MOST_SKIPPED_BYTES:
                    outgoing.closes = True
                outgoing.whole(response)
        except ConnectionError:
            # The caller has left; there is nobody to answer.
            self._transport.abort()
        except asyncio.CancelledError:
            # Or the server is at its end.
            self._transport.abort()
            raise
        except Exception as error:
            say_failed(error)
            outgoing.whole(self._owner.refuse(True))
        finally:
            self._task = None
        if request is not self._request:
            return
        if request.missing:
            self._wait_for(LINGER_SECONDS)
            self._skip(request)
        else:
            self._finish(request)

    def _skip(self, request: Http1Request) -> None:
        """The rest of a body that came after its answer."""
        request.skip()
        if request.missing and not self._transport.is_closing():
            self._pace()
        else:
            self._finish(request)

    def _finish(self, request: Http1Request) -> None:
        self._request = None
        if request.outgoing.closes or self._owner.is_ending or self._transport.is_closing():
            self._close()
            return
        self._wait_for(KEEPALIVE_SECONDS)
        if self._early:
            self._go_on()

    def _go_on(self) -> None:
        """The next request, if it has come already and the caller has taken the answers before."""
        early = self._early
        if early and not self._is_behind and not self._transport.is_closing():
            self._early = b""
            self._read(early)
            if self._is_paused:
                self._pace()

    def _hand_over(self, data: bytes) -> None:
        self._wait_no_more()
        if self._is_paused:
            self._pace()
        self._owner.take_over(self, self._transport, data)

    def _pace(self) -> None:
        """Read on, or do not."""
        request = self._request
        is_full = len(self._early) > MOST_BYTES_EARLY or (
            request is not None and request.unasked > MOST_BYTES_EARLY
        )
        if is_full is self._is_paused or self._transport.is_closing():
            return
        self._is_paused = is_full
        if is_full:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def go_on_reading(self) -> None:
        """See request.Carrier."""
        if self._is_paused:
            self._pace()

    def _close(self) -> None:
        """What was written still goes out, as long as the caller takes it."""
        self._early = b""
        self._transport.close()
        self._untaken = self._transport.get_write_buffer_size()
        if self._untaken:
            self._wait_for(KEEPALIVE_SECONDS)

    # --- time ---

    def _wait_for(self, seconds: float) -> None:
        """Close in so many seconds, unless another request comes."""
        self._wait_until(self._loop.time() + seconds)

    def _due(self) -> None:
        """See Deadlined. A request that has come meanwhile has deadlines of its own."""
        transport = self._transport
        if self._task is not None:
            return
        if transport.is_closing() and transport.get_write_buffer_size() >= self._untaken:
            transport.abort()
        else:
            self._close()
