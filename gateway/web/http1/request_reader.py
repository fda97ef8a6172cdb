"""Heads of plainly framed requests out of bytes, by llhttp: no I/O, no clock.

Plain is HTTP/1.1 with a length or no body, nothing compressed and no wish beside the request
itself. Everything else is `Unusual`, malformed requests too: they are read again, from their first
byte, by a server that knows all of HTTP. So nothing here is lenient, or has to explain itself.
"""

import re
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.web.headers import Headers

MAX_HEAD_BYTES: Final = 8_000
"""Of the whole head: less than the other server takes in one line."""
MAX_HEADERS: Final = 100
"""Fewer than the other server takes."""
END: Final = b"\r\n\r\n"
KEEP_ALIVE: Final = b"keep-alive"
METHODS: Final = (b"POST ", b"GET ")
NOT_IN_PLAIN: Final = frozenset(
    {
        "transfer-encoding", "content-encoding", "expect", "upgrade", "te", "trailer",
        "proxy-connection",
    }
)  # fmt: skip
ONLY_ONCE: Final = frozenset(
    {
        "authorization", "content-length", "content-location", "content-range", "content-type",
        "etag", "host", "max-forwards", "server", "user-agent", "x-api-key",
    }
)  # fmt: skip
"""What may mean two things where it comes twice; the other server knows what to do."""
_SEGMENTS: Final = rb"A-Za-z0-9\-._~!$&'()*+,;=:@/"
TARGET: Final = re.compile(rb"(/[%b]*)(?:\?([%b?]*))?" % (_SEGMENTS, _SEGMENTS))
"""Path and query, of what RFC 3986 allows in them, without the percent sign: nothing to decode."""


class Unusual(Exception):
    """Somebody else has to read this request; `data` is all of it that has come."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


class RequestHead:
    """What stands before the body."""

    __slots__ = ("headers", "keeps_alive", "length", "method", "path", "query")

    def __init__(
        self,
        method: str,
        path: str,
        query: str,
        headers: Headers,
        length: int,
        keeps_alive: bool,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.length = length
        """Of the body, in bytes."""
        self.keeps_alive = keeps_alive


class RequestReader:
    """Reads the heads of one connection's requests, one after the other."""

    __slots__ = ("_waiting", "rest")

    def __init__(self) -> None:
        self._waiting = b""
        """Of a head that is not all there."""
        self.rest = b""
        """What came behind the head that was read last; whoever takes it leaves nothing."""

    def feed(self, data: bytes) -> RequestHead | None:
        """The head, once all of it is there. Raises Unusual, and is of no use afterwards."""
        if self._waiting:
            data = self._waiting + data
            self._waiting = b""
        end = data.find(END)
        if end < 0:
            if len(data) > MAX_HEAD_BYTES or not _may_be_plain(data):
                raise Unusual(data)
            self._waiting = data
            return None
        if end > MAX_HEAD_BYTES:
            raise Unusual(data)
        end += len(END)
        found = _read(data[:end])
        if found is None:
            raise Unusual(data)
        self.rest = data[end:]
        return found


class _Head:
    """What llhttp says of one head."""

    __slots__ = ("headers", "is_complete", "on_header", "url")

    def __init__(self) -> None:
        self.url = b""
        self.headers = Headers()
        self.on_header = self.headers.add
        self.is_complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_headers_complete(self) -> None:
        self.is_complete = True


def _read(text: bytes) -> RequestHead | None:
    """The head; None for one that is not plain."""
    if not text.startswith(METHODS):
        return None
    said = _Head()
    # Another parser for each: it costs what feeding it the body would cost, and has no state left
    # from the request before.
    parser = HttpRequestParser(said)
    try:
        parser.feed_data(text)
    except (HttpParserError, HttpParserUpgrade):
        return None
    target = TARGET.fullmatch(said.url)
    headers = said.headers
    length = headers.raw("content-length", b"0")
    is_plain = said.is_complete and parser.get_http_version() == "1.1" and _is_plain(headers)
    if target is None or not is_plain or not length.isdigit():
        return None
    method = "POST" if text.startswith(b"POST ") else "GET"
    path, query = target.groups(b"")
    keeps_alive = _keeps_alive(headers)
    return RequestHead(method, path.decode(), query.decode(), headers, int(length), keeps_alive)


def _is_plain(headers: Headers) -> bool:
    names = headers.names
    if "host" not in names or len(names) > MAX_HEADERS or not NOT_IN_PLAIN.isdisjoint(names):
        return False
    repeated = headers.repeated
    if not repeated:
        return True
    count = len(names) + sum(len(each) for each in repeated.values())
    return count <= MAX_HEADERS and ONLY_ONCE.isdisjoint(repeated)


def _keeps_alive(headers: Headers) -> bool:
    # llhttp has forgotten it by now where there is no body.
    if headers.raw("connection", KEEP_ALIVE) == KEEP_ALIVE and not headers.repeated:
        return True
    options = ",".join(headers.getall("connection")).lower().split(",")
    return "close" not in [each.strip(" \t") for each in options]


def _may_be_plain(data: bytes) -> bool:
    """Whether the rest may make a plain head of it: lines end as they should, as far as they go."""
    is_method = any(data.startswith(each[: len(data)]) for each in METHODS)
    return is_method and data.count(b"\n") == data.count(b"\r\n")
