"""Upstream over connections of our own: no redirects, deadlines on everything.

A request costs no task, no timer of its own and no object of a client library; a body goes to
whoever takes it inside the event loop's callback. Which failure is which is said in `faults`.

**Nothing is sent twice that may have been taken.** A connection that ends before a byte of the
answer is ambiguous: upstream may have closed it while the request was on its way, or may have
taken the request and died over it, and a request that was taken is billed. So a POST fails, and
failover, which knows what another attempt costs, decides. What can be done beforehand is done:
connections are closed before upstream would, and the kernel is asked before one is used again.
Where one had been used before, its end is not held against the account.
A GET changes nothing: it is sent once more, over a new connection, when the one that failed so
had been used before.

How long upstream may be silent in the middle of an answer is not judged here: a ping keeps a
connection busy and says nothing about the answer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import TracebackType

from aiohttp.abc import AbstractResolver

from gateway.adapters.upstream_pool import faults
from gateway.adapters.upstream_pool.complaints import Complaints
from gateway.adapters.upstream_pool.connection import Connection
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.destination import Destinations, Target
from gateway.adapters.upstream_pool.dialing import Dialer, tls_context
from gateway.adapters.upstream_pool.names import Names
from gateway.adapters.upstream_pool.pool import Pool
from gateway.adapters.upstream_pool.reply import Reply
from gateway.adapters.upstream_pool.request_head import RequestHeads
from gateway.domain.unreachable import Reason, UpstreamUnreachable
from gateway.ports.upstream import UpstreamReply, UpstreamRequest

CONNECT_SECONDS = 10.0
"""From asking for a connection until it can be used: the wait for a free one, the look-up, the
proxy's CONNECT and TLS included."""
MAX_CONNECTIONS = 5_000
REPEATABLE = frozenset({"GET", "HEAD"})


class PooledUpstream:
    """Sends requests over the connections of one pool; made by `open_upstream`."""

    def __init__(self, pool: Pool, deadlines: Deadlines, *, through_proxy: bool) -> None:
        self.pool = pool
        self._deadlines = deadlines
        self._destinations = Destinations(absolute=through_proxy)
        self._heads = RequestHeads()
        self._loop = asyncio.get_running_loop()
        self._complaints = Complaints(self._loop.time)

    def send(self, request: UpstreamRequest) -> AbstractAsyncContextManager[UpstreamReply]:
        """See ports.upstream.Upstream. What it gives is a reply.Reply: it has `pour` too."""
        return _Sending(self, request)

    async def open(self, request: UpstreamRequest) -> Reply:
        """The reply with its head; whoever has it closes it. Raises GatewayError."""
        answer_by = self._loop.time() + self._deadlines.total
        try:
            destination = self._destinations.of(request.url)
            length = None if request.body is None else len(request.body)
            head = self._heads.encode(request.method, destination, request.headers, length)
        except ValueError as error:
            self._complaints.tell(None, Reason.NOT_SENDABLE)
            raise UpstreamUnreachable(Reason.NOT_SENDABLE) from error
        target = destination.target
        try:
            connection = self.pool.take(target) or await self._make(target, answer_by)
            try:
                return await self._ask(connection, head, request.body, answer_by)
            except faults.NothingCame as error:
                if not error.was_used or request.method not in REPEATABLE:
                    raise
            connection = await self._make(target, answer_by)
            return await self._ask(connection, head, request.body, answer_by)
        except UpstreamUnreachable as error:
            self._complaints.tell(target, error.reason)
            raise

    async def _make(self, target: Target, answer_by: float) -> Connection:
        connect_by = self._loop.time() + CONNECT_SECONDS
        reason = Reason.NO_ROOM
        try:
            async with asyncio.timeout_at(min(connect_by, answer_by)):
                found = await self.pool.room(target)
                if found is not None:
                    return found
                reason = Reason.TIMED_OUT
                return await self.pool.dial(target)
        except TimeoutError as error:
            # A time-out while connecting is none of upstream's: nothing was asked yet.
            if answer_by < connect_by:
                raise faults.unanswered() from error
            raise UpstreamUnreachable(reason) from error
        except OSError as error:
            # It was closed as soon as it was made, or there are to be none any more.
            raise UpstreamUnreachable(Reason.CLOSED) from error

    async def _ask(
        self, connection: Connection, head: bytes, body: bytes | None, answer_by: float
    ) -> Reply:
        first_byte_by = self._loop.time() + self._deadlines.first_byte
        reply = connection.send(head, body, first_byte_by, answer_by)
        try:
            await reply.head()
        except BaseException:
            reply.close()
            raise
        return reply


class _Sending:
    """One request, as a context."""

    __slots__ = ("_reply", "_request", "_upstream")

    def __init__(self, upstream: PooledUpstream, request: UpstreamRequest) -> None:
        self._upstream = upstream
        self._request = request
        self._reply: Reply | None = None

    async def __aenter__(self) -> Reply:
        self._reply = await self._upstream.open(self._request)
        return self._reply

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._reply is not None:
            self._reply.close()


@asynccontextmanager
async def open_upstream(
    ca_file: Path | None,
    resolver: AbstractResolver,
    deadlines: Deadlines,
    proxy_url: str | None,
    limit: int = MAX_CONNECTIONS,
) -> AsyncIterator[PooledUpstream]:
    """What every request goes through. The environment's proxies do not count: egress is
    configuration."""
    dialer = Dialer(Names(resolver), tls_context(ca_file), proxy_url)
    pool = Pool(dialer, limit)
    try:
        yield PooledUpstream(pool, deadlines, through_proxy=proxy_url is not None)
    finally:
        await pool.close()
