"""Halves of characters: one half of a surrogate pair, written as an escape (`\\ud83d`).

A tokenizer that splits an emoji has upstream send one half in one event and the other in the next.
Python's and JavaScript's parsers take that, and msgspec does not. Whoever passes events on marks
the halves while it reads and changes them; whoever writes events of its own has the two halves
joined. Both are asked only about what msgspec has refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MARK = "\ufdd0".encode()
"""A character that no text has: Unicode keeps it for the use inside of a program."""

# Escapes are walked over one by one: only so it is seen which backslash begins one.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_MARKED = re.compile(MARK + rb"(u[dD][89a-fA-F][0-9a-fA-F]{2})")

INDEXES = ("index", "output_index", "content_index", "summary_index")
"""What tells the texts of an answer apart that grow at the same time."""

Place = tuple[str | int, ...]
"""Where a text stands: the names and the indexes on the way to it."""

MOST_STEPS = 16
"""Texts that lie deeper are not joined; those of an answer lie at seven."""
MOST_HALVES = 16
MOST_EVENTS = 64
"""So long is a half waited for, as each event is read in the slow way meanwhile."""


def marked(data: bytes) -> bytes:
    """JSON in which each half is a mark and its letters, and all else is the bytes it was."""
    return _ESCAPE.sub(lambda found: MARK + found[1] if found[1] else found[0], data)


def restored(event: bytes) -> bytes:
    """What was made of marked JSON, with the halves as upstream wrote them."""
    return _MARKED.sub(rb"\\\1", event) if MARK in event else event


@dataclass(slots=True)
class _Half:
    """A first half that has come without what follows it."""

    text: str
    event: int
    """The number of the event that it came with."""
    is_parted: bool = False
    """Whether another text may have begun in its place since."""

    def before(self, text: str) -> str:
        """The text that goes on in its place."""
        return text if self.is_parted and not "\udc00" <= text[0] <= "\udfff" else self.text + text


class Joining:
    """Joins the halves that stand at the end of a text and where the same text goes on.

    For the texts of one stream, which may grow at the same time. What never comes was no character.
    """

    __slots__ = ("_events", "_halves", "half")

    def __init__(self) -> None:
        self.half = False
        """Whether a half is waited for. Everybody asks at each event: no property."""
        self._halves: dict[Place, _Half] = {}
        """The oldest first."""
        self._events = 0

    def joined(self, data: bytes) -> bytes:
        """An event's data with first halves taken from the ends of texts, or put before them.

        The data themselves where they are no JSON. Other halves stay what they are.
        """
        self._events += 1
        try:
            document = json.loads(data.decode("utf-8-sig", "replace"))
            for place, fields, name in _texts(document):
                if fields[name]:
                    fields[name] = self._joined(place, name, fields[name])
            return json.dumps(document).encode()
        except (ValueError, RecursionError):
            return data
        finally:
            self._drop_old()

    def _joined(self, place: Place, name: str, text: str) -> str:
        if self._halves:
            if name == "id" and place:
                self._part(place)
            half = self._halves.pop((*place, name), None)
            text = half.before(text) if half else text
        if not "\ud800" <= text[-1] <= "\udbff":
            return text
        if len(self._halves) >= MOST_HALVES:
            del self._halves[next(iter(self._halves))]
        self._halves[*place, name] = _Half(text[-1], self._events)
        return text[:-1]

    def _part(self, place: Place) -> None:
        """Another id may begin another call under the same index (copilot-upstream.md §6.2)."""
        for each, half in self._halves.items():
            half.is_parted = half.is_parted or each[: len(place)] == place

    def _drop_old(self) -> None:
        while self._halves:
            oldest = next(iter(self._halves))
            if self._events - self._halves[oldest].event < MOST_EVENTS:
                break
            del self._halves[oldest]
        self.half = bool(self._halves)


def _texts(document: Any) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """Each text of a document: its object's place, the object, and its name there.

    An object's own texts, such as its id, come before those of what is in it.
    """
    todo: list[tuple[Any, Place]] = [(document, ())]
    while todo:
        value, place = todo.pop()
        if isinstance(value, list):
            todo += [(each, place) for each in reversed(value)]
        elif isinstance(value, dict) and len(place) < MOST_STEPS:
            here = (*place, *_indexes(value))
            for name, inner in value.items():
                if isinstance(inner, str):
                    yield here, value, name
                elif isinstance(inner, dict | list):
                    todo.append((inner, (*here, name)))


def _indexes(fields: dict[str, Any]) -> Iterator[str | int]:
    for name in INDEXES:
        index = fields.get(name)
        if isinstance(index, str | int):
            yield index
