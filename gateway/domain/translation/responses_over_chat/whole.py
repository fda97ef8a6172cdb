"""A whole chat answer as a Responses answer."""

import msgspec

from gateway.domain.translation.chat_over_responses.bodies import read_answer
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.events import not_understood
from gateway.domain.translation.responses_over_chat import chat_body, output
from gateway.domain.translation.responses_over_chat.output import Frame, Shown

_decode = msgspec.json.Decoder(chat_body.Answer).decode


def translate(body: bytes, asked: Asked) -> bytes:
    """The answer. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    answer = read_answer(body, _decode)
    if not answer.choices or answer.choices[0].message is None:
        raise not_understood()
    frame = Frame(asked)
    choice = answer.choices[0]
    ending = output.ending_of(choice.finish_reason)
    items = _items(answer.choices[0].message, frame)
    items[-1]["status"] = ending.last_item
    return msgspec.json.encode(frame.ended(ending, items, answer.usage))


def _items(message: chat_body.Message, frame: Frame) -> list[Shown]:
    """What was thought, said and called; an answer that does neither of the latter is empty."""
    items: list[Shown] = []
    if message.thought:
        items.append(output.reasoning(frame.id("rs", 0), message.thought))
    content = _content(message)
    if content or not message.tool_calls:
        content = content or [output.text_part("")]
        items.append(output.message(frame.id("msg", len(items)), content, output.COMPLETED))
    for call in message.tool_calls or ():
        items.append(_call(call, frame, len(items)))
    return items


def _content(message: chat_body.Message) -> list[Shown]:
    content = [output.text_part(message.content)] if message.content else []
    return [*content, output.refusal_part(message.refusal)] if message.refusal else content


def _call(call: chat_body.Call, frame: Frame, index: int) -> Shown:
    if call.function is None or not call.function.name:
        raise not_understood()
    called = frame.names.called(call.function.name)
    argument = output.argument_of(called, call.function.arguments or "")
    item_id = frame.id(output.CALL_IDS[called.is_custom], index)
    call_id = call.id or frame.id("call", index)
    return output.call(item_id, call_id, called, argument, output.COMPLETED)
