"""A chat reply as the payloads of an event stream: GPT's shape (§6.1) and Claude's (§6.2)."""

from collections.abc import Iterator
from typing import Any

from simulator.scenario.faults import Script
from simulator.wire.answer import DONE, encode
from simulator.wire.catalogue import Family
from simulator.wire.chat_parts import FILTER_RESULTS, FINGERPRINT, Completion, filter_results
from simulator.wire.chat_reply import Call, argument_pieces, pieces_of

Delta = dict[str, Any]


def stream_events(completion: Completion, script: Script) -> Iterator[bytes]:
    """The payloads in order, the last one `[DONE]`."""
    is_gpt = completion.model.family is Family.GPT
    chunks = _gpt_chunks(completion, script) if is_gpt else _claude_chunks(completion, script)
    for chunk in chunks:
        yield encode(chunk)
    yield DONE


def _gpt_chunks(completion: Completion, script: Script) -> Iterator[dict[str, Any]]:
    """The recorded order: filter results, role, content, finish, usage."""
    reply = completion.reply
    yield {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": filter_results(),
    }
    content = None if reply.calls else ""
    yield _gpt(completion, {"content": content, "refusal": None, "role": "assistant"})
    for piece in pieces_of(reply.text, script):
        yield _gpt(completion, {"content": piece}, FILTER_RESULTS)
    for index, delta in _call_deltas(completion):
        yield _gpt(completion, delta, index=index)
    for index in _choice_indexes(completion):
        yield _gpt(completion, {}, finish_reason=reply.finish_reason, index=index)
    yield {**_gpt_frame(completion, []), **completion.cost}


def _gpt(
    completion: Completion,
    delta: Delta,
    filtered: dict[str, Any] | None = None,
    finish_reason: str | None = None,
    index: int = 0,
) -> dict[str, Any]:
    choice = {
        "content_filter_results": filtered or {},
        "delta": delta,
        "finish_reason": finish_reason,
        "index": index,
        "logprobs": None,
    }
    return {**_gpt_frame(completion, [choice]), "usage": None}


def _gpt_frame(completion: Completion, choices: list[Any]) -> dict[str, Any]:
    return {
        "choices": choices,
        "created": completion.created,
        "id": completion.id,
        "model": completion.model.answers_as,
        "object": "chat.completion.chunk",
        "system_fingerprint": FINGERPRINT,
    }


def _claude_chunks(completion: Completion, script: Script) -> Iterator[dict[str, Any]]:
    """No `object`, no filter results, usage in the finish chunk (§6.1, last paragraph)."""
    reply = completion.reply
    for piece in pieces_of(reply.text, script):
        yield _claude(completion, {"content": piece, "role": "assistant"})
    for index, delta in _call_deltas(completion):
        yield _claude(completion, {"content": None, "role": "assistant", **delta}, index)
    *others, last = _choice_indexes(completion)
    for index in others:
        yield _claude(completion, {"content": None}, index, reply.finish_reason)
    finish = _claude(completion, {"content": None}, last, reply.finish_reason)
    yield {**finish, **completion.cost}


def _claude(
    completion: Completion, delta: Delta, index: int = 0, finish_reason: str | None = None
) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": delta}
    if finish_reason is not None:
        choice["finish_reason"] = finish_reason
    return {
        "choices": [choice],
        "created": completion.created,
        "id": completion.id,
        "model": completion.model.answers_as,
    }


def _call_deltas(completion: Completion) -> Iterator[tuple[int, Delta]]:
    """Each call: its id and name, then its arguments in pieces; with the choice it is in."""
    for number, call in enumerate(completion.reply.calls):
        choice = number + 1 if completion.split_choices else 0
        position = 0 if completion.split_choices else number
        yield choice, {"tool_calls": [_opening(call, position)]}
        for piece in argument_pieces(call):
            yield choice, {"tool_calls": [{"function": {"arguments": piece}, "index": position}]}


def _opening(call: Call, position: int) -> dict[str, Any]:
    return {
        "function": {"arguments": "", "name": call.name},
        "id": call.id,
        "index": position,
        "type": "function",
    }


def _choice_indexes(completion: Completion) -> range:
    return range(1 + len(completion.reply.calls) if completion.split_choices else 1)
