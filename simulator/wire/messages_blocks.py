"""The content blocks of a Messages answer (§6.5): what they are, apart from how they are sent."""

from collections.abc import Iterator
from typing import Any

import msgspec

from simulator.wire.completion import Completion
from simulator.wire.reply import Call
from simulator.wire.seals import SealKind
from simulator.wire.usage import messages_usage

# The words of chat's `finish_reason` in this protocol; others are written as they are.
STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}
NO_EDITS: dict[str, Any] = {"applied_edits": []}

Block = dict[str, Any]


def blocks_of(completion: Completion) -> Iterator[Block]:
    """The blocks in their order: thinking, text, calls. A reply that says nothing has none."""
    reply = completion.reply
    if reply.reasoning:
        signature = completion.seal(SealKind.SIGNATURE)
        yield {"type": "thinking", "thinking": reply.reasoning, "signature": signature}
    if reply.text:
        yield {"type": "text", "text": reply.text}
    for call in reply.calls:
        yield {
            "type": "tool_use",
            "id": tool_use_id(call),
            "name": call.name,
            "input": msgspec.Raw(call.arguments.encode()),
        }


def tool_use_id(call: Call) -> str:
    """A call's id, in the form of Amazon's back-end."""
    return f"toolu_bdrk_01{call.digits}"


def envelope(completion: Completion) -> dict[str, Any]:
    """What stands around the blocks; the model's name is a dated one, not the one asked for."""
    return {
        "id": f"msg_bdrk_01{completion.hex(24)}",
        "type": "message",
        "role": "assistant",
        "model": completion.model.dated,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def stop_reason(completion: Completion) -> str:
    """Why it ends."""
    reason = completion.reply.finish_reason
    return STOP_REASONS.get(reason, reason)


def messages_body(completion: Completion) -> dict[str, Any]:
    """The body of a whole answer. That `copilot_usage` is at its top level is our reading."""
    reply = completion.reply
    return {
        **envelope(completion),
        "content": list(blocks_of(completion)),
        "stop_reason": stop_reason(completion),
        "usage": messages_usage(reply, reply.completion_tokens),
        "context_management": NO_EDITS,
        **completion.copilot_cost,
    }
