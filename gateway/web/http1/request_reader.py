"""Heads of plainly framed requests out of bytes, by llhttp: no I/O, no clock.

Plain is HTTP/1.1 with a length or no body, nothing compressed and no wish beside the request
itself. Everything else is `Unusual`, malformed requests too: they are read again, from their first
byte, by a server that knows all of HTTP. So nothing here is lenient, or has to explain itself.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from gateway.web.headers import Headers

MAX_HEAD_BYTES: Final = 8_000
"""Of the whole head: less than the other server takes in one line."""
MAX_HEADERS: Final = 100
"""Fewer than the other server takes."""
MOST_BYTES_KEPT: Final = 2_048
"""Of a head, while the next one is waited for: there may be thousands of idle connections."""
END: Final = b"\r\n\r\n"
KEEP_ALIVE: Final = "keep-alive"
METHODS: Final = (b"POST ", b"GET ")
LENGTHS: Final = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
"""As SDKs spell it."""
MOST_DIGITS: Final = 15
MOST_OTHERS: Final = 8
"""Heads one after the other that are not the one before: then a load balancer sends them, and none
is kept any more."""
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
FIRST_LINE: Final = re.compile(
    rb"(POST|GET) (/[%b]*)(?:\?([%b?]*))? HTTP/1\.1" % (_SEGMENTS, _SEGMENTS)
)
"""Path and query, of what RFC 3986 allows in them, without the percent sign: nothing to decode."""


class Unusual(Exception):
    """Somebody else has to read this request; `data` is all of it that has come."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


class RequestHead:
    """What stands before the body. Nobody changes it."""

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

    __slots__ = ("_last", "_others", "_waiting", "rest")

    def __init__(self) -> None:
        self._waiting = b""
        """Of a head that is not all there."""
        self._last: _LastHead | None = None
        self._others = 0
        """How many heads came since one was the same as the one before."""
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
        end += 4
        text = data[:end]
        found = self._last.again(text) if self._last is not None else None
        if found is not None:
            self._others = 0
        else:
            found = _read(text)
            if found is None:
                raise Unusual(data)
            self._others += 1
            self._last = _kept(text, found) if self._others <= MOST_OTHERS else None
        self.rest = data[end:]
        return found


class _LastHead:
    """The head before: clients send the same one again and again, but for the length.

    Digits in the place of digits change nothing else of what a head says, so that one with the same
    bytes around them need not be read again. It ends with its connection, as it has the key in it.
    """

    __slots__ = ("_after", "_before", "_head", "_length")

    def __init__(self, text: bytes, head: RequestHead, start: int, stop: int) -> None:
        """start, stop: where in the text the length stands."""
        self._before, self._length, self._after = text[:start], text[start:stop], text[stop:]
        self._head = head

    def again(self, text: bytes) -> RequestHead | None:
        """What this text says; None where more than the length is another."""
        if not (text.startswith(self._before) and text.endswith(self._after)):
            return None
        # Empty where the two overlap in a shorter text.
        length = text[len(self._before) : -len(self._after)]
        head = self._head
        if length == self._length:
            return head
        if len(length) > MOST_DIGITS or not length.isdigit():
            return None
        return RequestHead(
            head.method,
            head.path,
            head.query,
            head.headers.with_length(length.decode()),
            int(length),
            head.keeps_alive,
        )


def _kept(text: bytes, head: RequestHead) -> _LastHead | None:
    """None for what is not worth it: without a length, long, or spelled in another way."""
    if len(text) > MOST_BYTES_KEPT:
        return None
    for name in LENGTHS:
        start = text.find(name) + len(name)
        if start >= len(name):
            stop = text.index(b"\r\n", start)
            return _LastHead(text, head, start, stop) if text[start:stop].isdigit() else None
    return None


class _Parsed:
    """What llhttp tells of one head."""

    __slots__ = ("is_complete", "on_header")

    def __init__(self, on_header: Callable[[bytes, bytes], object]) -> None:
        self.on_header = on_header
        self.is_complete = False

    def on_headers_complete(self) -> None:
        self.is_complete = True


def _read(text: bytes) -> RequestHead | None:
    """The head; None for one that is not plain."""
    first = _first(text[: text.index(b"\r\n")])
    # Each header's line, behind the first one and before the empty one.
    lines = text.count(b"\n") - 2
    if first is None or lines > MAX_HEADERS:
        return None
    headers = _headers(text, lines)
    if headers is None or not _is_plain(headers):
        return None
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        return None
    method, path, query = first
    return RequestHead(method, path, query, headers, int(length), _keeps_alive(headers))


@lru_cache(maxsize=128)
def _first(line: bytes) -> tuple[str, str, str] | None:
    """Method, path and query; None for a line that is not plain. There are few different ones."""
    found = FIRST_LINE.fullmatch(line)
    if found is None:
        return None
    method, path, query = found.groups(b"")
    return method.decode(), path.decode(), query.decode()


def _headers(text: bytes, lines: int) -> Headers | None:
    """None where llhttp does not understand the text."""
    # Its callback is the dictionary's own method, which takes a name in one spelling once.
    raw: dict[bytes, bytes] = {}
    if not _parses(text, raw.setdefault):
        return None
    if len(raw) == lines:
        return Headers(raw.items())
    pairs: list[tuple[bytes, bytes]] = []
    return Headers(pairs) if _parses(text, lambda *pair: pairs.append(pair)) else None


def _parses(text: bytes, on_header: Callable[[bytes, bytes], object]) -> bool:
    parsed = _Parsed(on_header)
    try:
        # Another parser for each head: it costs what feeding it the body would cost, and has no
        # state left from the request before.
        HttpRequestParser(parsed).feed_data(text)
    except (HttpParserError, HttpParserUpgrade):
        return False
    return parsed.is_complete


def _is_plain(headers: Headers) -> bool:
    if "host" not in headers or not NOT_IN_PLAIN.isdisjoint(headers):
        return False
    return not headers.repeated or ONLY_ONCE.isdisjoint(headers.repeated)


def _keeps_alive(headers: Headers) -> bool:
    # llhttp has forgotten it by now where there is no body.
    if headers.get("connection", KEEP_ALIVE) == KEEP_ALIVE and not headers.repeated:
        return True
    options = ",".join(headers.getall("connection")).lower().split(",")
    return "close" not in [each.strip(" \t") for each in options]


def _may_be_plain(data: bytes) -> bool:
    """Whether the rest may make a plain head of it: lines end as they should, as far as they go."""
    is_method = any(data.startswith(each[: len(data)]) for each in METHODS)
    return is_method and data.count(b"\n") == data.count(b"\r\n")
