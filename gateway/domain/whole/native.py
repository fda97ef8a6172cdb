"""An Anthropic body as a chat completion.

Copilot answers some Claude models' chat requests with it (copilot-upstream.md §6.3). Thinking
becomes `reasoning_text`; its signature has no place in a chat answer and is left out.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.errors import Fault, GatewayError

# What stops Claude, in chat's words; whatever else does is a stop.
FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}


class Block(Struct, frozen=True):
    """A block of the content; which fields it has depends on its type."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")


class Usage(Struct, frozen=True):
    """Tokens. What came from the cache or went into it is not among input_tokens."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class Body(Struct, frozen=True):
    """The body."""

    content: list[Block]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    usage: Usage | None = None
    copilot_usage: Raw | UnsetType = UNSET


_decode = msgspec.json.Decoder(Body).decode


def as_chat(body: bytes, created: int) -> bytes:
    """The same answer as a chat completion. created: seconds since the epoch.

    Raises GatewayError (UPSTREAM_BAD_ANSWER).
    """
    try:
        native = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GatewayError(
            Fault.UPSTREAM_BAD_ANSWER, "Upstream's answer could not be understood."
        ) from None
    reason = FINISH_REASONS.get(native.stop_reason or "", "stop")
    choice = {"index": 0, "message": _message(native.content), "finish_reason": reason}
    chat: dict[str, Any] = {
        "id": native.id,
        "object": "chat.completion",
        "created": created,
        "model": native.model,
        "choices": [choice],
        "usage": _usage(native.usage or Usage()),
    }
    if native.copilot_usage is not UNSET:
        chat["copilot_usage"] = native.copilot_usage
    return msgspec.json.encode(chat)


def _message(blocks: Sequence[Block]) -> dict[str, Any]:
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
    function = {"name": block.name, "arguments": bytes(block.input).decode()}
    return {"id": block.id, "type": "function", "function": function}


def _usage(usage: Usage) -> dict[str, Any]:
    cached = usage.cache_read_input_tokens or 0
    prompt = (usage.input_tokens or 0) + cached + (usage.cache_creation_input_tokens or 0)
    completion = usage.output_tokens or 0
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": cached},
    }
