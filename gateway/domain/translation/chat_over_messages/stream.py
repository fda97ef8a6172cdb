"""A Messages stream as a chat stream.

Anthropic's blocks come one after the other; those of text and thinking become pieces of the one
message, and each tool's block a call. The seals of thinking, why it ended and what it used stand at
the end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw

from gateway.domain.bad_answers import not_understood
from gateway.domain.streams.chat import DONE_EVENT
from gateway.domain.translation.chat_over_messages.blocks import (
    KNOWN,
    THOUGHTS,
    block_of,
)
from gateway.domain.translation.chat_over_messages.sealed import REDACTED, Thought, opaque_of
from gateway.domain.translation.chat_over_messages.whole import finish_reason
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events, event
from gateway.domain.translation.over_messages.answer import NOTHING, Block, Delta
from gateway.domain.translation.reading import Body
from gateway.domain.usage import tokens

MAX_BLOCKS = 4096


class Message(Body, frozen=True):
    """The message as it begins."""

    usage: dict[str, Any] | None = None


class Event(Body, frozen=True):
    """One event."""

    type: str = ""
    index: int = 0
    message: Message | None = None
    content_block: Raw = NOTHING
    delta: Raw = NOTHING
    usage: dict[str, Any] | None = None
    copilot_usage: dict[str, Any] | None = None


@dataclass(slots=True)
class _Open:
    """A block that has begun."""

    block: Block
    number: int = 0
    """Which of the calls it is."""
    length: int = 0
    """Characters of its thinking so far."""
    seal: str = field(default="", repr=False)
    has_arguments: bool = False


_decode = msgspec.json.Decoder(Event).decode
_decode_delta = msgspec.json.Decoder(Delta).decode


class ChatFromMessages:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._frame = {
            "id": f"chatcmpl-{asked.answer_id}",
            "object": "chat.completion.chunk",
            "created": asked.created,
            "model": asked.model,
        }
        self._unused = {"usage": None} if asked.wants_usage else {}
        self._events = Events()
        self._has_begun = False
        self._open: dict[int, _Open] = {}
        self._calls = 0
        self._thoughts: list[Thought] = []
        self._stop_reason: str | None = None
        self._usage: dict[str, Any] = {}
        self._costs: dict[str, Any] = {}
        self._handlers: dict[str, Callable[[Event], bytes]] = {
            "message_start": self._message_start,
            "content_block_start": self._block_start,
            "content_block_delta": self._block_delta,
            "content_block_stop": self._block_stop,
            "message_delta": self._message_delta,
        }

    def feed(self, events: bytes) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        return self._events.each(events, self._event)

    def finish(self) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._events.check()
        opaque = opaque_of(self._thoughts)
        written = self._begin() + (self._piece({"reasoning_opaque": opaque}) if opaque else b"")
        written += self._piece({}, finish_reason(self._stop_reason))
        if self._unused:
            used = tokens.from_messages(self._usage).as_chat()
            written += event({**self._frame, "choices": [], "usage": used, **self._costs})
        return written + DONE_EVENT

    def _event(self, data: bytes) -> bytes:
        seen = _decode(data)
        handler = self._handlers.get(seen.type)
        return handler(seen) if handler else b""

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        return self._piece({"role": "assistant", "content": ""})

    def _message_start(self, seen: Event) -> bytes:
        self._note(seen.message.usage if seen.message else None)
        return self._begin()

    def _message_delta(self, seen: Event) -> bytes:
        self._note(seen.usage)
        self._stop_reason = _decode_delta(seen.delta).stop_reason or self._stop_reason
        if seen.copilot_usage:
            self._costs = {"copilot_usage": seen.copilot_usage}
        return b""

    def _note(self, used: dict[str, Any] | None) -> None:
        """What is said later counts, unless it says nothing."""
        self._usage.update({name: count for name, count in (used or {}).items() if count})

    def _block_start(self, seen: Event) -> bytes:
        block = block_of(seen.content_block)
        opened = self._open[seen.index] = _Open(block, self._calls)
        if len(self._open) + len(self._thoughts) + self._calls > MAX_BLOCKS:
            raise not_understood()
        if block.type == "tool_use":
            self._calls += 1
            function = {"name": block.name, "arguments": ""}
            call = {"id": block.id, "type": "function", "function": function}
            return self._begin() + self._call(opened, call)
        if block.type == "redacted_thinking":
            opened.length, opened.seal = REDACTED, block.data
        first = Delta(text=block.text, thinking=block.thinking, signature=block.signature)
        return self._begin() + self._gain(opened, first)

    def _block_delta(self, seen: Event) -> bytes:
        opened = self._open.get(seen.index)
        if opened is None or opened.block.type not in KNOWN:
            return b""
        return self._gain(opened, _decode_delta(seen.delta))

    def _gain(self, opened: _Open, delta: Delta) -> bytes:
        """What a block gains, as its type says it."""
        kind = opened.block.type
        if kind == "text" and delta.text:
            return self._piece({"content": delta.text})
        if kind == "tool_use" and delta.partial_json:
            opened.has_arguments = True
            return self._call(opened, {"function": {"arguments": delta.partial_json}})
        if kind == "thinking":
            opened.length += len(delta.thinking)
            opened.seal = delta.signature or opened.seal
            if delta.thinking:
                return self._piece({"reasoning_text": delta.thinking})
        return b""

    def _block_stop(self, seen: Event) -> bytes:
        opened = self._open.pop(seen.index, None)
        if opened is None:
            return b""
        if opened.block.type in THOUGHTS:
            self._thoughts.append(Thought(opened.length, opened.seal))
        if opened.block.type == "tool_use" and not opened.has_arguments:
            # Clients read the arguments as JSON, and nothing at all is none.
            return self._call(opened, {"function": {"arguments": opened.block.arguments}})
        return b""

    def _call(self, opened: _Open, call: dict[str, Any]) -> bytes:
        return self._piece({"tool_calls": [{"index": opened.number, **call}]})

    def _piece(self, delta: dict[str, Any], reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return event({**self._frame, "choices": [choice], **self._unused})
