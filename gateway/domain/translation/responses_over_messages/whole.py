"""A whole Messages answer as a Responses answer: an item for each block."""

import msgspec
from msgspec import UNSET

from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_responses import items
from gateway.domain.translation.for_responses.frame import Frame
from gateway.domain.translation.for_responses.items import Item
from gateway.domain.translation.for_responses.names import argument_of
from gateway.domain.translation.over_messages.answer import Block
from gateway.domain.translation.responses_over_messages import answer, sealed
from gateway.domain.translation.responses_over_messages.frame import end_of, frame_of
from gateway.domain.usage import tokens


def translate(body: bytes, asked: Asked) -> bytes:
    """The Responses answer. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    try:
        message = answer.decode_message(body)
    except UNREADABLE:
        raise not_understood() from None
    if message.content is None:
        raise not_understood()
    ending = end_of(message.stop_reason)
    frame = frame_of(asked)
    output = _output(message.content, frame, ending.last_item)
    used = tokens.from_messages(message.usage)
    response = frame.ended(ending, output, used)
    if message.copilot_usage is not UNSET:
        response["copilot_usage"] = message.copilot_usage
    return msgspec.json.encode(response)


def _output(blocks: list[Block], frame: Frame, last_status: str) -> list[Item]:
    """last_status: of the answer's last block, which an answer that broke off ends in."""
    output: list[Item] = []
    last: Item | None = None
    for block in blocks:
        last = _item(block, frame, len(output))
        if last is not None:
            output.append(last)
    if last is not None and "status" in last:
        last["status"] = last_status
    return output


def _item(block: Block, frame: Frame, index: int) -> Item | None:
    """None for a block that says nothing, or that is of a tool of Anthropic's own."""
    if block.type == "text" and block.text:
        content = [items.text_part(block.text)]
        return items.message(frame.id("msg", index), content, items.COMPLETED)
    if block.type in ("thinking", "redacted_thinking"):
        return _reasoning(block, frame.id("rs", index))
    if block.type == "tool_use":
        return _call(block, frame, index)
    return None


def _reasoning(block: Block, id_: str) -> Item | None:
    if block.type == "thinking":
        encrypted = sealed.of_thinking(block.thinking, block.signature)
    else:
        encrypted = sealed.of_redacted(block.data)
    if not (block.thinking or encrypted):
        return None
    return items.reasoning(id_, block.thinking, encrypted)


def _call(block: Block, frame: Frame, index: int) -> Item:
    if not block.id or not block.name or not block.arguments.startswith("{"):
        raise not_understood()
    called = frame.names.called(block.name)
    argument = argument_of(called, block.arguments)
    id_ = frame.id(items.CALL_IDS[called.is_custom], index)
    return items.call(id_, block.id, called, argument, items.COMPLETED)
