"""The way back to a caller over HTTP/1.1: heads, chunks, and when the caller is behind.

Both servers' requests are answered through this, so that an answer is the same whoever has read
its request.
"""

import asyncio
import logging
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from gateway.ports.clock import Clock
from gateway.web.http1.resets import end_by_reset
from gateway.web.inbound import Flow
from gateway.web.responses import Response
from runtime.logs import fields

log = logging.getLogger("gateway")

STATUS_LINES: Mapping[int, str] = {
    each.value: f"HTTP/1.1 {each.value} {each.phrase}\r\n" for each in HTTPStatus
}
BODILESS = frozenset({204, 304})
CHUNKED = "Transfer-Encoding: chunked\r\n"
CLOSE = "Connection: close\r\n"
MOST_BYTES_JOINED = 16 * 1024
"""Of a body, to be written in one piece with its head; another write costs less than a copy."""
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
    values = tuple(headers.values())
    _check("".join(values))
    lines = _template(tuple(headers)) % values
    end = CLOSE if closes else ""
    first = STATUS_LINES.get(status) or f"HTTP/1.1 {status} \r\n"
    return f"{first}{date}{lines}{framing}{end}\r\n".encode("utf-8", "surrogateescape")


@lru_cache(maxsize=256)
def _template(names: tuple[str, ...]) -> str:
    """The lines with these names, with a place for each value. Answers have few sets of names."""
    _check("".join(names))
    return "".join([name.replace("%", "%%") + ": %s\r\n" for name in names])


def _check(text: str) -> None:
    if "\n" in text or "\r" in text:
        raise ValueError("a header of more than one line")


def say_failed(error: object) -> None:
    """What nobody expected: its kind is said, and nothing it quotes."""
    log.error("the HTTP server failed", extra=fields(kind=type(error).__name__))


class Http1Outgoing:
    """See inbound.Outgoing. Belongs to one request on one connection.

    is_chunked: whether the caller's version of HTTP knows chunks; if not, a stream ends with its
    connection, and one that failed with a reset of it.
    """

    __slots__ = (
        "_date", "_flow", "_is_chunked", "_transport", "closes", "has_begun", "is_behind",
        "is_to_be_reset",
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
        self.is_to_be_reset = False
        """Whether it does so once the caller has what was written: that is left to its owner."""

    def whole(self, response: Response, has_body: bool = True) -> None:
        """All of an answer. has_body: whether the body goes out, and not only its length.

        Raises ValueError: see head.
        """
        transport = self._transport
        if self.has_begun:
            # Of another answer, inside of which this one would be read.
            self.break_off()
            return
        if response.closes:
            self.closes = True
        status, body = response.status, response.body
        framing = "" if status in BODILESS else f"Content-Length: {len(body)}\r\n"
        written = head(status, response.headers, self._date(), framing, self.closes)
        self.has_begun = True
        if transport.is_closing():
            return
        if not has_body or not framing:
            transport.write(written)
        elif len(body) <= MOST_BYTES_JOINED:
            transport.write(written + body)
        else:
            transport.write(written)
            transport.write(body)

    def follow(self, flow: Flow | None) -> None:
        """See inbound.Outgoing."""
        self._flow = flow

    def begin(self, headers: Mapping[str, str], closes: bool) -> None:
        """See inbound.Outgoing."""
        self.closes = self.closes or closes or not self._is_chunked
        framing = CHUNKED if self._is_chunked else ""
        written = head(200, headers, self._date(), framing, self.closes)
        self.has_begun = True
        # A caller that has left cancels its request, which may still write until it notices;
        # uvloop's transports raise an exception then.
        if not self._transport.is_closing():
            self._transport.write(written)
            if not self._is_chunked:
                end_by_reset(self._transport, True)

    def write(self, piece: bytes) -> None:
        """See inbound.Outgoing."""
        # An empty chunk would be the last one.
        if not piece or self._transport.is_closing():
            return
        if self._is_chunked:
            piece = b"%x\r\n%b\r\n" % (len(piece), piece)
        self._transport.write(piece)

    def end(self) -> None:
        """See inbound.Outgoing."""
        if self._transport.is_closing():
            return
        if self._is_chunked:
            self._transport.write(LAST_CHUNK)
        else:
            end_by_reset(self._transport, False)

    def break_off(self) -> None:
        """See inbound.Outgoing."""
        self.closes = True
        if self._is_chunked:
            # Closing flushes what was written, and leaves out the chunk that ends the body.
            self._transport.close()
        else:
            self.is_to_be_reset = True

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
