"""A Responses answer by type, and what of a Messages answer is made of it as a whole.

Both ways to answer read it here: whole.py, and stream.py, whose last event shows it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.domain import lenient_json
from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation import reasons
from gateway.domain.translation.messages_over_responses import sealed
from gateway.domain.translation.reading import Body

Block = dict[str, Any]

BETWEEN_THOUGHTS = "\n\n"
"""A summary may have several parts, a thinking block has one text."""


class Part(Body, frozen=True):
    """A part of an item's content, or of its summary."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None

    @property
    def said(self) -> str:
        """What it says; a refusal is said as well."""
        return self.text or self.refusal or ""


class Item(Body, frozen=True):
    """An output item; which fields it has depends on its type."""

    type: str = ""
    content: list[Part] | None = None
    summary: list[Part] | None = None
    encrypted_content: str | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: Any = None
    """Text, but for items that are no call of the caller's tools."""

    @property
    def argument(self) -> str:
        """What a function is called with, as JSON."""
        return self.arguments if isinstance(self.arguments, str) else ""


class Incomplete(Body, frozen=True):
    """Why an answer broke off."""

    reason: str | None = None


class Response(Body, frozen=True):
    """The answer, or the last state of it that a stream shows."""

    status: str | None = None
    output: list[Item] | None = None
    incomplete_details: Incomplete | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: Raw | UnsetType = UNSET

    @property
    def is_cut(self) -> bool:
        """Whether it broke off."""
        return self.status == "incomplete"


_NOTHING = Raw(b"{}")

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def stop_reason(response: Response, calls: bool, refuses: bool) -> str:
    """Anthropic's `stop_reason`. calls, refuses: whether the answer does.

    An answer that is incomplete for a reason unknown was cut short.
    """
    if response.is_cut:
        details = response.incomplete_details or Incomplete()
        word = reasons.INCOMPLETE_TO_CHAT.get(details.reason or "", "length")
    elif refuses:
        word = "content_filter"
    else:
        word = "tool_calls" if calls else "stop"
    return reasons.TO_MESSAGES[word]


def blocks_of(item: Item, is_cut: bool) -> list[Block]:
    """The blocks of an item; none for one that Messages has no block for.

    is_cut: whether the answer broke off, maybe in the arguments of a call. Raises GatewayError
    (UPSTREAM_BAD_ANSWER) for arguments that are no object.
    """
    if item.type == "message":
        said = [part.said for part in item.content or () if part.said]
        return [{"type": "text", "text": text, "citations": None} for text in said]
    if item.type == "reasoning":
        thought = thinking_of(item, sealed.signature_of(item.encrypted_content))
        return [thought] if thought else []
    if item.type == "function_call":
        return [{**called(item), "input": _input(item.argument, is_cut)}]
    return []


def thoughts_of(item: Item) -> str:
    """The summary of a reasoning item."""
    return BETWEEN_THOUGHTS.join(part.said for part in item.summary or () if part.said)


def thinking_of(item: Item, signature: str) -> Block | None:
    """The block of a reasoning item; None when it shows and keeps nothing."""
    thinking = thoughts_of(item)
    if thinking:
        return {"type": "thinking", "thinking": thinking, "signature": signature}
    return {"type": "redacted_thinking", "data": signature} if signature else None


def called(item: Item) -> Block:
    """The block of a call, without what it is called with. Raises GatewayError."""
    if not item.call_id or not item.name:
        raise not_understood()
    return {"type": "tool_use", "id": item.call_id, "name": item.name, "input": {}}


def refuses(items: Sequence[Item]) -> bool:
    """Whether one of these items is a refusal."""
    return any(part.refusal for item in items for part in item.content or ())


def _input(arguments: str, is_cut: bool) -> Raw:
    """Anthropic's clients take nothing but an object."""
    raw = arguments.strip().encode()
    if not raw:
        return _NOTHING
    try:
        _decode_object(raw)
    except UNREADABLE:
        plain = lenient_json.strict(raw) or b""
        if plain.startswith(b"{"):
            return Raw(plain)
        if is_cut:
            return _NOTHING
        raise not_understood() from None
    return Raw(raw)
