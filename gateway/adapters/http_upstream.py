"""Upstream over aiohttp's client: one pooled session, no redirects, deadlines on everything.

How long upstream may be silent in the middle of an answer is not judged here: a ping keeps a
connection busy and says nothing about the answer.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import aiohttp
from aiohttp.abc import AbstractResolver

from gateway.domain.errors import Fault, GatewayError
from gateway.ports import UpstreamReply, UpstreamRequest
from runtime.version import VERSION

CONNECT_SECONDS = 10.0
"""From asking for a connection until it can be used: the wait for a free one, the look-up, the
proxy's CONNECT and TLS included."""
IDLE_CONNECTION_SECONDS = 55.0
"""Upstream closes idle connections after about 60 s (copilot-upstream.md §6.7): be first."""
MAX_CONNECTIONS = 5_000

NEVER_SENT = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
)
"""There was no connection, so nothing of the request has left."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Seconds until a request is given up."""

    first_byte: float
    """From sending to the answer's headers."""
    total: float
    """From asking for a connection to the answer's end."""


class HttpUpstream:
    """Sends requests over one session, made by `open_session`."""

    def __init__(
        self, session: aiohttp.ClientSession, deadlines: Deadlines, proxy_url: str | None
    ) -> None:
        self._session = session
        self._deadlines = deadlines
        self._proxy_url = proxy_url
        self._proxy_headers = {"User-Agent": f"copilot-gateway/{VERSION}"} if proxy_url else None
        self._timeout = aiohttp.ClientTimeout(total=deadlines.total, connect=CONNECT_SECONDS)

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
            async with asyncio.timeout(None) as deadline:
                return await self._session.request(
                    request.method,
                    request.url,
                    headers=request.headers,
                    data=request.body,
                    allow_redirects=False,
                    timeout=self._timeout,
                    proxy=self._proxy_url,
                    proxy_headers=self._proxy_headers,
                    trace_request_ctx=_Sending(deadline, self._deadlines.first_byte),
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
    """Why there is no answer. Names no host: seats' hosts are not the caller's business.

    A time-out while connecting is none of upstream's: nothing was asked yet.
    """
    if isinstance(error, TimeoutError) and not isinstance(error, NEVER_SENT):
        return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream did not answer in time.")
    return GatewayError(Fault.UPSTREAM_UNAVAILABLE, "Upstream cannot be reached.", retry_after=1.0)


def cut_off(error: Exception) -> GatewayError:
    """Why an answer that had begun has no end."""
    if isinstance(error, TimeoutError):
        return GatewayError(Fault.UPSTREAM_TIMEOUT, "Upstream did not finish in time.")
    return GatewayError(Fault.UPSTREAM_CUT_OFF, "Upstream broke off before the end.")


@asynccontextmanager
async def open_session(
    ca_file: Path | None, names: AbstractResolver
) -> AsyncIterator[aiohttp.ClientSession]:
    """The session every request shares. trust_env stays off: egress is configuration."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    connector = aiohttp.TCPConnector(
        limit=MAX_CONNECTIONS,
        ssl=context,
        keepalive_timeout=IDLE_CONNECTION_SECONDS,
        resolver=names,
    )
    watch = aiohttp.TraceConfig()
    watch.on_request_headers_sent.append(_sent)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("User-Agent",),
        trace_configs=[watch],
    ) as session:
        yield session


@dataclass(frozen=True, slots=True)
class _Sending:
    """One request's deadline for the answer's headers, which runs from its sending."""

    deadline: asyncio.Timeout
    seconds: float

    def begin(self) -> None:
        self.deadline.reschedule(asyncio.get_running_loop().time() + self.seconds)


async def _sent(
    session: aiohttp.ClientSession,
    context: SimpleNamespace,
    sent: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    """aiohttp calls this when a connection is there and the request's head goes into it."""
    context.trace_request_ctx.begin()
