"""A whole chat answer as a Responses answer."""

import msgspec

from gateway.domain.bad_answers import not_understood
from gateway.domain.translation.chat_over_responses.bodies import read_answer
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_responses import items
from gateway.domain.translation.for_responses.frame import Frame, ending_of
from gateway.domain.translation.for_responses.items import Item
from gateway.domain.translation.for_responses.names import argument_of
from gateway.domain.translation.over_chat.answer import Call
from gateway.domain.translation.responses_over_chat import chat_body
from gateway.domain.translation.responses_over_chat.frame import frame_of
from gateway.domain.usage.tokens import from_chat

_decode = msgspec.json.Decoder(chat_body.Answer).decode


def translate(body: bytes, asked: Asked) -> bytes:
    """The answer. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    answer = read_answer(body, _decode)
    if not answer.choices or answer.choices[0].message is None:
        raise not_understood()
    frame = frame_of(asked)
    choice = answer.choices[0]
    ending = ending_of(choice.finish_reason)
    output = _output(answer.choices[0].message, frame)
    output[-1]["status"] = ending.last_item
    used = from_chat(answer.usage) if answer.usage else None
    return msgspec.json.encode(frame.ended(ending, output, used))


def _output(message: chat_body.Message, frame: Frame) -> list[Item]:
    """What was thought, said and called; an answer that does neither of the latter is empty."""
    output: list[Item] = []
    if message.thought:
        output.append(items.reasoning(frame.id("rs", 0), message.thought))
    content = _content(message)
    if content or not message.tool_calls:
        content = content or [items.text_part("")]
        output.append(items.message(frame.id("msg", len(output)), content, items.COMPLETED))
    for call in message.tool_calls or ():
        output.append(_call(call, frame, len(output)))
    return output


def _content(message: chat_body.Message) -> list[Item]:
    content = [items.text_part(message.content)] if message.content else []
    return [*content, items.refusal_part(message.refusal)] if message.refusal else content


def _call(call: Call, frame: Frame, index: int) -> Item:
    if call.function is None or not call.function.name:
        raise not_understood()
    called = frame.names.called(call.function.name)
    argument = argument_of(called, call.function.arguments or "")
    item_id = frame.id(items.CALL_IDS[called.is_custom], index)
    call_id = call.id or frame.id("call", index)
    return items.call(item_id, call_id, called, argument, items.COMPLETED)
