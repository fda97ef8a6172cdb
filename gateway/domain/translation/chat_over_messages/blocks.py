"""The blocks of a Messages answer, by type, whole or as a stream begins one."""

import msgspec
from msgspec import Raw

from gateway.domain.translation.over_messages.answer import Block, Kind

KNOWN = frozenset({"text", "thinking", "redacted_thinking", "tool_use"})
THOUGHTS = frozenset({"thinking", "redacted_thinking"})


_decode_kind = msgspec.json.Decoder(Kind).decode
_decode_block = msgspec.json.Decoder(Block).decode


def block_of(raw: Raw) -> Block:
    """The block; of one of another type, whose fields may be anything, only that.

    Raises what lenient_json.UNREADABLE names.
    """
    kind = _decode_kind(raw).type
    return _decode_block(raw) if kind in KNOWN else Block(kind)
