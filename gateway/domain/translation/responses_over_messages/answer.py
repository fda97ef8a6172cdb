"""A Messages answer by type: whole, and the events of a stream."""

from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from gateway.domain.translation.reading import Body

NOTHING = Raw(b"{}")


class Block(Body, frozen=True):
    """A block of the content; which fields it has depends on its type."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: Raw = NOTHING

    @property
    def arguments(self) -> str:
        """What a tool is called with, as JSON."""
        return bytes(self.input).decode()


class Message(Body, frozen=True):
    """A whole answer, or the frame that a stream begins with."""

    content: list[Block] | None = None
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: Raw | UnsetType = UNSET


class Delta(Body, frozen=True):
    """What a block gains, or why the answer ends."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class Event(Body, frozen=True):
    """An event; which fields it has depends on its type."""

    type: str
    message: Message | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: Raw | UnsetType = UNSET


class _Kind(Body, frozen=True):
    type: str = ""


decode_message = msgspec.json.Decoder(Message).decode
decode_event = msgspec.json.Decoder(Event).decode
decode_kind = msgspec.json.Decoder(_Kind).decode
