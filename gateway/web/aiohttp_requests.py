"""Requests that are framed in an unusual way, as aiohttp's server reads them.

Chunked and compressed bodies, callers that wait to be invited, older versions of HTTP, methods of
no endpoint. Answers go back as those of plain requests do.
"""

import asyncio
from collections.abc import Callable

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_exceptions import PayloadEncodingError

from gateway.domain.errors import Fault, GatewayError
from gateway.web.headers import Headers
from gateway.web.http1.body_timer import BodyTimer, too_slow
from gateway.web.http1.outgoing import Date, Http1Outgoing
from gateway.web.http1.request import too_large

INVITATION = b"HTTP/1.1 100 Continue\r\n\r\n"


class AiohttpRequest:
    """See inbound.Inbound."""

    def __init__(self, request: web.BaseRequest, date: Date, is_aged: Callable[[], bool]) -> None:
        self._request = request
        self._is_aged = is_aged
        self.headers = Headers(request.raw_headers)
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the caller has left")
        self._is_older = request.version < HttpVersion11
        """Whether the caller's HTTP knows neither chunks nor invitations."""
        self.outgoing = Http1Outgoing(transport, date, not self._is_older)
        # An older caller keeps a connection only where the answer says so.
        self.outgoing.closes = not request.keep_alive or self._is_older

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
        return self._is_aged()

    def parameter(self, name: str) -> str | None:
        """See inbound.Inbound."""
        return self._request.query.get(name)

    async def body(self, limit: int) -> bytes:
        """See inbound.Inbound."""
        request = self._request
        if request.content_length is not None and request.content_length > limit:
            raise too_large(limit)
        self._invite()
        try:
            return await self._in_time(limit)
        except TimeoutError:
            raise too_slow() from None
        except (web.RequestPayloadError, PayloadEncodingError):
            raise GatewayError(
                Fault.CALLER_BODY_INVALID, "The body is not encoded as its headers say."
            ) from None

    def _invite(self) -> None:
        """aiohttp's low-level server leaves that to us."""
        request = self._request
        # From an older caller it has to be ignored (RFC 9110 §10.1.1).
        if self._is_older or request.transport is None:
            return
        if request.headers.get("expect", "").lower() == "100-continue":
            request.transport.write(INVITATION)

    async def _in_time(self, limit: int) -> bytes:
        """Raises TimeoutError."""
        loop, content = asyncio.get_running_loop(), self._request.content
        async with asyncio.timeout(None) as patience:
            timer = BodyTimer(
                loop, lambda: content.total_bytes, lambda: patience.reschedule(loop.time())
            )
            try:
                return await self._read(limit)
            finally:
                timer.stop()

    async def _read(self, limit: int) -> bytes:
        body = bytearray()
        async for chunk in self._request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise too_large(limit)
        return bytes(body)


class Written(web.StreamResponse):
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
