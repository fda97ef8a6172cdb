"""Connections whose requests are read by aiohttp's server, once one of them was unusual or none.

What is malformed is refused here, in our words: aiohttp's own quote it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol, cast

from aiohttp import web
from aiohttp.http import RawRequestMessage
from aiohttp.http_exceptions import PayloadEncodingError
from aiohttp.web_protocol import RequestHandler

from gateway.web.aiohttp_requests import AiohttpRequest, Written
from gateway.web.http1.outgoing import Date, Http1Outgoing, say_failed
from gateway.web.http1.resets import end_by_reset, taken
from gateway.web.inbound import Inbound
from gateway.web.responses import Response

Answer = Callable[[Inbound], Awaitable[Response | None]]
"""None: it was streamed."""
Refuse = Callable[[bool], Response]
"""The answer to what is no request; True where the failure is ours."""
SERVER_ERROR = 500


class Owner(Protocol):
    """Whose connections these are."""

    @property
    def is_ending(self) -> bool:
        """Whether connections end as soon as they are idle."""

    def opened(self, connection: "AiohttpHandler") -> None:
        """A connection was taken over."""

    def closed(self, connection: "AiohttpHandler") -> None:
        """It is gone."""

    def is_aged(self, connection: "AiohttpHandler") -> bool:
        """Whether it is to end with its next answer."""


class AiohttpHandler(RequestHandler):
    """One connection. aiohttp's own words for what it cannot read quote it: keys and content."""

    __slots__ = ("_carrier", "_date", "_look_timer", "_refuse", "_untaken", "outgoing")

    def __init__(self, refuse: Refuse, date: Date, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refuse = refuse
        self._date = date
        self._carrier: asyncio.Transport | None = None
        """aiohttp forgets its transport when it begins to close it."""
        self._untaken = 0
        """How much the caller had not taken when that was last looked at."""
        self._look_timer: asyncio.TimerHandle | None = None
        self.outgoing: Http1Outgoing | None = None
        """Of the request under way."""

    @property
    def task(self) -> asyncio.Task[None] | None:
        """See server.Connection."""
        return self._task_handler

    def close_if_idle(self) -> None:
        """See server.Connection."""
        if not self._request_in_progress and not self._messages:
            self.force_close()

    def abort(self) -> None:
        """See server.Connection."""
        if self._task_handler is not None:
            self._task_handler.cancel()
        if self._carrier is not None:
            self._carrier.abort()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what never reaches our handler, and for callers that have left.

        Its own answers say which server this is, in the version of HTTP that it takes for spoken.
        """
        if self._carrier is not None and not isinstance(exc, ConnectionError):
            outgoing = Http1Outgoing(self._carrier, self._date)
            outgoing.closes = True
            outgoing.whole(self._refuse(status >= SERVER_ERROR))
        return Written(closes=True)

    async def let_take(self) -> None:
        """Before a reset, which would lose what the caller has not taken."""
        if self._carrier is not None:
            await taken(self._carrier)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the server."""
        self._carrier = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Called by the event loop."""
        self._carrier = None
        self._stop_looking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        super().data_received(data)
        request, messages = self._current_request, self._messages
        # aiohttp takes what is malformed for the next request; inside a body it is this one's, and
        # nobody would wake whoever reads that.
        is_malformed = messages and not isinstance(messages[-1][0], RawRequestMessage)
        if is_malformed and request is not None and not request.content.is_eof():
            request.content.set_exception(PayloadEncodingError("not as its headers say"))

    def eof_received(self) -> None:
        """Called by the event loop, which says `connection_lost` only when all is flushed."""
        if self._request_in_progress:
            self.abort()

    def pause_writing(self) -> None:
        """Called by the event loop."""
        super().pause_writing()
        self.look_later()
        if self.outgoing is not None:
            self.outgoing.fell_behind()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        super().resume_writing()
        if self.outgoing is not None:
            self.outgoing.caught_up()

    def look_later(self) -> None:
        """What was written is to be taken, or some of it, by the time an idle caller has."""
        self._stop_looking()
        left = 0 if self._carrier is None else self._carrier.get_write_buffer_size()
        if left:
            self._untaken = left
            self._look_timer = self._loop.call_later(self.keepalive_timeout, self._look)

    def _look(self) -> None:
        """Called by the timer: a caller that takes nothing at all is not waited for."""
        self._look_timer = None
        left = 0 if self._carrier is None else self._carrier.get_write_buffer_size()
        if self._carrier is not None and left and left >= self._untaken:
            # It may still take what its side has, and must not think that this was all.
            end_by_reset(self._carrier, True)
            self.abort()
        else:
            self.look_later()

    def _stop_looking(self) -> None:
        if self._look_timer is not None:
            self._look_timer.cancel()
            self._look_timer = None

    def log_exception(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; for bodies too that are not what their headers say, which callers are
        told."""
        error = options.get("exc_info")
        if not isinstance(error, web.RequestPayloadError | PayloadEncodingError):
            say_failed(error)

    def log_debug(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; may quote what was sent."""


class AiohttpServer(web.Server):
    """Takes over connections."""

    def __init__(
        self, answer: Answer, refuse: Refuse, date: Date, keepalive_seconds: float, owner: Owner
    ) -> None:
        super().__init__(
            self._handle,
            # A caller that leaves cancels its handler, and with it the upstream request, at once.
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=keepalive_seconds,
        )
        self._answer = answer
        self._refuse = refuse
        self._date = date
        self._owner = owner

    def take_over(self, transport: asyncio.Transport, data: bytes) -> AiohttpHandler:
        """A connection whose next request begins with these bytes."""
        handler = AiohttpHandler(self._refuse, self._date, self, loop=self._loop, **self._kwargs)
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(data)
        return handler

    def connection_made(self, handler: RequestHandler, transport: Any) -> None:
        """Called by aiohttp."""
        super().connection_made(handler, transport)
        self._owner.opened(_ours(handler))

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Called by aiohttp."""
        super().connection_lost(handler, exc)
        self._owner.closed(_ours(handler))

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        handler = _ours(request.protocol)
        inbound = AiohttpRequest(request, self._date, partial(self._owner.is_aged, handler))
        outgoing = inbound.outgoing
        handler.outgoing = outgoing
        has_body = request.method != "HEAD"
        try:
            response = await self._answer(inbound)
            if response is not None:
                response.closes = response.closes or inbound.is_broken
                outgoing.whole(response, has_body)
        except ConnectionError:
            raise
        except Exception as error:
            say_failed(error)
            outgoing.whole(self._refuse(True), has_body)
        finally:
            handler.outgoing = None
            handler.look_later()
        if outgoing.is_to_be_reset:
            await handler.let_take()
        return Written(outgoing.closes or self._owner.is_ending)


def _ours(handler: RequestHandler) -> AiohttpHandler:
    assert isinstance(handler, AiohttpHandler)  # noqa: S101  this server makes no other
    return handler
