"""A Messages answer as an event stream (§6.5)."""

from collections.abc import Iterator
from typing import Any

from simulator.scenario.faults import Script
from simulator.wire.answer import Event, encode
from simulator.wire.completion import Completion
from simulator.wire.messages_blocks import NO_EDITS, Block, blocks_of, envelope, stop_reason
from simulator.wire.reply import argument_pieces, pieces_of
from simulator.wire.usage import messages_usage

Payloads = Iterator[dict[str, Any]]

# The fields that a block begins without.
EMPTY: dict[str, dict[str, Any]] = {
    "thinking": {"thinking": "", "signature": ""},
    "text": {"text": ""},
    "tool_use": {"input": {}},
}
NO_CITATIONS: dict[str, Any] = {"IPCodeCitations": []}


def messages_events(completion: Completion, script: Script) -> Iterator[Event]:
    """The events in order, the last one `message_stop`."""
    for payload in _payloads(completion, script):
        yield Event(encode(payload), payload["type"])


def _payloads(completion: Completion, script: Script) -> Payloads:
    reply = completion.reply
    start = {**envelope(completion), "usage": messages_usage(reply, 1)}
    yield {"type": "message_start", "message": start}
    for index, block in enumerate(blocks_of(completion)):
        empty = {**block, **EMPTY[block["type"]]}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        if index == 0:
            yield {"type": "ping"}
        for delta in _deltas(block, script):
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {
        "type": "message_delta",
        "delta": {"stop_reason": stop_reason(completion), "stop_sequence": None},
        "usage": messages_usage(reply, reply.completion_tokens),
        "context_management": NO_EDITS,
        # Which event has it is not recorded.
        "copilot_annotations": NO_CITATIONS,
        **completion.copilot_cost,
    }
    yield {"type": "message_stop"}


def _deltas(block: Block, script: Script) -> Payloads:
    if block["type"] == "thinking":
        for piece in pieces_of(block["thinking"], script):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "text":
        for piece in pieces_of(block["text"], script):
            yield {"type": "text_delta", "text": piece}
    else:
        # The first piece is empty, as Anthropic's are.
        for piece in ("", *argument_pieces(bytes(block["input"]).decode())):
            yield {"type": "input_json_delta", "partial_json": piece}
