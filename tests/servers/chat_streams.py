"""What a caller reads in a chat stream, without any mercy: a strict client would give up."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One event of a stream."""

    name: str
    data: str


def events_of(body: bytes) -> list[Event]:
    """The events of a stream, read as the standard says and without any mercy.

    Raises AssertionError for a line that is no field of an event stream, for a character that
    is not whole, and for an event that has no end.
    """
    lines = body.decode("utf-8", errors="strict").replace("\r\n", "\n").replace("\r", "\n")
    *blocks, rest = lines.split("\n\n")
    assert rest.strip("\n") == "", f"an event without an end: {rest[:80]!r}"
    return [event for block in blocks if (event := _event(block)) is not None]


def _event(block: str) -> Event | None:
    """An event; None where there are only comments."""
    name, data = "", []
    for line in filter(None, block.split("\n")):
        field_name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        assert field_name in ("", "data", "event"), f"not a field of an event: {line[:80]!r}"
        if field_name == "data":
            data.append(value)
        elif field_name == "event":
            name = value
    return Event(name, "\n".join(data)) if data else None


@dataclass
class Told:
    """What a chat stream told its caller."""

    text: str = ""
    ids: set[str] = field(default_factory=set)
    finish_reasons: list[str] = field(default_factory=list)
    error: str | None = None
    """The code of the error event it ended with."""
    is_done: bool = False
    """Whether `[DONE]` came."""


def told(body: bytes) -> Told:
    """What a chat stream says. Raises AssertionError where strict clients would give up."""
    said = Told()
    for event in events_of(body):
        assert not said.is_done, "something follows [DONE]"
        assert said.error is None, "something follows the error"
        assert event.name == ""
        if event.data == "[DONE]":
            said.is_done = True
            continue
        _take(said, json.loads(event.data))
    return said


def _take(said: Told, chunk: dict[str, Any]) -> None:
    if "error" in chunk:
        assert isinstance(chunk["error"]["message"], str)
        said.error = str(chunk["error"]["code"])
        return
    assert chunk["object"] == "chat.completion.chunk"
    assert isinstance(chunk["created"], int)
    assert chunk["id"], "a chunk without an id"
    assert chunk["model"], "a chunk without a model"
    said.ids.add(chunk["id"])
    choices: Sequence[dict[str, Any]] = chunk["choices"]
    for choice in choices:
        assert choice["index"] == 0
        said.text += choice["delta"].get("content") or ""
        if choice.get("finish_reason") is not None:
            said.finish_reasons.append(choice["finish_reason"])
