"""Claude's signed thinking, carried through a Responses conversation.

A Responses client keeps a reasoning item's `encrypted_content` and sends it back as it was; what
it does with the summary differs. So the thinking travels with its signature in there, behind a
mark with a character that OpenAI's encrypted content, which is base64, never has. Whoever sends a
Responses history to a model of OpenAI's has to leave marked items out, and whoever moves a
conversation to another account has to as well.
"""

from base64 import b64decode, b64encode
from typing import Any

import msgspec

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.reading import Body

MARK = "messages:"
"""What stands before the block."""


class _Block(Body, frozen=True, omit_defaults=True):
    """What of a block has to come back unchanged."""

    thinking: str = ""
    signature: str = ""
    data: str = ""


_decode = msgspec.json.Decoder(_Block).decode


def is_marked(text: object) -> bool:
    """Whether encrypted content was made here."""
    return isinstance(text, str) and text.startswith(MARK)


def of_thinking(thinking: str, signature: str) -> str:
    """A signed block as encrypted content; empty where it has no signature."""
    return _marked(_Block(thinking=thinking, signature=signature)) if signature else ""


def of_redacted(data: str) -> str:
    """A redacted block as encrypted content."""
    return _marked(_Block(data=data)) if data else ""


def block_of(encrypted_content: str) -> dict[str, Any] | None:
    """The block in an item's encrypted content; None when another model reasoned it."""
    if not is_marked(encrypted_content):
        return None
    try:
        block = _decode(b64decode(encrypted_content.removeprefix(MARK), validate=True))
    except (ValueError, *UNREADABLE):
        return None
    if block.data:
        return {"type": "redacted_thinking", "data": block.data}
    if not block.signature:
        return None
    return {"type": "thinking", "thinking": block.thinking, "signature": block.signature}


def _marked(block: _Block) -> str:
    return MARK + b64encode(msgspec.json.encode(block)).decode()
