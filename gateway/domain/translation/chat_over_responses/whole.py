"""A whole Responses answer as a chat completion."""

from typing import Any

import msgspec

from gateway.domain.bad_answers import not_understood
from gateway.domain.translation.chat_over_responses import answer
from gateway.domain.translation.chat_over_responses.bodies import read_answer
from gateway.domain.translation.contract import Asked
from gateway.domain.usage.tokens import from_responses

_decode = msgspec.json.Decoder(answer.Response).decode


def translate(body: bytes, asked: Asked) -> bytes:
    """The completion. Raises GatewayError (UPSTREAM_BAD_ANSWER)."""
    response = read_answer(body, _decode)
    if response.output is None or response.status == "failed":
        raise not_understood()
    message = _message(response.output)
    reason = answer.finish_reason(response, has_calls="tool_calls" in message)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{asked.answer_id}",
            "object": "chat.completion",
            "created": asked.created,
            "model": asked.model,
            "choices": [choice],
            "usage": from_responses(response.usage).as_chat(),
        }
    )


def _message(items: list[answer.Item]) -> dict[str, Any]:
    content = "".join(answer.content_of(item) for item in items)
    refusal = "".join(answer.refusal_of(item) for item in items)
    thoughts = [text for item in items for text in answer.thoughts_of(item)]
    calls = [call for item in items if (call := answer.call_of(item)) is not None]
    is_silent = bool(calls or refusal) and not content
    message: dict[str, Any] = {"role": "assistant", "content": None if is_silent else content}
    message["refusal"] = refusal or None
    if thoughts:
        message["reasoning_text"] = answer.BETWEEN_THOUGHTS.join(thoughts)
    if calls:
        message["tool_calls"] = calls
    return message
