"""A whole Messages answer as a chat completion.

Also what becomes of Anthropic's body where chat upstream answers with one (whole/native.py).
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw

from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation import reasons
from gateway.domain.translation.chat_over_messages.blocks import THOUGHTS, block_of
from gateway.domain.translation.chat_over_messages.sealed import REDACTED, Thought, opaque_of
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.over_messages.answer import Block
from gateway.domain.translation.reading import Body
from gateway.domain.usage import tokens


class Answer(Body, frozen=True):
    """The answer, its blocks apart."""

    content: list[Raw]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    usage: dict[str, Any] | None = None
    copilot_usage: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, asked: Asked) -> bytes:
    """The chat completion. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    answer, blocks = read(body)
    message = message_of(blocks)
    opaque = opaque_of([_thought(block) for block in blocks if block.type in THOUGHTS])
    if opaque:
        message["reasoning_opaque"] = opaque
    frame = {"id": f"chatcmpl-{asked.answer_id}", "created": asked.created, "model": asked.model}
    return _encode(completion(answer, message, frame))


def read(body: bytes) -> tuple[Answer, list[Block]]:
    """The answer and its blocks. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    try:
        answer = _decode(body)
        return answer, list(map(block_of, answer.content))
    except UNREADABLE:
        raise not_understood() from None


def completion(answer: Answer, message: dict[str, Any], frame: dict[str, Any]) -> dict[str, Any]:
    """The completion that says this message. frame: its id, created and model."""
    choice = {"index": 0, "message": message, "finish_reason": finish_reason(answer.stop_reason)}
    chat = {
        **frame,
        "object": "chat.completion",
        "choices": [choice],
        "usage": tokens.from_messages(answer.usage).as_chat(),
    }
    if answer.copilot_usage:
        chat["copilot_usage"] = answer.copilot_usage
    return chat


def finish_reason(stop_reason: str | None) -> str:
    """Chat's word for what stopped Claude; whatever is not known is a stop."""
    return reasons.FROM_MESSAGES.get(stop_reason or "", "stop")


def message_of(blocks: Sequence[Block]) -> dict[str, Any]:
    """Chat's message. What upstream's own tools did is left out."""
    text = "".join(block.text for block in blocks if block.type == "text")
    calls = [_call(block) for block in blocks if block.type == "tool_use"]
    thinking = "".join(block.thinking for block in blocks if block.type == "thinking")
    message: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if calls:
        message["tool_calls"] = calls
    if thinking:
        message["reasoning_text"] = thinking
    return message


def _call(block: Block) -> dict[str, Any]:
    function = {"name": block.name, "arguments": block.arguments}
    return {"id": block.id, "type": "function", "function": function}


def _thought(block: Block) -> Thought:
    if block.type == "thinking":
        return Thought(len(block.thinking), block.signature)
    return Thought(REDACTED, block.data)
