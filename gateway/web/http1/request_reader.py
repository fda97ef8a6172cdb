"""Heads of plainly framed requests out of bytes, by llhttp: no I/O, no clock.

Plain is HTTP/1.1 with a length or no body, nothing compressed and no wish beside the request
itself. Everything else is `Unusual`, malformed requests too: they are read again, from their first
byte, by a server that knows all of HTTP. So nothing here is lenient, or has to explain itself.
"""

from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.web.headers import Headers

MAX_HEAD_BYTES: Final = 8_000
"""Of the whole head: less than the other server takes in one line."""
END: Final = b"\r\n\r\n"
METHODS: Final = (b"POST", b"GET")
NOT_IN_PLAIN: Final = frozenset(
    {"transfer-encoding", "content-encoding", "expect", "upgrade", "te", "trailer"}
)
NOT_IN_TARGET: Final = frozenset(b'%#\\"<>^`{|}')


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
        """What came behind the head that was read last."""

    @property
    def has_begun(self) -> bool:
        """Whether something of a head is there, and not all of it."""
        return bool(self._waiting)

    def feed(self, data: bytes) -> RequestHead | None:
        """The head, once all of it is there. Raises Unusual."""
        if self._waiting:
            data = self._waiting + data
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
        self._waiting = b""
        self.rest = data[end:]
        return found


class _Head:
    """What llhttp says of one head."""

    __slots__ = ("is_complete", "pairs", "url")

    def __init__(self) -> None:
        self.url = b""
        self.pairs: list[tuple[bytes, bytes]] = []
        self.is_complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.pairs.append((name, value))

    def on_headers_complete(self) -> None:
        self.is_complete = True


def _read(text: bytes) -> RequestHead | None:
    """The head; None for one that is not plain."""
    said = _Head()
    # Another parser for each: it costs what feeding it the body would cost, and has no state left
    # from the request before.
    parser = HttpRequestParser(said)
    try:
        parser.feed_data(text)
    except (HttpParserError, HttpParserUpgrade):
        return None
    method = parser.get_method()
    if not said.is_complete or method not in METHODS or parser.get_http_version() != "1.1":
        return None
    headers = Headers(said.pairs)
    if not NOT_IN_PLAIN.isdisjoint(headers):
        return None
    length = headers.get("content-length") or "0"
    url = said.url
    is_plain = url.startswith(b"/") and url.isascii() and NOT_IN_TARGET.isdisjoint(url)
    if not is_plain or not length.isdecimal() or not length.isascii():
        return None
    # llhttp has forgotten it by now where there is no body.
    keeps_alive = not any("close" in each.lower() for each in headers.getall("connection"))
    path, _, query = url.decode().partition("?")
    return RequestHead(method.decode(), path, query, headers, int(length), keeps_alive)


def _may_be_plain(data: bytes) -> bool:
    """Whether the rest may make a plain head of it: lines end as they should, as far as they go."""
    is_method = any(data.startswith(each[: len(data)]) for each in METHODS)
    return is_method and data.count(b"\n") == data.count(b"\r\n")
