"""An answer as a value: what would be sent if nothing went wrong.

Knows nothing of connections, faults or time passing; faults/ turns it into writes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

import msgspec

JSON = "application/json; charset=utf-8"
# Upstream labels most JSON errors as text (§7.1).
TEXT = "text/plain; charset=utf-8"
HTML = "text/html; charset=utf-8"
EVENTS = "text/event-stream"

DONE = b"[DONE]"

encode = msgspec.json.Encoder().encode


class Dialect(Enum):
    """Whose way of streaming and of stating errors an answer has."""

    CHAT = "chat"
    RESPONSES = "responses"
    MESSAGES = "messages"


class Event(NamedTuple):
    """One event of a stream: its payload, and its name in dialects that name them."""

    data: bytes
    name: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an answer costs. cached_tokens are among the prompt's, reasoning_tokens among the
    completion's."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    nano_aiu: int = 0


FREE = Cost()


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers, and either a whole body or an event stream.

    events: made while they are sent, so that ten thousand streams need little memory.
    delay_seconds: the pause before the headers; gap_seconds: before each event but the first.
    cost: whether it says so or not. text: what is said in it, all of it. hangs: no answer ever
    comes.
    """

    status: int
    content_type: str
    body: bytes = field(default=b"", repr=False)
    events: Iterable[Event] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    gap_seconds: float = 0.0
    cost: Cost = FREE
    dialect: Dialect | None = None
    text: str | None = field(default=None, repr=False)
    hangs: bool = False


def as_json(content: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON answer; header names are written with underscores."""
    return Answer(status, JSON, encode(content), headers=_named(headers))


def as_text(text: str, status: int, content_type: str = TEXT, **headers: str) -> Answer:
    """An answer in text; header names are written with underscores."""
    return Answer(status, content_type, text.encode(), headers=_named(headers))


def hang() -> Answer:
    """No answer: the connection stays open and silent."""
    return Answer(504, TEXT, b"", hangs=True)


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
