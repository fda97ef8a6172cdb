"""The pattern of nearly all events: they differ in one text.

Many of them at once are taken apart into lines and put together again of what they are to have in
common and their texts: if that is the same, so are they. Each step of that is one call for all.
"""

from bisect import bisect_left
from io import BytesIO
from operator import itemgetter

from gateway.domain.streams.patterns import CR, LF, QUOTE, Run, are_escaped

FIRST_REACH_BYTES = 4096
"""So much is compared at once to begin with, and twice as much each time that all of it is alike.
What was compared for nothing is then never more than what was not."""


class TextPattern:
    """For events that differ in one text, and are sent as they came but for what is before it."""

    __slots__ = (
        "_after",
        "_before",
        "_between",
        "_least",
        "_lines",
        "_reach",
        "_sent_before",
        "_text_in_line",
        "_text_line",
        "_to_text",
        "has_fitted",
        "most",
    )

    def __init__(self, before: bytes, after: bytes, sent_before: bytes) -> None:
        """before, after: of the text. sent_before: is before itself where nothing changes."""
        self.has_fitted = False
        self._before = before
        self._after = after
        self._sent_before = sent_before
        self._to_text = slice(len(before), -len(after))
        self._least = len(before) + len(after)
        self.most = 2 * self._least
        self._reach = 0
        """0 until the first run: most patterns see none, and some are made for nothing."""

    def of(self, event: bytes) -> bytes | None:
        """See Pattern."""
        if not (event.startswith(self._before) and event.endswith(self._after)):
            return None
        text = event[self._to_text]
        if LF in text or CR in text or len(event) < self._least:
            return None
        if QUOTE in text and not are_escaped(text):
            return None
        self.has_fitted = True
        if self._sent_before is self._before:
            return event
        return self._sent_before + text + self._after

    def run(self, buffer: bytes, start: int) -> Run:
        """See Pattern. Looks no further than its reach."""
        if len(buffer) - start < self._least or not buffer.startswith(self._before, start):
            return start, 0, b""
        texts = self._texts(buffer, start)
        alike, end = len(texts), self._end(buffer, start, texts)
        if end < 0:
            # Where so many are alike, fewer are as well.
            alike = bisect_left(
                range(alike), True, key=lambda n: self._end(buffer, start, texts[: n + 1]) < 0
            )
            del texts[alike:]
            end = self._end(buffer, start, texts)
            self._reach = FIRST_REACH_BYTES
        elif self._reach < len(buffer):
            self._reach *= 2
        if not alike:
            return start, 0, b""
        self.has_fitted = True
        if self._sent_before is self._before:
            return end, alike, buffer[start:end]
        between = (self._after + self._sent_before).join(texts)
        return end, alike, b"".join((self._sent_before, between, self._after))

    def _texts(self, buffer: bytes, start: int) -> list[bytes]:
        """What stands where the text would be in each event, if all events are like this."""
        if not self._reach:
            self._prepare()
        if not self._lines:
            return []  # they end in CR alone
        stream = BytesIO(buffer)  # shares the bytes, and finds ends of lines the fastest
        if start:
            stream.seek(start)
        lines = stream.readlines(self._reach)
        whole = len(lines) - len(lines) % self._lines
        return list(map(self._text_in_line, lines[self._text_line : whole : self._lines]))

    def _prepare(self) -> None:
        before, after = self._before, self._after
        self._reach = FIRST_REACH_BYTES
        self._text_line = before.count(b"\n")
        self._lines = self._text_line + after.count(b"\n")
        in_line = len(before) - before.rfind(b"\n") - 1
        self._text_in_line = itemgetter(slice(in_line, -1 - after.find(b"\n")))
        self._between = after + before

    def _end(self, buffer: bytes, start: int, texts: list[bytes]) -> int:
        """Where the events with these texts end; -1 if they do not stand there.

        No text has a line feed in it, and the first event is known to begin at start.
        """
        if not texts:
            return start
        between = self._between.join(texts)
        text_start = start + len(self._before)
        text_end = text_start + len(between)
        if not buffer.startswith(between, text_start):
            return -1
        if not buffer.startswith(self._after, text_end):
            return -1
        said = b"\n".join(texts)
        if CR in said or (QUOTE in said and not are_escaped(said)):
            return -1
        return text_end + len(self._after)
