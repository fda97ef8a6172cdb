"""Upstream over aiohttp's client: one pooled session, no redirects, deadlines on everything."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from gateway.domain.errors import Fault, GatewayError
from gateway.ports import UpstreamReply, UpstreamRequest

CONNECT_SECONDS = 10.0
IDLE_CONNECTION_SECONDS = 55.0
"""Upstream closes idle connections after about 60 s (copilot-upstream.md §6.7): be first."""
MAX_CONNECTIONS = 5_000


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until a request is given up."""

    first_byte: float
    """From sending to the answer's headers."""
    idle: float
    """Between two pieces of the answer."""
    total: float


class HttpUpstream:
    """Sends requests over one session."""

    def __init__(
        self, session: aiohttp.ClientSession, deadlines: Deadlines, proxy_url: str | None
    ) -> None:
        self._session = session
        self._deadlines = deadlines
        self._proxy_url = proxy_url
        self._timeout = aiohttp.ClientTimeout(
            total=deadlines.total, sock_connect=CONNECT_SECONDS, sock_read=deadlines.idle
        )

    @asynccontextmanager
    async def send(self, request: UpstreamRequest) -> AsyncIterator[UpstreamReply]:
        """See ports.Upstream."""
        response = await self._open(request)
        try:
            yield HttpReply(response)
        finally:
            # Does nothing when the body was read to its end and the connection went back to
            # the pool; otherwise it closes the connection, which is how upstream learns that
            # nobody listens any more.
            response.close()

    async def _open(self, request: UpstreamRequest) -> aiohttp.ClientResponse:
        try:
            async with asyncio.timeout(self._deadlines.first_byte):
                return await self._session.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    timeout=self._timeout,
                    proxy=self._proxy_url,
                )
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise translate(error) from error


class HttpReply:
    """An aiohttp response in the words of ports.UpstreamReply."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self._response.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Case-insensitive, so lower-case names find everything."""
        return self._response.headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, TimeoutError) as error:
            raise cut_off(error) from error

    async def read(self, limit: int) -> bytes:
        """The whole body."""
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise GatewayError(
                    Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer is larger than allowed here."
                )
        return bytes(body)


def translate(error: Exception) -> GatewayError:
    """Why there is no answer. Names no host: seats' hosts are not the caller's business."""
    if isinstance(error, TimeoutError):
        return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream did not answer in time.")
    return GatewayError(Fault.UPSTREAM_UNAVAILABLE, "Upstream cannot be reached.", retry_after=1.0)


def cut_off(error: Exception) -> GatewayError:
    """Why an answer that had begun has no end."""
    if isinstance(error, TimeoutError):
        return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream fell silent before the end.")
    return GatewayError(Fault.UPSTREAM_CUT_OFF, "Upstream broke off before the end.")


@asynccontextmanager
async def open_session(ca_file: Path | None) -> AsyncIterator[aiohttp.ClientSession]:
    """The session every request shares. trust_env stays off: egress is configuration."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    connector = aiohttp.TCPConnector(
        limit=MAX_CONNECTIONS, ssl=context, keepalive_timeout=IDLE_CONNECTION_SECONDS
    )
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
    ) as session:
        yield session
