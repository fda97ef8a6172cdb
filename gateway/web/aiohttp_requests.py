"""Requests that are framed in an unusual way, and what is none: read by aiohttp's server.

Chunked and compressed bodies, callers that wait to be invited, older versions of HTTP, methods of
no endpoint, and whatever is malformed. Answers go back as those of plain requests do.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import PayloadEncodingError
from aiohttp.web_protocol import RequestHandler

from gateway.domain.errors import Fault, GatewayError
from gateway.web.headers import Headers
from gateway.web.http1.outgoing import Date, Http1Outgoing
from gateway.web.http1.request import READ_SECONDS, too_large, too_slow
from gateway.web.inbound import Inbound
from gateway.web.responses import Response
from runtime.logs import fields

log = logging.getLogger("gateway")

Answer = Callable[[Inbound], Awaitable[Response | None]]
"""None: it was streamed."""
Refuse = Callable[[bool], Response]
"""The answer to what is no request; True where the failure is ours."""
SERVER_ERROR = 500
INVITATION = b"HTTP/1.1 100 Continue\r\n\r\n"


class AiohttpRequest:
    """See inbound.Inbound."""

    def __init__(
        self, request: web.BaseRequest, date: Date, is_aged: Callable[[object], bool]
    ) -> None:
        self._request = request
        self._is_aged = is_aged
        self.headers = Headers(request.raw_headers)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the caller has left")
        self.outgoing = Http1Outgoing(transport, date, request.version >= HttpVersion11)
        self.outgoing.closes = not request.keep_alive

    @property
    def method(self) -> str:
        """See inbound.Inbound."""
        return self._request.method

    @property
    def path(self) -> str:
        """See inbound.Inbound."""
        return self._request.path

    @property
    def remote(self) -> str | None:
        """See inbound.Inbound."""
        return self._request.remote

    @property
    def is_broken(self) -> bool:
        """See inbound.Inbound."""
        return self._request.content.exception() is not None

    @property
    def is_aged(self) -> bool:
        """See inbound.Inbound."""
        return self._is_aged(self._request.protocol)

    def parameter(self, name: str) -> str | None:
        """See inbound.Inbound."""
        return self._request.query.get(name)

    async def body(self, limit: int) -> bytes:
        """See inbound.Inbound."""
        request = self._request
        if request.content_length is not None and request.content_length > limit:
            raise too_large(limit)
        if request.headers.get("expect", "").lower() == "100-continue" and request.transport:
            # aiohttp's low-level server leaves that to us.
            request.transport.write(INVITATION)
        try:
            async with asyncio.timeout(READ_SECONDS):
                return await self._read(limit)
        except TimeoutError:
            raise too_slow() from None
        except (web.RequestPayloadError, PayloadEncodingError):
            raise GatewayError(
                Fault.CALLER_BODY_INVALID, "The body is not encoded as its headers say."
            ) from None

    async def _read(self, limit: int) -> bytes:
        body = bytearray()
        async for chunk in self._request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise too_large(limit)
        return bytes(body)


class _Written(web.StreamResponse):
    """What aiohttp is given in place of an answer that is written already."""

    def __init__(self, closes: bool) -> None:
        super().__init__()
        if closes:
            self.force_close()

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Called by aiohttp."""
        self._keep_alive = self._keep_alive is not False and request.keep_alive
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Called by aiohttp."""


class AiohttpHandler(RequestHandler):
    """One connection. aiohttp's own words for what it cannot read quote it: keys and content."""

    __slots__ = ("_refuse", "outgoing")

    def __init__(self, refuse: Refuse, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._refuse = refuse
        self.outgoing: Http1Outgoing | None = None
        """Of the request under way."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = SERVER_ERROR,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Called by aiohttp for what never reaches our handler, or breaks out of it."""
        if self.outgoing is not None and self.outgoing.has_begun:
            raise ConnectionError("the answer had begun")
        refusal = self._refuse(status >= SERVER_ERROR)
        response = web.Response(status=refusal.status, headers=refusal.headers, body=refusal.body)
        response.force_close()
        return response

    def pause_writing(self) -> None:
        """Called by the event loop."""
        super().pause_writing()
        if self.outgoing is not None:
            self.outgoing.fell_behind()

    def resume_writing(self) -> None:
        """Called by the event loop."""
        super().resume_writing()
        if self.outgoing is not None:
            self.outgoing.caught_up()

    def log_exception(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; the exception's kind is said, and nothing it quotes."""
        error = options.get("exc_info")
        log.error("the HTTP server failed", extra=fields(kind=type(error).__name__))

    def log_debug(self, *arguments: Any, **options: Any) -> None:
        """Called by aiohttp; may quote what was sent."""


class AiohttpServer(web.Server):
    """Takes over connections. on_open, on_close: told of each handler; is_aged: asked of one."""

    def __init__(
        self,
        answer: Answer,
        refuse: Refuse,
        date: Date,
        keepalive_seconds: float,
        on_open: Callable[[object], None],
        on_close: Callable[[object], None],
        is_aged: Callable[[object], bool],
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
        self._on_open = on_open
        self._on_close = on_close
        self._is_aged = is_aged

    def take_over(self, transport: asyncio.Transport, data: bytes) -> None:
        """A connection whose next request begins with these bytes."""
        handler = AiohttpHandler(self._refuse, self, loop=self._loop, **self._kwargs)
        transport.set_protocol(handler)
        handler.connection_made(transport)
        handler.data_received(data)

    def connection_made(self, handler: RequestHandler, transport: Any) -> None:
        """Called by aiohttp."""
        super().connection_made(handler, transport)
        self._on_open(handler)

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        """Called by aiohttp."""
        super().connection_lost(handler, exc)
        self._on_close(handler)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        inbound = AiohttpRequest(request, self._date, self._is_aged)
        handler = request.protocol
        assert isinstance(handler, AiohttpHandler)  # noqa: S101  this server makes no other
        handler.outgoing = inbound.outgoing
        try:
            response = await self._answer(inbound)
            if response is not None:
                response.closes = response.closes or inbound.is_broken
                inbound.outgoing.whole(response, has_body=request.method != "HEAD")
            return _Written(inbound.outgoing.closes)
        finally:
            handler.outgoing = None
