"""Halves of characters: one half of a surrogate pair, written as an escape (`\\ud83d`).

A tokenizer that splits an emoji has upstream send one half in one event and the other in the next.
Python's and JavaScript's parsers take that, and msgspec does not. Whoever passes events on marks
the halves while it reads and changes them; whoever writes events of its own has the two halves
joined. Both are asked only about what msgspec has refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

MARK = "\ufdd0".encode()
"""A character that no text has: Unicode keeps it for the use inside of a program."""

# Escapes are walked over one by one: only so it is seen which backslash begins one.
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(u[dD][89a-fA-F]..)|.)", re.DOTALL)
_MARKED = re.compile(MARK + rb"(u[dD][89a-fA-F][0-9a-fA-F]{2})")

INDEXES = ("index", "output_index", "content_index", "summary_index")
"""What tells the texts of an answer apart that grow at the same time."""

_FIRST_HALVES = ("\ud800", "\udbff")

Place = tuple[Any, ...]
"""Where a text stands: the names and the indexes on the way to it."""


def marked(data: bytes) -> bytes:
    """JSON in which each half is a mark and its letters, and all else is the bytes it was."""
    return _ESCAPE.sub(lambda found: MARK + found[1] if found[1] else found[0], data)


def restored(event: bytes) -> bytes:
    """What was made of marked JSON, with the halves as upstream wrote them."""
    return _MARKED.sub(rb"\\\1", event) if MARK in event else event


class Joining:
    """Joins the halves that stand at the end of a text and where the same text goes on.

    For the texts of one stream. One half at a time is waited for, and what never comes was no
    character.
    """

    __slots__ = ("_place", "half")

    def __init__(self) -> None:
        self.half = ""
        """The first half that has come without what follows it; empty as long as none has."""
        self._place: Place = ()

    def joined(self, data: bytes) -> bytes:
        """An event's data with a first half taken from the end of a text, or put before it.

        The data themselves where they are no JSON. Other halves stay what they are.
        """
        try:
            document = json.loads(data.decode("utf-8-sig", "replace"))
            for place, fields, name in list(_texts(document, ())):
                fields[name] = self._joined(place, fields[name])
        except (ValueError, RecursionError):
            return data
        return json.dumps(document).encode()

    def _joined(self, place: Place, text: str) -> str:
        if self.half and place == self._place:
            text = self.half + text
            self.half = ""
        first, last = _FIRST_HALVES
        if not self.half and text and first <= text[-1] <= last:
            self.half, self._place = text[-1], place
            return text[:-1]
        return text


def _texts(value: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any], str]]:
    """Each text of a document: its place, the object it is in, and its name there."""
    if isinstance(value, list):
        for each in value:
            yield from _texts(each, place)
    elif isinstance(value, dict):
        here = (*place, *(value[name] for name in INDEXES if name in value))
        for name, inner in value.items():
            if isinstance(inner, str):
                yield (*here, name), value, name
            else:
                yield from _texts(inner, (*here, name))
