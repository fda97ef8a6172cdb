"""What the events of one kind have in common, compared as bytes: one at a time, or many at once.

A pattern is what stands around the values that differ from event to event. Whether they do is all
it looks at, so a like event costs some comparisons, and one of many a fraction of that. Knows no
protocol, and not how a pattern is found (likeness.py).
"""

from typing import Protocol

QUOTE, BACKSLASH, CR, LF = b'"\\\r\n'

Run = tuple[int, int, bytes]
"""Where like events end, how many they are, and what to send for them."""


class Pattern(Protocol):
    """What the events of one kind have in common."""

    has_fitted: bool
    """Whether any event was like it."""
    most: int
    """More bytes than this are hardly one event."""

    def of(self, event: bytes) -> bytes | None:
        """What to send for a like event; None for any other.

        Where the examined one was sent as it came, the very same object is returned.
        """

    def run(self, buffer: bytes, start: int) -> Run:
        """The like events from start on that are whole; there may be more behind them."""


def are_escaped(text: bytes) -> bool:
    """Whether all quotes in it follow a backslash, so that none of them ends the JSON string.

    One behind a pair of backslashes would, but then the next would have to begin another string,
    and nothing escaped does that.
    """
    return text.count(b'"') == text.count(b'\\"')
