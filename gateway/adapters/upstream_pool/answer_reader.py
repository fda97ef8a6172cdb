"""Answers of HTTP/1.1 out of bytes, by llhttp: no I/O, no clock.

However the bytes are cut into reads, the same answer comes out.
"""

from httptools import HttpParserError, HttpResponseParser

from gateway.adapters.upstream_pool.decoding import ENCODINGS, Decoding, NotDecoded

MAX_LINE_BYTES = 8_190
MAX_HEAD_BYTES = 32 * 1024
MAX_BYTES_OF_NOTHING = 64 * 1024
"""Without a byte of a body: lines, heads and trailers that do not end, one interim answer after
the other."""
BODILESS = (204, 304)


class MalformedAnswer(Exception):
    """What came is no answer that can be read; quotes nothing of it."""


class AnswerReader:
    """Reads the answers of one connection, one after the other.

    `feed` it; what has come of the head and the body lies in the attributes after each call.
    """

    __slots__ = (
        "_decoding", "_fed", "_is_interim", "_needs_eof", "_parser", "_raw", "has_begun",
        "has_head", "headers", "is_complete", "keeps_alive", "on_header", "pieces", "status",
    )  # fmt: skip

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}
        # llhttp's callback for each header is the dictionary's own method: there are dozens.
        self.on_header = self._raw.setdefault
        self._parser = HttpResponseParser(self)
        # What the client library of the Python world takes from servers, this takes.
        self._parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self.pieces: list[bytes] = []
        """Of the body; whoever reads them takes them out."""
        self.begin()

    def begin(self) -> None:
        """The next answer is another request's."""
        self.status = 0
        self.headers: dict[str, str] = {}
        """By names in lower case; of several with one name the first."""
        self.has_begun = False
        self.has_head = False
        self.is_complete = False
        self.keeps_alive = False
        self._is_interim = False
        self._needs_eof = False
        self._raw.clear()
        self._fed = 0
        self._decoding: Decoding | None = None

    def feed(self, data: bytes | memoryview) -> None:
        """Raises MalformedAnswer, unless the answer was complete before the trouble began."""
        self.has_begun = True
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserError:
            if not self.is_complete:
                raise MalformedAnswer from None
            self.keeps_alive = False
        if self._fed > MAX_BYTES_OF_NOTHING and not self.is_complete:
            raise MalformedAnswer

    def feed_eof(self) -> bool:
        """The connection has ended properly: whether that makes the answer complete."""
        if self.has_head and self._needs_eof and not self.is_complete:
            self._complete()
        return self.is_complete

    def forget(self) -> None:
        """The connection is over: the parser and this reader hold on to each other."""
        del self._parser

    # --- what llhttp calls ---

    def on_message_begin(self) -> None:
        if self.is_complete:
            # Nobody has asked for another answer yet.
            self.keeps_alive = False

    def on_headers_complete(self) -> None:
        if self.is_complete:
            return
        status = self._parser.get_status_code()
        if status == 101 or status < 100:
            raise MalformedAnswer
        self._is_interim = status < 200
        if self._is_interim:
            return
        headers = self.headers = self._read_headers()
        self.status = status
        self.has_head = True
        self.keeps_alive = self._parser.should_keep_alive()
        says_its_end = "content-length" in headers or "transfer-encoding" in headers
        self._needs_eof = status not in BODILESS and not says_its_end
        encoding = headers.get("content-encoding")
        if encoding is not None and encoding.lower() in ENCODINGS:
            self._decoding = Decoding(encoding.lower())

    def on_body(self, data: bytes) -> None:
        if self.is_complete:
            return
        self._fed = 0
        if self._decoding is not None:
            data = self._decoding.feed(data)
        if data:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        if self._is_interim:
            self._is_interim = False
            self._raw.clear()
        elif not self.is_complete:
            self._complete()

    def _read_headers(self) -> dict[str, str]:
        raw = self._raw
        # Nearly every head is shorter than a line may be, and came with nothing before it.
        if self._fed > MAX_LINE_BYTES:
            size = sum(map(len, raw)) + sum(map(len, raw.values()))
            longest = max([len(name) + len(value) for name, value in raw.items()], default=0)
            if size > MAX_HEAD_BYTES or longest > MAX_LINE_BYTES:
                raise MalformedAnswer
        # From the last to the first, which is the one that stays.
        return {
            _NAMES.get(name) or _lower(name): value.decode("latin-1").strip()
            for name, value in reversed(raw.items())
        }

    def _complete(self) -> None:
        if self._decoding is not None:
            try:
                self._decoding.finish()
            except NotDecoded:
                raise MalformedAnswer from None
        self.is_complete = True


_NAMES: dict[bytes, str] = {}
"""Names of headers that have come, in lower case; the same few come again and again."""
MOST_NAMES_KEPT = 256


def _lower(name: bytes) -> str:
    if len(_NAMES) >= MOST_NAMES_KEPT:
        _NAMES.clear()
    found = _NAMES[name] = name.decode("latin-1").lower()
    return found
