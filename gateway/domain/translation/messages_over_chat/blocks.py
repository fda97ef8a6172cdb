"""The blocks of a Messages stream, one after the other.

Chat may say things in any order, and two calls at once; Anthropic's clients are used to a block
that begins, grows and ends before the next one begins. The first block that is not over goes out
as it grows, and whatever else has begun waits behind it.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from gateway.domain.bad_answers import not_understood
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.translation.events import named
from gateway.domain.translation.messages_over_chat.arguments import Arguments

MAX_BLOCKS = 4096
MAX_KEPT_CHARACTERS = 8 * 1024 * 1024
"""Of calls, and of what waits behind one. An answer that goes beyond is none that a model gives."""

# A block begins with these fields, and grows by a delta of this type in this field.
TEXT = ({"type": "text", "text": ""}, "text_delta", "text")
THINKING = ({"type": "thinking", "thinking": "", "signature": ""}, "thinking_delta", "thinking")
SIGNATURE = (THINKING[0], "signature_delta", "signature")
ARGUMENTS = ("input_json_delta", "partial_json")

Growth = tuple[dict[str, Any], str, str]


@dataclass(slots=True)
class Block:
    """A block that has begun and is not over."""

    opening: dict[str, Any] = field(repr=False)
    waiting: list[dict[str, Any]] = field(default_factory=list, repr=False)
    """Deltas that could not go out yet."""
    arguments: Arguments = field(default_factory=Arguments, repr=False)

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.opening["type"])

    @property
    def is_over(self) -> bool:
        """Whether it needs nothing more; asked when something else has begun."""
        return self.type != "tool_use" or self.arguments.are_over


class BlockQueue:
    """Writes the blocks of one answer."""

    def __init__(self) -> None:
        self.has_calls = False
        self._index = -1
        """The place of the block that is being written."""
        self._blocks: deque[Block] = deque()
        self._calls: dict[int, Block] = {}
        self._kept = 0

    def grow(self, how: Growth, text: str) -> bytes:
        """More of a text or of thinking, or a signature."""
        opening, delta, name = how
        written = b""
        if not self._blocks or self._blocks[-1].type != opening["type"]:
            written = self._begin(Block(opening))
        return written + self._say(self._blocks[-1], delta, name, text)

    def call(self, number: int, id_: str, name: str) -> bytes:
        """A call begins. number: how upstream tells its calls apart."""
        self.has_calls = True
        block = Block({"type": "tool_use", "id": id_, "name": name, "input": {}})
        self._calls[number] = block
        return self._begin(block)

    def is_called(self, number: int) -> bool:
        """Whether this call has begun."""
        return number in self._calls

    def arguments(self, number: int, piece: str) -> bytes:
        """More of a call's arguments."""
        if not piece:
            return b""
        block = self._calls[number]
        if not any(each is block for each in self._blocks):
            # It was over, and something else has begun since.
            if piece.strip():
                raise not_understood()
            return b""
        block.arguments.add(piece)
        self._keep(piece)
        delta, name = ARGUMENTS
        return self._say(block, delta, name, piece) + self._advance()

    def close(self) -> bytes:
        """Everything that waits, and the end of each block."""
        written = b""
        while self._blocks:
            written += self._next()
        return written

    def _begin(self, block: Block) -> bytes:
        self._blocks.append(block)
        if self._index + len(self._blocks) >= MAX_BLOCKS:
            raise not_understood()
        return self._open(block) if len(self._blocks) == 1 else self._advance()

    def _advance(self) -> bytes:
        """End what is over, where something waits behind it."""
        written = b""
        while len(self._blocks) > 1 and self._blocks[0].is_over:
            written += self._next()
        return written

    def _next(self) -> bytes:
        """The end of the first block, and what has waited of the second."""
        self._blocks.popleft()
        written = named({"type": "content_block_stop", "index": self._index})
        return written + (self._open(self._blocks[0]) if self._blocks else b"")

    def _open(self, block: Block) -> bytes:
        self._index += 1
        start = {
            "type": "content_block_start",
            "index": self._index,
            "content_block": block.opening,
        }
        waiting, block.waiting = block.waiting, []
        return named(start) + b"".join(map(self._delta, waiting))

    def _say(self, block: Block, type_: str, name: str, text: str) -> bytes:
        delta = {"type": type_, name: text}
        if block is self._blocks[0]:
            return self._delta(delta)
        block.waiting.append(delta)
        self._keep(text)
        return b""

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return named({"type": "content_block_delta", "index": self._index, "delta": delta})

    def _keep(self, text: str) -> None:
        self._kept += len(text)
        if self._kept > MAX_KEPT_CHARACTERS:
            raise GatewayError(Fault.UPSTREAM_BAD_ANSWER, "Upstream calls a tool without end.")
