"""Chat answers as upstream gives them, whole and streamed, and Responses streams folded."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from gateway.domain.translation.contract import Asked

Body = dict[str, Any]

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 3},
}
RESPONSES_USAGE = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 19,
}


def asked(request: Body | None = None) -> Asked:
    body = json.dumps(request or {}).encode()
    return Asked("the-model", 1_795_350_000, "a1b2", True, body)


def function(call_id: str | None, name: str, arguments: str) -> Body:
    called = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": called}


def completion(
    content: str | None = None,
    refusal: str | None = None,
    thoughts: str | None = None,
    calls: Sequence[Body] = (),
    finish: str = "stop",
    usage: Any = USAGE,
) -> Body:
    message: Body = {"role": "assistant", "content": content, "refusal": refusal}
    if thoughts is not None:
        message |= {"reasoning_text": thoughts, "reasoning_opaque": "sealed"}
    if calls:
        message["tool_calls"] = list(calls)
    return {
        "id": "chatcmpl-upstream",
        "object": "chat.completion",
        "created": 1,
        "model": "upstream-name",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": usage,
        "copilot_usage": {"total_nano_aiu": 1},
    }


def chunks(
    content: str | None = None,
    refusal: str | None = None,
    thoughts: str | None = None,
    calls: Sequence[Body] = (),
    finish: str = "stop",
    usage: Any = USAGE,
    cut: int = 3,
) -> list[bytes]:
    """The same as a stream; texts come in pieces of so many characters."""
    deltas: list[Body] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"reasoning_text": piece, "content": None} for piece in pieces(thoughts, cut)]
    if thoughts is not None:
        deltas.append({"reasoning_opaque": "sealed"})
    deltas += [{"content": piece} for piece in pieces(content, cut)]
    deltas += [{"refusal": piece} for piece in pieces(refusal, cut)]
    for index, call in enumerate(calls):
        opened = {**call, "index": index, "function": {**call["function"], "arguments": ""}}
        deltas.append({"tool_calls": [opened]})
        deltas += [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for piece in pieces(call["function"]["arguments"], cut)
        ]
    each = [chunk(delta) for delta in deltas]
    return [*each, chunk({}, finish), said([], usage), b"data: [DONE]\n\n"]


def pieces(text: str | None, cut: int) -> list[str]:
    return [(text or "")[start : start + cut] for start in range(0, len(text or ""), cut)]


def chunk(delta: Body, finish: str | None = None) -> bytes:
    return said([{"index": 0, "delta": delta, "finish_reason": finish}], None)


def said(choices: list[Body], usage: Any) -> bytes:
    frame = {
        "id": "chatcmpl-upstream",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream-name",
        "choices": choices,
        "usage": usage,
    }
    return f"data: {json.dumps(frame)}\n\n".encode()


# --- any answer at all ---

words = st.text(max_size=9)
arguments = st.dictionaries(st.text(max_size=3), st.integers(), max_size=2).map(json.dumps)
names = st.sampled_from(["read_file", "patch", "n__t"])
answers = st.fixed_dictionaries(
    {
        "content": st.none() | words,
        "refusal": st.none() | words,
        "thoughts": st.none() | words,
        "calls": st.lists(st.tuples(names, arguments), max_size=3).map(
            lambda them: [function(f"call_{n}", *called) for n, called in enumerate(them)]
        ),
        "finish": st.sampled_from(["stop", "length", "tool_calls", "content_filter", "error"]),
        "usage": st.none() | st.just(USAGE),
    }
)
TOOLS = [
    {"type": "function", "name": "read_file"},
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "t"}]},
]


# --- Responses streams ---


def events_of(stream: bytes) -> list[Any]:
    """What a Responses stream says; each event has its type for a name, and a number."""
    found = []
    for event in stream.decode().split("\n\n")[:-1]:
        name, data = event.split("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def terminal_of(stream: bytes) -> Any:
    return events_of(stream)[-1]["response"]


class Folding:
    """A response as its events add up to, every rule of their order checked."""

    def __init__(self) -> None:
        self.items: dict[int, Body] = {}
        self.done: dict[int, Body] = {}
        self.response: Body = {}
        self.stages: list[str] = []

    def take(self, event: Body) -> None:
        kind = event["type"].removeprefix("response.")
        if "response" in event:
            self.stages.append(kind)
            self.response = event["response"]
            return
        index = event["output_index"]
        assert index not in self.done
        if kind == "output_item.added":
            assert index == len(self.items)
            self.items[index] = json.loads(json.dumps(event["item"]))
            return
        item = self.items[index]
        if kind == "output_item.done":
            self._compare(item, event["item"])
            self.done[index] = event["item"]
            return
        assert event["item_id"] == item["id"]
        self._part(kind, event, item)

    def _compare(self, item: Body, done: Body) -> None:
        assert item == {**done, "status": item["status"]} if "status" in item else item == done

    def _part(self, kind: str, event: Body, item: Body) -> None:
        target = SUBJECTS[kind.rpartition(".")[0]]
        if target is None:
            self._whole_part(kind, event, item)
            return
        listed, field_ = target
        place = event.get("content_index", event.get("summary_index"))
        holder = item if listed is None else item[listed][place]
        if kind.endswith(".delta"):
            assert event["delta"]
            holder[field_] += event["delta"]
        else:
            assert event[field_] == holder[field_]

    def _whole_part(self, kind: str, event: Body, item: Body) -> None:
        listed, place = ("content", "content_index")
        if "summary_index" in event:
            listed, place = ("summary", "summary_index")
        if kind.endswith(".added"):
            assert event[place] == len(item[listed])
            item[listed].append(dict(event["part"]))
        else:
            assert event["part"] == item[listed][event[place]]


SUBJECTS: dict[str, tuple[str | None, str] | None] = {
    "content_part": None,
    "reasoning_summary_part": None,
    "output_text": ("content", "text"),
    "refusal": ("content", "refusal"),
    "reasoning_summary_text": ("summary", "text"),
    "function_call_arguments": (None, "arguments"),
    "custom_tool_call_input": (None, "input"),
}


def folded(stream: bytes) -> Folding:
    folding = Folding()
    for event in events_of(stream):
        folding.take(event)
    assert set(folding.items) == set(folding.done)
    return folding
