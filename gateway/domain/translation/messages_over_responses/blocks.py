"""The blocks of a Messages stream, written as the items of a Responses answer grow.

One block is open at a time. A block begins with the first thing there is to say in it, so that
none is empty; what an item has not said piece by piece is said when it is done. An item is told to
its end before the next one begins (order.py).
"""

from collections.abc import Callable
from typing import Any

from gateway.domain.translation.events import named
from gateway.domain.translation.messages_over_responses import answer, sealed
from gateway.domain.translation.messages_over_responses.answer import Block, Item

_TEXT: Block = {"type": "text", "text": "", "citations": None}
_THINKING: Block = {"type": "thinking", "thinking": "", "signature": ""}


class Blocks:
    """Writes the blocks of one answer."""

    def __init__(self) -> None:
        self.calls = False
        """Whether a tool is called."""
        self._index = -1
        """The place of the block that was begun last."""
        self._open: tuple[str, int] | None = None
        """What is open: the type of the block, and which part of the item is said in it."""
        self._item: int | None = None
        self._said: set[int] = set()
        """The parts of the item of which pieces have come."""

    def turn_to(self, item: int) -> bytes:
        """What comes now is of this item: the end of what is open of another one."""
        if item == self._item:
            return b""
        self._item = item
        self._said = set()
        return self.close()

    def text(self, part: int, piece: str) -> bytes:
        """More of what a part of a message says."""
        if not piece:
            return b""
        begun = self._ensure(("text", part), _TEXT)
        self._said.add(part)
        return begun + self._delta({"type": "text_delta", "text": piece})

    def thought(self, part: int, piece: str) -> bytes:
        """More of a part of a summary."""
        if not piece:
            return b""
        if self._said and part not in self._said:
            piece = answer.BETWEEN_THOUGHTS + piece
        self._said.add(part)
        begun = self._ensure(("thinking", 0), _THINKING)
        return begun + self._delta({"type": "thinking_delta", "thinking": piece})

    def call(self, item: Item) -> bytes:
        """A call begins. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self.calls = True
        return self._ensure(("tool_use", 0), answer.called(item))

    def argument(self, piece: str) -> bytes:
        """More of the arguments of the call that has begun."""
        if not piece or self._open is None:
            return b""
        self._said.add(0)
        return self._delta({"type": "input_json_delta", "partial_json": piece})

    def done(self, item: Item) -> bytes:
        """What the item has not said yet, and its end."""
        finish = _FINISHES.get(item.type)
        return (finish(self, item) if finish else b"") + self.close()

    def close(self) -> bytes:
        """The end of the open block."""
        if self._open is None:
            return b""
        self._open = None
        return named({"type": "content_block_stop", "index": self._index})

    def _message(self, item: Item) -> bytes:
        parts = enumerate(item.content or ())
        return b"".join(
            self.text(index, part.said) for index, part in parts if index not in self._said
        )

    def _reasoning(self, item: Item) -> bytes:
        signature = sealed.signature_of(item.encrypted_content)
        told = b"" if self._said else self.thought(0, answer.thoughts_of(item))
        if self._open is not None and signature:
            return told + self._delta({"type": "signature_delta", "signature": signature})
        block = None if self._open else answer.thinking_of(item, signature)
        return told + (self._begin(("redacted_thinking", 0), block) if block else b"")

    def _call(self, item: Item) -> bytes:
        begun = b"" if self._open else self.call(item)
        return begun + (b"" if self._said else self.argument(item.argument))

    def _ensure(self, what: tuple[str, int], block: Block) -> bytes:
        return b"" if self._open == what else self.close() + self._begin(what, block)

    def _begin(self, what: tuple[str, int], block: Block) -> bytes:
        self._open = what
        self._index += 1
        return named({"type": "content_block_start", "index": self._index, "content_block": block})

    def _delta(self, delta: dict[str, Any]) -> bytes:
        return named({"type": "content_block_delta", "index": self._index, "delta": delta})


_FINISHES: dict[str, Callable[[Blocks, Item], bytes]] = {
    "message": Blocks._message,
    "reasoning": Blocks._reasoning,
    "function_call": Blocks._call,
}
