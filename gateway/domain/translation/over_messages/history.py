"""What both translations of a conversation into Messages' say for what Anthropic does not take."""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.domain.lenient_json import UNREADABLE

REMINDER = "<system-reminder>\n{}\n</system-reminder>"
"""How an instruction in the middle of a conversation is told from what the user says: as a user's,
for Anthropic's system prompt stands before everything else, and changing it would throw away what
is cached of the conversation."""
ASSISTANT_FIRST = "(The assistant speaks first.)"
"""What the user says where nobody does: Anthropic wants the user's turn to be the first."""
UNREADABLE_ARGUMENTS = "arguments"
"""Where a call's arguments go that are no object: Anthropic takes nothing else."""

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def input_of(arguments: str) -> object:
    """What a tool was called with. A model does write what is no object, and the conversation has
    to go on."""
    if not arguments.strip():
        return {}
    try:
        _decode_object(arguments)
    except UNREADABLE:
        return {UNREADABLE_ARGUMENTS: arguments}
    return Raw(arguments.encode())
