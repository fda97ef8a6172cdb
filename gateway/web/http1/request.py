"""One plainly framed request, whose body may still be arriving."""

import asyncio
from typing import Protocol
from urllib.parse import parse_qsl

from gateway.domain.errors import Fault, GatewayError
from gateway.web.headers import Headers
from gateway.web.http1.body_timer import BodyTimer, too_slow
from gateway.web.http1.outgoing import Http1Outgoing
from gateway.web.http1.request_reader import RequestHead

MOST_PIECES = 256
"""Of a body, before they become one."""


class Carrier(Protocol):
    """A connection, as far as a request has to know it."""

    @property
    def is_aged(self) -> bool:
        """Whether it is to end with its next answer."""

    def go_on_reading(self) -> None:
        """The body is wanted."""


class Http1Request:
    """See inbound.Inbound."""

    __slots__ = (
        "_connection", "_head", "_is_asked_for", "_joined", "_pieces", "_waiter", "missing",
        "outgoing", "remote",
    )  # fmt: skip

    is_broken = False

    def __init__(
        self, head: RequestHead, remote: str | None, outgoing: Http1Outgoing, connection: Carrier
    ) -> None:
        self._head = head
        self._pieces: list[bytes] = []
        self._joined = 0
        """How many of the pieces are made of MOST_PIECES."""
        self._is_asked_for = False
        self._waiter: asyncio.Future[None] | None = None
        self.missing = head.length
        """How many bytes of the body have not come yet."""
        self.remote = remote
        self.outgoing = outgoing
        self._connection = connection

    @property
    def is_aged(self) -> bool:
        """See inbound.Inbound."""
        return self._connection.is_aged

    @property
    def method(self) -> str:
        """See inbound.Inbound."""
        return self._head.method

    @property
    def path(self) -> str:
        """See inbound.Inbound."""
        return self._head.path

    @property
    def headers(self) -> Headers:
        """See inbound.Inbound."""
        return self._head.headers

    def parameter(self, name: str) -> str | None:
        """See inbound.Inbound."""
        for key, value in parse_qsl(self._head.query, keep_blank_values=True):
            if key == name:
                return value
        return None

    @property
    def unasked(self) -> int:
        """How many bytes of the body are kept, for all one knows for nobody."""
        return 0 if self._is_asked_for else self._come()

    async def body(self, limit: int) -> bytes:
        """See inbound.Inbound."""
        if self._head.length > limit:
            raise too_large(limit)
        if self.missing:
            self._is_asked_for = True
            self._connection.go_on_reading()
            await self._arrived()
        pieces, self._pieces = self._pieces, []
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def feed(self, data: bytes) -> bytes:
        """More of what comes over the connection; what is behind the body is given back."""
        missing = self.missing
        if len(data) <= missing:
            self._keep(data)
            self.missing = missing - len(data)
            rest = b""
        else:
            self._keep(data[:missing])
            self.missing = 0
            rest = data[missing:]
        if not self.missing and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        return rest

    def skip(self) -> None:
        """Nobody wants the body any more."""
        self._is_asked_for = True
        self._pieces.clear()
        self._joined = 0

    def _keep(self, piece: bytes) -> None:
        pieces = self._pieces
        pieces.append(piece)
        if len(pieces) - self._joined > MOST_PIECES:
            # A body that comes byte by byte would take many times its size otherwise.
            pieces[self._joined :] = [b"".join(pieces[self._joined :])]
            self._joined += 1

    async def _arrived(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        timer = BodyTimer(loop, self._come, self._give_up)
        try:
            await self._waiter
        finally:
            timer.stop()
            self._waiter = None

    def _come(self) -> int:
        """How many bytes of the body have."""
        return self._head.length - self.missing

    def _give_up(self) -> None:
        """Called by the timer."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(too_slow())


def too_large(limit: int) -> GatewayError:
    """The refusal of a body over the limit."""
    return GatewayError(Fault.CALLER_BODY_TOO_LARGE, f"The body is larger than {limit} bytes.")
