"""Marks for Anthropic's prompt cache, which OpenAI's does without.

Without marks a long conversation is read anew, at its full price, for each turn. Marked are the
end of what is always the same (tools and system prompt), and the last two of the user's turns: one
that the cache knows from the turn before, and one for the turn that comes.
"""

from collections.abc import Sequence
from typing import Any

from gateway.domain.translation.responses_over_messages.turns import USER, Message

Block = dict[str, Any]

EPHEMERAL = {"cache_control": {"type": "ephemeral"}}
TURNS = 2


def mark(system: Sequence[Block], tools: Sequence[Block], messages: Sequence[Message]) -> None:
    """Put the marks where they belong. At most four are allowed."""
    fixed = system or tools
    if fixed:
        _mark(fixed[-1])
    turns = [message for message in messages if message["role"] == USER]
    for turn in turns[-TURNS:]:
        _mark(turn["content"][-1])


def _mark(block: Block) -> None:
    block.update(EPHEMERAL)
