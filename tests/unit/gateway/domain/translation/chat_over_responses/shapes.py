"""Responses answers as upstream gives them, whole and streamed, and chat streams folded."""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]

USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 19,
}
CHAT_USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}


def reasoning(*thoughts: str) -> Body:
    summary = [{"type": "summary_text", "text": text} for text in thoughts]
    return {"id": "rs", "type": "reasoning", "summary": summary, "encrypted_content": "sealed"}


def message(*parts: Body) -> Body:
    return {"id": "msg", "type": "message", "role": "assistant", "content": list(parts)}


def text(words: str) -> Body:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": words}


def refusal(words: str) -> Body:
    return {"type": "refusal", "refusal": words}


def function_call(call_id: str, name: str, arguments: str) -> Body:
    called = {"call_id": call_id, "name": name, "arguments": arguments}
    return {"id": "fc", "type": "function_call", "status": "completed", **called}


def custom_call(call_id: str, name: str, words: str) -> Body:
    called = {"call_id": call_id, "name": name, "input": words}
    return {"id": "ctc", "type": "custom_tool_call", "status": "completed", **called}


def response(items: Sequence[Body], reason: str | None = None) -> Body:
    """The whole answer, with the oddities of copilot-upstream.md §6.4."""
    return {
        "id": "opaque" * 60,
        "object": "response",
        "created_at": 1,
        "status": "completed" if reason is None else "incomplete",
        "error": None,
        "incomplete_details": None if reason is None else {"reason": reason},
        "model": "upstream-name",
        "output": list(items),
        "output_text": None,
        "service_tier": "priority",
        "usage": USAGE,
        "copilot_usage": {"total_nano_aiu": 1},
    }


def events(items: Sequence[Body], reason: str | None = None, cut: int = 3) -> list[bytes]:
    """The same as a stream; texts come in pieces of so many characters."""
    end = response(items, reason)
    begun = {**end, "status": "in_progress", "output": [], "usage": None}
    payloads: list[Body] = [{"type": "response.created", "response": begun}]
    payloads.append({"type": "response.in_progress", "response": begun})
    for index, item in enumerate(items):
        payloads += [{"output_index": index, **payload} for payload in _item(item, cut)]
    payloads.append({"type": f"response.{end['status']}", "response": end})
    return [named({**each, "sequence_number": number}) for number, each in enumerate(payloads)]


def named(payload: Body) -> bytes:
    return f"event: {payload['type']}\ndata: {json.dumps(payload)}\n\n".encode()


EMPTY = {"content": [], "summary": [], "arguments": "", "input": ""}


def _item(item: Body, cut: int) -> Iterator[Body]:
    added = {name: EMPTY.get(name, value) for name, value in item.items()}
    yield {"type": "response.output_item.added", "item": added}
    for index, part in enumerate(item.get("summary", ())):
        kind, place = "response.reasoning_summary", {"summary_index": index}
        yield {"type": f"{kind}_part.added", **place, "part": {**part, "text": ""}}
        yield from _pieces(f"{kind}_text.delta", part["text"], cut, place)
        yield {"type": f"{kind}_text.done", **place, "text": part["text"]}
        yield {"type": f"{kind}_part.done", **place, "part": part}
    for index, part in enumerate(item.get("content", ())):
        words, place = part.get("text", part.get("refusal")), {"content_index": index}
        yield {"type": "response.content_part.added", **place, "part": part}
        yield from _pieces(f"response.{part['type']}.delta", words, cut, place)
        yield {"type": f"response.{part['type']}.done", **place, "text": words}
        yield {"type": "response.content_part.done", **place, "part": part}
    if item["type"] == "function_call":
        yield from _pieces("response.function_call_arguments.delta", item["arguments"], cut, {})
    if item["type"] == "custom_tool_call":
        yield from _pieces("response.custom_tool_call_input.delta", item["input"], cut, {})
    yield {"type": "response.output_item.done", "item": item}


def _pieces(kind: str, words: str, cut: int, place: Body) -> Iterator[Body]:
    for start in range(0, len(words), cut):
        yield {"type": kind, **place, "delta": words[start : start + cut]}


# --- any answer at all ---

words = st.text(max_size=9)
arguments = st.dictionaries(st.text(max_size=3), st.integers(), max_size=2).map(json.dumps)
names = st.sampled_from(["read_file", "search"])
items = st.lists(
    st.one_of(
        st.lists(words, max_size=3).map(lambda thoughts: reasoning(*thoughts)),
        st.lists(words.map(text) | words.map(refusal), max_size=2).map(lambda it: message(*it)),
        st.tuples(names, arguments).map(lambda it: function_call("call", *it)),
        st.tuples(names, words).map(lambda it: custom_call("call", *it)),
        st.just({"id": "ws", "type": "web_search_call", "status": "completed"}),
    ),
    max_size=5,
)
reasons = st.sampled_from([None, None, "max_output_tokens", "content_filter"])


def grouped(draw: Any, each: Sequence[bytes]) -> list[bytes]:
    """The same bytes, with any number of whole events at a time."""
    groups, start = [], 0
    while start < len(each):
        end = draw(st.integers(start + 1, len(each)))
        groups.append(b"".join(each[start:end]))
        start = end
    return groups


# --- chat streams ---


def chunks_of(stream: bytes) -> list[Any]:
    """What a chat stream says; its end has to be `[DONE]`."""
    lines = [line for line in stream.decode().split("\n\n") if line]
    assert lines.pop() == "data: [DONE]"
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def folded(chunks: Iterable[Any]) -> Body:
    """The completion that chunks add up to."""
    completion: Body = {}
    added: Body = {"content": "", "refusal": "", "reasoning_text": ""}
    calls: list[Body] = []
    for chunk in chunks:
        completion |= {name: chunk[name] for name in ("id", "created", "model")}
        completion["usage"] = chunk.get("usage") or completion.get("usage")
        for choice in chunk["choices"]:
            for piece in choice["delta"].pop("tool_calls", ()):
                _fold_call(calls, piece)
            for name in added:
                added[name] += choice["delta"].get(name) or ""
            completion["finish_reason"] = choice["finish_reason"]
    return {**completion, **added, "tool_calls": calls}


def _fold_call(calls: list[Body], piece: Body) -> None:
    index = piece.pop("index")
    if "id" in piece:
        assert index == len(calls)
        calls.append(piece)
        return
    (kind,) = piece
    for name, more in piece[kind].items():
        calls[index][kind][name] += more


def flat(completion: Body) -> Body:
    """A whole completion in the form of a folded one."""
    (choice,) = completion["choices"]
    said = choice["message"]
    return {
        **{name: completion[name] for name in ("id", "created", "model", "usage")},
        **{name: said.get(name) or "" for name in ("content", "refusal", "reasoning_text")},
        "finish_reason": choice["finish_reason"],
        "tool_calls": said.get("tool_calls", []),
    }
