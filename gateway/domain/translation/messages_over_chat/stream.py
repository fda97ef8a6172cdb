"""A chat stream as a Messages stream.

The message begins with upstream's first chunk, and why it ended and what it used, which chat says
anywhere, stands at its end.
"""

from typing import Any

from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import Events, named
from gateway.domain.translation.for_messages.frame import envelope
from gateway.domain.translation.messages_over_chat import chat_answer, sealed, whole
from gateway.domain.translation.messages_over_chat.blocks import (
    SIGNATURE,
    TEXT,
    THINKING,
    BlockQueue,
)
from gateway.domain.translation.messages_over_chat.chat_answer import Words
from gateway.domain.translation.over_chat.answer import Call, Function
from gateway.domain.usage import tokens


class MessagesFromChat:
    """See contract.StreamTranslator."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._events = Events()
        self._blocks = BlockQueue()
        self._has_begun = False
        self._refuses = False
        self._finish_reasons: list[str] = []
        self._usage: dict[str, Any] | None = None
        self._copilot_usage: dict[str, Any] | None = None

    def feed(self, events: bytes) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        return self._events.each(events, self._chunk)

    def finish(self) -> bytes:
        """See contract.StreamTranslator. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
        self._events.check()
        stop_reason = chat_answer.stop_reason(
            self._finish_reasons, self._blocks.has_calls, self._refuses
        )
        delta: dict[str, Any] = {
            "type": "message_delta",
            "delta": {"stop_reason": stop_reason, "stop_sequence": None},
            "usage": tokens.from_chat(self._usage).as_messages(),
        }
        if self._copilot_usage:
            delta["copilot_usage"] = self._copilot_usage
        end = named(delta) + named({"type": "message_stop"})
        return self._begin() + self._blocks.close() + end

    def _begin(self) -> bytes:
        if self._has_begun:
            return b""
        self._has_begun = True
        return named({"type": "message_start", "message": envelope(self._asked)})

    def _chunk(self, data: bytes) -> bytes:
        chunk = chat_answer.decode(data)
        chat_answer.check(chunk)
        self._usage = chunk.usage or self._usage
        self._copilot_usage = chunk.copilot_usage or self._copilot_usage
        self._finish_reasons += chunk.finish_reasons
        return self._begin() + b"".join(map(self._words, chunk.words))

    def _words(self, words: Words) -> bytes:
        self._refuses = self._refuses or bool(words.refusal)
        written = b""
        if words.thinking:
            written += self._blocks.grow(THINKING, words.thinking)
        if words.reasoning_opaque:
            signature = sealed.signature_of(words.reasoning_opaque)
            written += self._blocks.grow(SIGNATURE, signature)
        if words.text:
            written += self._blocks.grow(TEXT, words.text)
        return written + b"".join(map(self._call, words.tool_calls or ()))

    def _call(self, call: Call) -> bytes:
        number, function = call.index or 0, call.function or Function()
        written = b""
        if not self._blocks.is_called(number):
            id_ = whole.call_id(call.id, self._asked, number)
            written = self._blocks.call(number, id_, function.name or "")
        return written + self._blocks.arguments(number, function.arguments or "")
