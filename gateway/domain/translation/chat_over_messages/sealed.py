"""Anthropic's sealed thinking inside chat's `reasoning_opaque`, and out of it again.

A message of chat's has one reasoning; an answer of Anthropic's may have several blocks of
thinking, each with its signature, and some of which nothing can be read. The text of all goes into
`reasoning_text`, and how it was divided goes with the signatures. Upstream takes thinking back only
as it was: where the text has changed on the way, or the seal is another model's, nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from gateway.domain.lenient_json import UNREADABLE

MARK = "messages:"
REDACTED = -1
"""Stands for the length of thinking that cannot be read."""

Block = dict[str, Any]

_decode = msgspec.json.Decoder(list[tuple[int, str]]).decode


@dataclass(frozen=True, slots=True)
class Thought:
    """One block of thinking, apart from its text."""

    length: int
    """In characters; REDACTED where there is none to be read."""
    seal: str = field(repr=False)
    """The signature, or what is there instead of the text; empty where there is none."""


def opaque_of(thoughts: Sequence[Thought]) -> str:
    """What `reasoning_opaque` says; empty where nothing is sealed."""
    if not any(thought.seal for thought in thoughts):
        return ""
    pairs = [(thought.length, thought.seal) for thought in thoughts]
    return MARK + msgspec.json.encode(pairs).decode()


def blocks_of(text: str, opaque: str) -> list[Block]:
    """The blocks of thinking again; none where they are not as they were."""
    if not opaque.startswith(MARK):
        return []
    try:
        pairs = _decode(opaque.removeprefix(MARK))
    except UNREADABLE:
        return []
    if sum(length for length, _ in pairs if length > 0) != len(text):
        return []
    blocks: list[Block] = []
    start = 0
    for length, seal in pairs:
        end = start + max(0, length)
        if length == REDACTED:
            blocks.append({"type": "redacted_thinking", "data": seal})
        elif seal:
            blocks.append({"type": "thinking", "thinking": text[start:end], "signature": seal})
        start = end
    return blocks
