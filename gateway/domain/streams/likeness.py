"""Knows the next event of a kind that was examined before, without reading it.

Most events of a stream differ from the one before in a single string: a few more letters of text.
What stands before and behind that string is compared as bytes, and the string is shown to be one
string still. Such an event decides nothing that the examined one did not, so it may be treated as
that one was. Costs a few byte searches; knows no protocol.
"""

from collections.abc import Sequence

MAX_MISSES = 8
"""After so many patterns in a row that fitted nothing one is made of every 64th event only: some
streams number their events, and no event of theirs is like another."""
RARELY = 64

_BACKSLASH = ord("\\")


class Likeness:
    """A pattern made of the last event that was examined."""

    __slots__ = ("_after", "_before", "_misses", "_openings", "_sent_before")

    def __init__(self, openings: Sequence[bytes]) -> None:
        """openings: `"name":"` of each field whose value decides nothing."""
        self._openings = tuple(openings)
        self._misses = 0
        self.forget()

    def forget(self) -> None:
        """The next event is examined, whatever it is like."""
        self._before = b""
        self._after = b""
        self._sent_before = b""

    @property
    def has_pattern(self) -> bool:
        """Whether any event may be known without being examined."""
        return bool(self._before)

    def of(self, event: bytes) -> bytes | None:
        """What to send for an event that is like the examined one; None when it is not.

        Where the examined one was sent as it came, the very same object is returned.
        """
        before, after = self._before, self._after
        if not (before and event.startswith(before) and event.endswith(after)):
            return None
        start, end = len(before), len(event) - len(after)
        if not _is_inside_string(event, start, end):
            return None
        self._misses = 0
        if before is self._sent_before:
            return event
        return self._sent_before + event[start:]

    def learn(self, event: bytes, sent: bytes) -> None:
        """Remember an event that was examined, and what was sent for it.

        Only where the two end alike: what is sent may differ before the string, not behind it.
        """
        self.forget()
        self._misses += 1
        if self._misses > MAX_MISSES and self._misses % RARELY:
            return
        for opening in self._openings:
            found = event.find(opening)
            if found >= 0:
                self._learn_at(event, sent, found + len(opening))
                return

    def _learn_at(self, event: bytes, sent: bytes, start: int) -> None:
        end = _end_of_string(event, start)
        rest = event[start:]
        if end < 0 or not sent.endswith(rest):
            return
        self._before = event[:start]
        self._after = event[end:]
        self._sent_before = self._before if sent is event else sent[: len(sent) - len(rest)]


def _end_of_string(event: bytes, start: int) -> int:
    """Where the quote stands that ends the JSON string begun before start; -1 when none does."""
    end = event.find(b'"', start)
    while end > start and event[end - 1] == _BACKSLASH:
        before = event[start:end]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            break  # backslashes in pairs stand for themselves
        end = event.find(b'"', end + 1)
    return end


def _is_inside_string(event: bytes, start: int, end: int) -> bool:
    """Whether from start to end there is neither the end of a JSON string nor of a line."""
    if end < start or event.find(b"\n", start, end) >= 0 or event.find(b"\r", start, end) >= 0:
        return False
    if event.find(b'"', start, end) < 0:
        return True
    # Quotes that all follow a backslash are escaped: one behind a pair of them would end the
    # string, but then the next would have to begin another, and nothing escaped does that.
    return event.count(b'"', start, end) == event.count(b'\\"', start, end)
