"""The way back to a caller over HTTP/1.1: heads, chunks, and when the caller is behind.

Both servers' requests are answered through this, so that an answer is the same whoever has read
its request.
"""

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from http import HTTPStatus

from gateway.ports import Clock
from gateway.web.inbound import Flow
from gateway.web.responses import Response

STATUS_LINES: Mapping[int, str] = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n" for each in HTTPStatus
}
BODILESS = frozenset({204, 304})
CHUNKED = "Transfer-Encoding: chunked\r\n"
CLOSE = "Connection: close\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Date:
    """The Date header's line, made once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._line = ""

    def __call__(self) -> str:
        """The line as it is now."""
        second = int(self._clock.now())
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._line


def head(status: int, headers: Mapping[str, str], date: str, framing: str, closes: bool) -> bytes:
    """An answer's head; date and framing are whole lines.

    Raises ValueError for a header that would be more than one line.
    """
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        raise ValueError("a header of more than one line")
    end = CLOSE if closes else ""
    return f"{STATUS_LINES[status]}{date}{lines}{framing}{end}\r\n".encode(
        "utf-8", "surrogateescape"
    )


class Http1Outgoing:
    """See inbound.Outgoing. Belongs to one request on one connection.

    is_chunked: whether the caller's version of HTTP knows chunks; if not, a stream ends with its
    connection.
    """

    __slots__ = (
        "_date", "_flow", "_is_chunked", "_transport", "closes", "has_begun", "is_behind",
    )  # fmt: skip

    def __init__(self, transport: asyncio.Transport, date: Date, is_chunked: bool = True) -> None:
        self._transport = transport
        self._date = date
        self._is_chunked = is_chunked
        self._flow: Flow | None = None
        self.has_begun = False
        self.is_behind = False
        self.closes = False
        """Whether the connection ends with the answer."""

    def whole(self, response: Response, has_body: bool = True) -> None:
        """All of an answer. has_body: whether the body goes out, and not only its length."""
        self.has_begun = True
        self.closes = self.closes or response.closes
        body = response.body
        framing = "" if response.status in BODILESS else f"Content-Length: {len(body)}\r\n"
        written = head(response.status, response.headers, self._date(), framing, self.closes)
        self._transport.write(written + body if has_body else written)

    def follow(self, flow: Flow | None) -> None:
        """See inbound.Outgoing."""
        self._flow = flow

    def begin(self, headers: Mapping[str, str], closes: bool) -> None:
        """See inbound.Outgoing."""
        self.has_begun = True
        self.closes = self.closes or closes or not self._is_chunked
        framing = CHUNKED if self._is_chunked else ""
        self._transport.write(head(200, headers, self._date(), framing, self.closes))

    def write(self, piece: bytes) -> None:
        """See inbound.Outgoing."""
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._transport.write(piece)

    def end(self) -> None:
        """See inbound.Outgoing."""
        if self._is_chunked:
            self._transport.write(LAST_CHUNK)

    def break_off(self) -> None:
        """See inbound.Outgoing."""
        self.closes = True
        # Closing flushes what was written, and leaves out the chunk that ends the body.
        self._transport.close()

    # --- for the connection ---

    def fell_behind(self) -> None:
        """The transport's buffer is full."""
        self.is_behind = True
        if self._flow is not None:
            self._flow.hold()

    def caught_up(self) -> None:
        """It is not any more."""
        self.is_behind = False
        if self._flow is not None:
            self._flow.go_on()
