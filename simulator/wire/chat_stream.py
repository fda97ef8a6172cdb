"""A chat reply as an event stream: GPT's shape (§6.1) and Claude's (§6.2)."""

from collections.abc import Iterator
from typing import Any

from simulator.scenario.faults import Script
from simulator.wire.answer import DONE, Event, encode
from simulator.wire.catalogue import Family
from simulator.wire.completion import Completion
from simulator.wire.reply import Call, argument_pieces, pieces_of
from simulator.wire.seals import SealKind
from simulator.wire.usage import chat_usage

FINGERPRINT = "fp_simulated"
SAFE = {"filtered": False, "severity": "safe"}
FILTER_RESULTS = {"hate": SAFE, "self_harm": SAFE, "sexual": SAFE, "violence": SAFE}

Delta = dict[str, Any]
Frame = dict[str, Any]


def chat_id(completion: Completion) -> str:
    """A new id of an answer."""
    return f"chatcmpl-{completion.hex(24)}"


def chat_cost(completion: Completion) -> dict[str, Any]:
    """`usage`, and `copilot_usage` beside it (§6.6)."""
    return {"usage": chat_usage(completion.reply), **completion.copilot_cost}


def chat_events(completion: Completion, script: Script) -> Iterator[Event]:
    """The events in order, the last one `[DONE]`."""
    is_gpt = completion.model.family is Family.GPT
    chunks = _gpt_chunks(completion, script) if is_gpt else _claude_chunks(completion, script)
    for chunk in chunks:
        yield Event(encode(chunk))
    yield Event(DONE)


def _gpt_chunks(completion: Completion, script: Script) -> Iterator[dict[str, Any]]:
    """The recorded order: filter results, role, content, finish, usage."""
    reply = completion.reply
    yield {
        "choices": [],
        "created": 0,
        "id": "",
        "model": "",
        "object": "",
        "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTER_RESULTS}],
    }
    frame = {
        "created": completion.created,
        "id": chat_id(completion),
        "model": completion.model.answers_as,
        "object": "chat.completion.chunk",
        "system_fingerprint": FINGERPRINT,
    }
    content = None if reply.calls else ""
    yield _gpt(frame, {"content": content, "refusal": None, "role": "assistant"})
    for piece in pieces_of(reply.text, script):
        yield _gpt(frame, {"content": piece}, FILTER_RESULTS)
    for index, delta in _call_deltas(completion):
        yield _gpt(frame, delta, index=index)
    for index in _choice_indexes(completion):
        yield _gpt(frame, {}, finish_reason=reply.finish_reason, index=index)
    yield {"choices": [], **frame, **chat_cost(completion)}


def _gpt(
    frame: Frame,
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
    return {"choices": [choice], **frame, "usage": None}


def _claude_chunks(completion: Completion, script: Script) -> Iterator[dict[str, Any]]:
    """No `object`, no filter results, usage in the finish chunk (§6.1, last paragraph)."""
    reply = completion.reply
    frame = {
        "created": completion.created,
        "id": chat_id(completion),
        "model": completion.model.answers_as,
    }
    for delta in _reasoning_deltas(completion, script):
        yield _claude(frame, {"content": None, "role": "assistant", **delta})
    for piece in pieces_of(reply.text, script):
        yield _claude(frame, {"content": piece, "role": "assistant"})
    for index, delta in _call_deltas(completion):
        yield _claude(frame, {"content": None, "role": "assistant", **delta}, index)
    *others, last = _choice_indexes(completion)
    for index in others:
        yield _claude(frame, {"content": None}, index, reply.finish_reason)
    finish = _claude(frame, {"content": None}, last, reply.finish_reason)
    yield {**finish, **chat_cost(completion)}


def _claude(
    frame: Frame, delta: Delta, index: int = 0, finish_reason: str | None = None
) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": index, "delta": delta}
    if finish_reason is not None:
        choice["finish_reason"] = finish_reason
    return {"choices": [choice], **frame}


def _reasoning_deltas(completion: Completion, script: Script) -> Iterator[Delta]:
    """What is thought, then what has to be sent back with it (§6.1, "Reasoning deltas")."""
    if not completion.reply.reasoning:
        return
    for piece in pieces_of(completion.reply.reasoning, script):
        yield {"reasoning_text": piece}
    yield {"reasoning_opaque": completion.seal(SealKind.REASONING_OPAQUE)}


def _call_deltas(completion: Completion) -> Iterator[tuple[int, Delta]]:
    """Each call: its id and name, then its arguments in pieces; with the choice it is in."""
    for number, call in enumerate(completion.reply.calls):
        choice = number + 1 if completion.split_choices else 0
        position = 0 if completion.split_choices else number
        yield choice, {"tool_calls": [_opening(call, position)]}
        for piece in argument_pieces(call.arguments):
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
