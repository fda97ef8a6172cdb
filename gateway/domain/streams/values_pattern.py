"""The pattern of events that differ in several values, or are changed behind them.

Copilot's Responses events have another id and another number each, and padding hides how long a
text is. Each event is compared by itself, piece by piece.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gateway.domain.streams.patterns import BACKSLASH, CR, QUOTE, Run, are_escaped


def fits_text(value: bytes) -> bool:
    """Whether it is all within one JSON string. There is no line feed in it."""
    return CR not in value and (QUOTE not in value or are_escaped(value))


def fits_plain_text(value: bytes) -> bool:
    """Likewise, and nothing in it is written in another way than it is meant."""
    return QUOTE not in value and BACKSLASH not in value and CR not in value and value.isascii()


class Step(NamedTuple):
    """One of the values that differ, and what stands behind it."""

    fits: Callable[[bytes], bool]
    """Whether a value is one of this kind: one of fits_… below, or bytes.isdigit."""
    is_kept: bool
    """Whether it is sent; else what is sent says always the same in its place, or nothing."""
    instead: bytes
    """What is sent in its place: an event that says just that may be in need of no change."""
    behind: bytes
    """Up to the next value, or to the end."""
    sent_behind: bytes
    """What is sent behind it; where the value is not sent, what is sent instead comes first."""


class ValuesPattern:
    """For events that differ in several values, or are changed behind them."""

    __slots__ = (
        "_before",
        "_before_size",
        "_is_same",
        "_pieces",
        "_sent_before",
        "_steps",
        "_tail",
        "has_fitted",
        "most",
    )

    def __init__(
        self, before: bytes, sent_before: bytes, steps: Sequence[Step], most: int, *, is_same: bool
    ) -> None:
        """before: what stands before the first value. is_same: events are sent as they came."""
        self.has_fitted = False
        self._before = before
        self._sent_before = sent_before
        self._before_size = len(before)
        self._steps = [(*step, len(step.behind)) for step in steps]
        self._pieces = 1 + len(steps) + [step.is_kept for step in steps].count(True)
        """Of an event that is sent."""
        self._is_same = is_same
        after = steps[-1].behind
        self._tail = len(after) - after.find(b"\n")
        """From the first end of a line on."""
        self.most = most

    def of(self, event: bytes) -> bytes | None:
        """See Pattern."""
        sent: list[bytes] = []
        if self._add(event, 0, sent) != len(event):
            return None
        self.has_fitted = True
        return event if self._is_same else b"".join(sent)

    def run(self, buffer: bytes, start: int) -> Run:
        """See Pattern."""
        sent: list[bytes] = []
        events, end = 0, start
        while (event_end := self._add(buffer, end, sent)) >= 0:
            events += 1
            end = event_end
        if not events:
            return start, 0, b""
        self.has_fitted = True
        if self._is_same:
            return end, events, buffer[start:end]
        del sent[events * self._pieces :]
        return end, events, b"".join(sent)

    def _add(self, buffer: bytes, start: int, sent: list[bytes]) -> int:
        """Add what to send for the event at start, and return where it ends.

        -1 where it is not alike; what was added for it is then to be thrown away.
        """
        if not buffer.startswith(self._before, start):
            return -1
        place = start + self._before_size
        # No value has a line feed in it. Where there is none at all, nothing is found before it.
        end = buffer.find(b"\n", place) + self._tail
        sent.append(self._sent_before)
        for fits, is_kept, instead, behind, sent_behind, size in self._steps:
            value_end = buffer.find(behind, place, end)
            value = buffer[place:value_end]
            place = value_end + size
            if value_end < 0 or not fits(value):
                return -1
            if is_kept:
                sent.append(value)
            elif value == instead:
                return -1
            sent.append(sent_behind)
        return place
