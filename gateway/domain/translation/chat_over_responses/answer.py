"""A Responses answer as far as chat can say it: which parts of it are text, thoughts and calls.

Items that stand for upstream's own tools are skipped: none of these tools was asked for. What is
sealed in reasoning belongs to Responses and is left out.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.domain.translation.reading import Body
from gateway.domain.translation.reasons import INCOMPLETE_TO_CHAT

Call = dict[str, Any]

BETWEEN_THOUGHTS = "\n\n"
"""Thoughts come in parts with titles of their own; chat has one text for all."""


class Part(Body, frozen=True):
    """One part of a message or of reasoning."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None


class Item(Body, frozen=True):
    """One output item; which fields it has depends on its type."""

    type: str = ""
    content: list[Part] | None = None
    summary: list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    """Text, but for items that are no call of the caller's tools; so is `input`."""
    input: Any = None


class Details(Body, frozen=True):
    """Why an answer is not complete."""

    reason: str | None = None


class Response(Body, frozen=True):
    """The answer as it is at its end."""

    status: str | None = None
    output: list[Item] | None = None
    incomplete_details: Details | None = None
    usage: dict[str, Any] | None = None


def content_of(item: Item) -> str:
    """What a message says."""
    return _joined(part.text for part in _parts(item, "output_text"))


def refusal_of(item: Item) -> str:
    """What a message says instead of an answer."""
    return _joined(part.refusal for part in _parts(item, "refusal"))


def thoughts_of(item: Item) -> list[str]:
    """The parts of reasoning that may be read; those that say nothing are left out."""
    if item.type != "reasoning":
        return []
    return [part.text for part in (*(item.summary or ()), *(item.content or ())) if part.text]


def call_of(item: Item) -> Call | None:
    """An item as chat's tool call; None for one that calls nothing of the caller's."""
    kind = KINDS.get(item.type)
    return None if kind is None else opened(kind, item, argument_of(item))


def opened(kind: str, item: Item, argument: str) -> Call:
    """A tool call of one of chat's two kinds, with as much of its argument as is known."""
    called = {"name": item.name or "", ARGUMENTS[kind]: argument}
    return {"id": item.call_id or "", "type": kind, kind: called}


def argument_of(item: Item) -> str:
    """What a tool is called with: JSON, or a custom tool's text."""
    value = item.input if item.type == "custom_tool_call" else item.arguments
    return value if isinstance(value, str) else ""


KINDS = {"function_call": "function", "custom_tool_call": "custom"}
"""Items that call a tool of the caller's, and what kind of call each is in chat."""
ARGUMENTS = {"function": "arguments", "custom": "input"}
"""Where a kind of call has its argument in chat."""


def finish_reason(response: Response, has_calls: bool) -> str:
    """Chat's `finish_reason`; an answer that is incomplete for a reason unknown was cut short."""
    details = response.incomplete_details
    if response.status == "incomplete" or details is not None:
        reason = details.reason if details else None
        return INCOMPLETE_TO_CHAT.get(reason or "", "length")
    return "tool_calls" if has_calls else "stop"


def _parts(item: Item, kind: str) -> Sequence[Part]:
    content = item.content or () if item.type == "message" else ()
    return [part for part in content if part.type == kind]


def _joined(texts: Iterator[str | None]) -> str:
    return "".join(text for text in texts if text)
