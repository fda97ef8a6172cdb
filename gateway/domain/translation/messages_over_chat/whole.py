"""A whole chat answer as a Messages answer: thinking, text, calls."""

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.domain import lenient_json
from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.for_messages.frame import envelope
from gateway.domain.translation.messages_over_chat import chat_answer, sealed
from gateway.domain.translation.messages_over_chat.chat_answer import Answer, Words
from gateway.domain.translation.over_chat.answer import Call, Function
from gateway.domain.usage import tokens

Block = dict[str, Any]

UNREADABLE_ARGUMENTS = "arguments"
"""Where a call's arguments go that are no object: Anthropic's clients take nothing else."""

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode
_encode = msgspec.json.Encoder().encode


def translate(body: bytes, asked: Asked) -> bytes:
    """The Messages answer. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    answer = _read(body)
    said = list(answer.words)
    blocks = _thinking(said) + _text(said) + _calls(said, asked)
    stop_reason = chat_answer.stop_reason(
        answer.finish_reasons,
        calls=any(each["type"] == "tool_use" for each in blocks),
        refuses=any(words.refusal for words in said),
    )
    message = {
        **envelope(asked),
        "content": blocks,
        "stop_reason": stop_reason,
        "usage": tokens.from_chat(answer.usage).as_messages(),
    }
    if answer.copilot_usage:
        message["copilot_usage"] = answer.copilot_usage
    return _encode(message)


def call_id(id_: str | None, asked: Asked, number: int) -> str:
    """A call's id as upstream gave it, or one of our own."""
    return id_ or f"toolu_{asked.answer_id}_{number}"


def _read(body: bytes) -> Answer:
    try:
        answer = chat_answer.decode(body)
    except UNREADABLE:
        raise not_understood() from None
    if not answer.choices:
        raise not_understood()
    chat_answer.check(answer)
    return answer


def _thinking(said: Sequence[Words]) -> list[Block]:
    thinking = "".join(words.thinking for words in said)
    opaque = next((words.reasoning_opaque for words in said if words.reasoning_opaque), "")
    if not thinking and not opaque:
        return []
    signature = sealed.signature_of(opaque) if opaque else ""
    return [{"type": "thinking", "thinking": thinking, "signature": signature}]


def _text(said: Sequence[Words]) -> list[Block]:
    text = "".join(words.text for words in said)
    return [{"type": "text", "text": text}] if text else []


def _calls(said: Sequence[Words], asked: Asked) -> list[Block]:
    calls = [call for words in said for call in words.tool_calls or ()]
    return [_call(call, asked, number) for number, call in enumerate(calls)]


def _call(call: Call, asked: Asked, number: int) -> Block:
    function = call.function or Function()
    return {
        "type": "tool_use",
        "id": call_id(call.id, asked, number),
        "name": function.name or "",
        "input": _input(function.arguments or "{}"),
    }


def _input(arguments: str) -> dict[str, Any]:
    try:
        return _decode_object(arguments)
    except UNREADABLE:
        read = lenient_json.read(arguments.encode())
        return read if isinstance(read, dict) else {UNREADABLE_ARGUMENTS: arguments}
