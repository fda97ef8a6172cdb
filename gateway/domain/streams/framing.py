"""Server-sent events as bytes: where one ends, what it says, and how one is written.

All that the format allows is read: lines that end in LF, CRLF or CR, `data:` with or without a
space, comments, several data lines an event. Knows nothing of what the data mean.
"""

import re
from collections.abc import Iterator

from gateway.domain.errors import Fault, GatewayError

MAX_UNFINISHED_BYTES = 8 * 1024 * 1024
"""An event that is longer than this without an end is no event."""

# An event ends with a line of its own that is empty. A CR at the end of what there is may be half
# of a CRLF: after another CR it cannot matter, after an LF the next byte decides.
_END = re.compile(rb"\n\r?\n|\r\r|\n\r(?=[^\n])")
_LONGEST_END = 3


class Unfinished:
    """The bytes of an event that has not ended yet."""

    __slots__ = ("kept",)

    def __init__(self) -> None:
        self.kept = bytearray()

    def with_more(self, chunk: bytes) -> bytes:
        """All bytes so far if an event may end in them, and nothing is kept; else none.

        Only the new bytes are searched, so that an event that comes byte by byte costs no more
        than its length. Raises GatewayError when it grows too long.
        """
        if not self.kept:
            return chunk
        if end_of(chunk) >= 0:
            whole = b"".join((self.kept, chunk))
            self.kept.clear()
            return whole
        searched = len(self.kept) - _LONGEST_END + 1
        self.kept += chunk
        if _END.search(self.kept, max(0, searched)) is None:
            self._check()
            return b""
        return self.take()

    def keep(self, rest: bytes) -> None:
        """Keep this as well. Raises GatewayError when it is too long."""
        self.kept += rest
        self._check()

    def take(self) -> bytes:
        """What is kept, and keep nothing."""
        kept = bytes(self.kept)
        self.kept.clear()
        return kept

    def _check(self) -> None:
        if len(self.kept) > MAX_UNFINISHED_BYTES:
            raise GatewayError(
                Fault.UPSTREAM_BAD_ANSWER, "Upstream sent an event that does not end."
            )


def end_of(buffer: bytes, start: int = 0) -> int:
    """Where the event that begins at start ends; -1 when it does not end in these bytes."""
    end = _end_in_line_feeds(buffer, start)
    if buffer.find(b"\r", start, end if end >= 0 else len(buffer)) < 0:
        return end
    match = _END.search(buffer, start)
    return match.end() if match is not None else -1


def _end_in_line_feeds(buffer: bytes, start: int) -> int:
    # A search for one byte is several times as fast as one for two, and most events have but a
    # line or two. What has more is not searched line by line.
    line_end = buffer.find(b"\n", start)
    if line_end >= 0 and not buffer.startswith(b"\n", line_end + 1):
        line_end = buffer.find(b"\n", line_end + 1)
        if line_end >= 0 and not buffer.startswith(b"\n", line_end + 1):
            line_end = buffer.find(b"\n\n", line_end + 1)
    return line_end + 2 if line_end >= 0 else -1


def ends_in(buffer: bytes) -> Iterator[int]:
    """The positions behind each event that ends in these bytes, in order."""
    end = end_of(buffer)
    while end >= 0:
        yield end
        end = end_of(buffer, end)


def data_of(event: bytes) -> bytes | None:
    """What an event's data lines say, joined by line feeds; None when it has none."""
    start = _only_data(event)
    if start:
        return event[start:-2]
    values = [_value(line) for line in event.splitlines()]
    said = [value for value in values if value is not None]
    return b"\n".join(said) if said else None


def name_of(event: bytes) -> bytes:
    """The event's name; empty when it has none. Where there are several the last one counts."""
    start = _only_data(event)
    if start:
        return event[7 : start - 7] if event.startswith(b"event: ") else b""
    name = b""
    for line in event.splitlines():
        if line.startswith(b"event:"):
            name = line[6:].removeprefix(b" ")
    return name


def with_data(event: bytes, data: bytes) -> bytes:
    """The event with other data; its other lines stay, every line ends in LF."""
    start = _only_data(event)
    if start:
        return event[: start - 6] + _written(data)
    others = [line for line in event.splitlines() if line and _value(line) is None]
    return b"".join(line + b"\n" for line in others) + _written(data)


def _only_data(event: bytes) -> int:
    """Where the data begin in an event of the two commonest forms; 0 for all others.

    These are one `data: ` line, alone or after one `event: ` line, and are read without a list of
    lines.
    """
    start = 0
    if event.startswith(b"event: "):
        start = event.find(b"\n") + 1
    is_common = (
        event.startswith(b"data: ", start)
        and event.find(b"\n", start) == len(event) - 2
        and event.find(b"\r") < 0
    )
    return start + 6 if is_common else 0


def _written(data: bytes) -> bytes:
    # JSON may hold line ends between its values.
    if b"\n" in data or b"\r" in data:
        data = b"\ndata: ".join(data.splitlines())
    return b"data: " + data + b"\n\n"


def _value(line: bytes) -> bytes | None:
    """The value of a data line; None for every other line."""
    if line.startswith(b"data:"):
        return line[5:].removeprefix(b" ")
    return b"" if line == b"data" else None
