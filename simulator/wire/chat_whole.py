"""A chat reply as one body (§6.3): no `object`, no `created`, padding, Claude's split choices."""

from typing import Any

from simulator.wire.catalogue import Family
from simulator.wire.chat_stream import FINGERPRINT, chat_cost, chat_id
from simulator.wire.completion import Completion
from simulator.wire.reply import Call
from simulator.wire.seals import SealKind

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def chat_body(completion: Completion) -> dict[str, Any]:
    """The body, as recorded."""
    is_gpt = completion.model.family is Family.GPT
    # Letters of random number, so that the answer's length tells nothing.
    padding = LETTERS[: completion.chance.randint(1, len(LETTERS))]
    body: dict[str, Any] = {
        "choices": _single(completion, padding) if is_gpt else _of_others(completion, padding),
        "id": chat_id(completion),
        "model": completion.model.answers_as,
    }
    if completion.model.family is not Family.CLAUDE:
        body["system_fingerprint"] = FINGERPRINT
        body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": {}}]
    return {**body, **chat_cost(completion)}


def _of_others(completion: Completion, padding: str) -> list[dict[str, Any]]:
    reasoning: dict[str, Any] = {}
    if completion.reply.reasoning:
        reasoning["reasoning_text"] = completion.reply.reasoning
        reasoning["reasoning_opaque"] = completion.seal(SealKind.REASONING_OPAQUE)
    if completion.model.family is Family.CLAUDE:
        return _split(completion, padding, reasoning)
    return _single(completion, padding, reasoning)


def _single(
    completion: Completion, padding: str, reasoning: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """One choice; with calls, its `content` is absent."""
    reply = completion.reply
    message: dict[str, Any] = {"padding": padding, "role": "assistant", **(reasoning or {})}
    if reply.calls:
        message["tool_calls"] = [_call(call) for call in reply.calls]
    else:
        message["content"] = reply.text
    choice = {
        "finish_reason": reply.finish_reason,
        "index": 0,
        "content_filter_results": {},
        "message": message,
    }
    return [choice]


def _split(completion: Completion, padding: str, reasoning: dict[str, Any]) -> list[dict[str, Any]]:
    """The text first, then each call in a choice of its own, all with the same reason."""
    reply = completion.reply
    contents: list[dict[str, Any]] = [{**reasoning, "content": reply.text}]
    contents += [{"tool_calls": [_call(call)]} for call in reply.calls]
    return [
        {
            "finish_reason": reply.finish_reason,
            "index": index,
            "message": {"padding": padding, "role": "assistant", **content},
        }
        for index, content in enumerate(contents)
    ]


def _call(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
