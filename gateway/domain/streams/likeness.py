"""Knows the next event of a kind that was examined before, without reading it.

Most events of a stream differ from the one before in a few letters of text, and in what counts
them or hides their length. What stands around those values makes a pattern (patterns.py). An event
that fits it decides nothing that the examined one did not, so it may be treated as that one was.
"""

import re
from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from gateway.domain.streams.patterns import Pattern
from gateway.domain.streams.text_pattern import TextPattern
from gateway.domain.streams.values_pattern import Step, ValuesPattern, fits_plain_text, fits_text

MAX_MISSES = 8
"""After so many patterns in a row that fitted nothing one is made of every 64th event only: some
streams have no two events that are alike."""
RARELY = 64

_BACKSLASH = ord("\\")
_DIGITS = re.compile(rb"[0-9]+")


class Kind(Enum):
    """What a field's value is like, and what becomes of it."""

    TEXT = "text"
    """A string that is passed on."""
    NUMBER = "number"
    """A number that is passed on."""
    CHANGED = "changed"
    """A string: if another was sent for it, or none, then always."""


_FITS = {Kind.TEXT: fits_text, Kind.NUMBER: bytes.isdigit, Kind.CHANGED: fits_plain_text}


class Field(NamedTuple):
    """A field whose value decides nothing."""

    opening: bytes
    """`"name":"`; without the last quote where the value is a number."""
    kind: Kind = Kind.TEXT


class Likeness:
    """A pattern made of the last event that was examined."""

    __slots__ = ("_misses", "_others", "_texts", "pattern")

    def __init__(self, texts: Sequence[Field], others: Sequence[Field] = ()) -> None:
        """texts: the fields without which an event makes no pattern. others: those that may differ
        as well."""
        self._texts = texts
        self._others = others
        self._misses = 0
        self.pattern: Pattern | None = None
        """None: the next event is examined, whatever it is like."""

    def forget(self) -> None:
        """The next event is examined."""
        if self.pattern is not None:
            if self.pattern.has_fitted:
                self._misses = 0
            self.pattern = None

    def learn(self, event: bytes, sent: bytes) -> None:
        """Remember an event that was examined, and what was sent for it."""
        self.forget()
        self._misses += 1
        if self._misses > MAX_MISSES and self._misses % RARELY:
            return
        # Such an end may be half of another, and only the next byte says which.
        if event.endswith(b"\n\r"):
            return
        places = _places(self._texts, event, sent)
        if places:
            self.pattern = _pattern(places + _places(self._others, event, sent), event, sent)


class _Place(NamedTuple):
    """Where a value stands in an event, and in what was sent for it."""

    start: int
    end: int
    kind: Kind
    sent_start: int
    """-1 where it was left out."""
    sent_end: int


def _places(fields: Sequence[Field], event: bytes, sent: bytes) -> list[_Place]:
    """Where values stand that may differ from one like event to the next."""
    places = []
    for opening, kind in fields:
        if kind is Kind.CHANGED and sent is event:
            continue
        found = event.find(opening)
        if found < 0:
            continue
        start = found + len(opening)
        end = _end_of(kind, event, start)
        if end < 0:
            continue
        if sent is event:
            places.append(_Place(start, end, kind, start, end))
        # Which of several became of which is not to be seen.
        elif event.find(opening, start) < 0:
            places += _changed_place(opening, _Place(start, end, kind, -1, -1), event, sent)
    return places


def _changed_place(opening: bytes, place: _Place, event: bytes, sent: bytes) -> list[_Place]:
    """The place with where it is in what was sent; none where that is not as its kind has it."""
    is_changed = place.kind is Kind.CHANGED
    found = sent.find(opening)
    if found < 0:
        return [place] if is_changed else []
    start = found + len(opening)
    end = _end_of(place.kind, sent, start)
    if end < 0 or sent.find(opening, start) >= 0:
        return []
    if (sent[start:end] == event[place.start : place.end]) is is_changed:
        return []
    return [_Place(place.start, place.end, place.kind, start, end)]


def _end_of(kind: Kind, event: bytes, start: int) -> int:
    """Where the value ends that begins at start; -1 where there is none of this kind."""
    if kind is not Kind.NUMBER:
        return _end_of_string(event, start)
    digits = _DIGITS.match(event, start)
    return digits.end() if digits else -1


def _pattern(places: list[_Place], event: bytes, sent: bytes) -> Pattern | None:
    """What stands around these places."""
    if len(places) == 1:
        start, end, _, sent_start, sent_end = places[0]
        before, after = event[:start], event[end:]
        if sent is event:
            return TextPattern(before, after, before)
        if sent[sent_end:] == after:
            return TextPattern(before, after, sent[:sent_start])
    places = _in_order(places)
    # What has a line end between its values is not looked for.
    if not places or event.find(b"\n", places[0].start) < places[-1].end:
        return None
    steps: list[Step] = []
    end, sent_end = len(event), len(sent)
    for place in reversed(places):
        is_kept = place.kind is not Kind.CHANGED
        instead = sent[place.sent_start : place.sent_end]
        behind = event[place.end : end]
        sent_behind = sent[place.sent_end if is_kept else place.sent_start : sent_end]
        steps.append(Step(_FITS[place.kind], is_kept, instead, behind, sent_behind))
        end, sent_end = place.start, place.sent_start
    steps.reverse()
    return ValuesPattern(event[:end], sent[:sent_end], steps, 2 * len(event), is_same=sent is event)


def _in_order(places: list[_Place]) -> list[_Place]:
    """The places as they follow each other; none where they do so in another order when sent."""
    ordered: list[_Place] = []
    end = sent_end = 0
    for place in sorted(places):
        if place.sent_start < 0:
            place = _Place(place.start, place.end, place.kind, sent_end, sent_end)
        if place.start < end or place.sent_start < sent_end:
            return []
        end, sent_end = place.end, place.sent_end
        ordered.append(place)
    return ordered


def _end_of_string(event: bytes, start: int) -> int:
    """Where the quote stands that ends the JSON string begun before start; -1 when none does."""
    end = event.find(b'"', start)
    while end > start and event[end - 1] == _BACKSLASH:
        before = event[start:end]
        if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
            break  # backslashes in pairs stand for themselves
        end = event.find(b'"', end + 1)
    return end
