"""A whole Responses answer as a Messages answer: each item's blocks, in their order."""

import msgspec
from msgspec import UNSET

from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_messages.frame import envelope
from gateway.domain.translation.messages_over_responses import answer
from gateway.domain.translation.messages_over_responses.answer import Block, Response
from gateway.domain.usage import tokens

ENDED = frozenset({"completed", "incomplete"})

_decode = msgspec.json.Decoder(Response).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, asked: Asked) -> bytes:
    """The Messages answer. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    try:
        response = _decode(body)
    except UNREADABLE:
        raise not_understood() from None
    if response.output is None or response.status not in ENDED:
        raise not_understood()
    blocks = [
        block for item in response.output for block in answer.blocks_of(item, response.is_cut)
    ]
    calls = any(block["type"] == "tool_use" for block in blocks)
    refuses = answer.refuses(response.output)
    message: Block = {
        **envelope(asked),
        "content": blocks,
        "stop_reason": answer.stop_reason(response, calls, refuses),
        "usage": tokens.from_responses(response.usage).as_messages(),
    }
    if response.copilot_usage is not UNSET:
        message["copilot_usage"] = response.copilot_usage
    return _encode(message)
