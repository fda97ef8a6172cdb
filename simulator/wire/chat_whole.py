"""A chat reply as one body (§6.3): no `object`, no `created`, padding, Claude's split choices."""

from typing import Any

from simulator.wire.catalogue import Family
from simulator.wire.chat_parts import FINGERPRINT, Completion
from simulator.wire.chat_reply import Call


def whole_body(completion: Completion) -> dict[str, Any]:
    """The body, as recorded."""
    is_claude = completion.model.family is Family.CLAUDE
    body: dict[str, Any] = {
        "choices": _split_choices(completion) if is_claude else [_single_choice(completion)],
        "id": completion.id,
        "model": completion.model.answers_as,
    }
    if not is_claude:
        body["system_fingerprint"] = FINGERPRINT
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": {}}]
    return {**body, **completion.cost}


def _single_choice(completion: Completion) -> dict[str, Any]:
    """With calls, `content` is absent."""
    reply = completion.reply
    message: dict[str, Any] = {"padding": completion.padding, "role": "assistant"}
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    else:
        message["content"] = reply.text
    return {
        "finish_reason": reply.finish_reason,
        "index": 0,
        "content_filter_results": {},
        "message": message,
    }


def _split_choices(completion: Completion) -> list[dict[str, Any]]:
    """The text first, then each call in a choice of its own, all with the same reason."""
    reply = completion.reply
    contents: list[dict[str, Any]] = [{"content": reply.text}]
    contents += [{"tool_calls": [_call(call)]} for call in reply.calls]
    return [
        {
            "finish_reason": reply.finish_reason,
            "index": index,
            "message": {"padding": completion.padding, "role": "assistant", **content},
        }
        for index, content in enumerate(contents)
    ]


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
