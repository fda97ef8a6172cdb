"""Bodies that come encoded although nobody asked for it.

Requests ask for `identity`; a server or a proxy that compresses all the same is understood, as
any client library would.
"""

import zlib

ENCODINGS = frozenset({"gzip", "x-gzip", "deflate"})
GZIP = 16 + zlib.MAX_WBITS
MOST_BYTES_AT_ONCE = 16 * 1024 * 1024
"""What one read may swell to. JSON shrinks to a tenth; what shrinks more is made to do harm."""


class NotDecoded(Exception):
    """The body is not in the encoding its head names; quotes nothing of it."""


class Decoding:
    """One body in `gzip` or `deflate`."""

    def __init__(self, encoding: str) -> None:
        self._is_deflate = encoding == "deflate"
        self._inflater = None if self._is_deflate else zlib.decompressobj(wbits=GZIP)

    def feed(self, data: bytes) -> bytes:
        """What these bytes bring; may be empty. Raises NotDecoded."""
        if self._inflater is None:
            # Some send deflate without zlib's header, which begins with a method of 8.
            wbits = zlib.MAX_WBITS if data[0] & 0xF == 8 else -zlib.MAX_WBITS
            self._inflater = zlib.decompressobj(wbits=wbits)
        try:
            found = self._inflater.decompress(data, MOST_BYTES_AT_ONCE)
        except zlib.error:
            raise NotDecoded from None
        if self._inflater.unconsumed_tail:
            raise NotDecoded
        return found

    def finish(self) -> None:
        """The body is over. Raises NotDecoded when more should have come."""
        if self._inflater is not None and not self._inflater.eof:
            raise NotDecoded
