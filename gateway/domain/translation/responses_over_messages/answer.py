"""A Messages answer by type: whole, and the events of a stream."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.domain.translation.over_messages.answer import Block, Delta, Kind
from gateway.domain.translation.reading import Body


class Message(Body, frozen=True):
    """A whole answer, or the frame that a stream begins with."""

    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: Raw | UnsetType = UNSET


class Event(Body, frozen=True):
    """An event; which fields it has depends on its type."""

    type: str
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: Raw | UnsetType = UNSET


decode_message = msgspec.json.Decoder(Message).decode
decode_event = msgspec.json.Decoder(Event).decode
decode_kind = msgspec.json.Decoder(Kind).decode
