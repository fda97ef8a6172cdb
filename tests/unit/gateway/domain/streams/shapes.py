"""Streams in the shapes of copilot-upstream.md §6, a reader of event streams, and ways to cut.

The reader is written from the SSE specification alone, and shares nothing with the product.
"""

import json
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from gateway.domain.streams.following import Follower

SAFE = {"filtered": False, "severity": "safe"}
FILTERS = {"hate": SAFE, "self_harm": SAFE, "sexual": SAFE, "violence": SAFE}
CREATED = 1_795_350_000
COSTS = {"token_details": [], "total_nano_aiu": 296_100_000}
USED = {
    "completion_tokens": 2,
    "completion_tokens_details": {"reasoning_tokens": 0},
    "prompt_tokens": 9,
    "prompt_tokens_details": {"cached_tokens": 0},
    "total_tokens": 11,
}
DONE = b"data: [DONE]\n\n"
LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n", "cr": b"\r"}


def compact(value: Any) -> bytes:
    text: str = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def event(value: Any) -> bytes:
    return b"data: " + compact(value) + b"\n\n"


def named(value: dict[str, Any]) -> bytes:
    """An event as Anthropic and the Responses API write it."""
    return f"event: {value['type']}\n".encode() + event(value)


# --- chat ---

FIRST = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERS}],
}


def gpt(choices: list[Any], **more: Any) -> dict[str, Any]:
    """A chunk with the frame of the recorded stream."""
    return {
        "choices": choices,
        "created": CREATED,
        "id": "chatcmpl-AAA",
        "model": "gpt-4o-mini-2024-07-18",
        "object": "chat.completion.chunk",
        "system_fingerprint": "fp_x",
        "usage": None,
        **more,
    }


def gpt_delta(
    delta: Any, finish: str | None = None, index: int = 0, filters: Any = FILTERS
) -> dict[str, Any]:
    choice = {
        "content_filter_results": filters,
        "delta": delta,
        "finish_reason": finish,
        "index": index,
        "logprobs": None,
    }
    return gpt([choice])


def claude(delta: Any, finish: str | None = None, index: int = 0, **more: Any) -> dict[str, Any]:
    """A chunk without `object`, as Claude's are."""
    choice: dict[str, Any] = {"index": index, "delta": delta}
    if finish is not None:
        choice["finish_reason"] = finish
    return {
        "choices": [choice],
        "created": CREATED,
        "id": "msg_vrtx_01",
        "model": "claude-sonnet-4.6",
        **more,
    }


def opening(number: int, index: int, name: str = "get_weather") -> dict[str, Any]:
    """The first piece of a tool call."""
    function = {"name": name, "arguments": ""}
    call = {"function": function, "id": f"call_{number}", "index": index, "type": "function"}
    return {"content": None, "role": "assistant", "tool_calls": [call]}


def arguments(text: str, index: int) -> dict[str, Any]:
    """A later piece of a tool call."""
    return {"tool_calls": [{"function": {"arguments": text}, "index": index}]}


GPT_USAGE = gpt([], usage=USED, copilot_usage=COSTS)

GPT_STREAM = [
    FIRST,
    gpt_delta({"content": "", "refusal": None, "role": "assistant"}, filters={}),
    gpt_delta({"content": "Hi"}),
    gpt_delta({"content": ' "there" \\ 🦊'}),
    gpt_delta({"content": ", naïveté"}),
    gpt_delta({}, "stop", filters={}),
    GPT_USAGE,
]

GPT_CALLS = [
    FIRST,
    gpt_delta({"content": None, "refusal": None, "role": "assistant"}, filters={}),
    gpt_delta(opening(0, 0)),
    gpt_delta(arguments('{"location":', 0)),
    gpt_delta(arguments(' "Tokyo"}', 0)),
    gpt_delta(opening(1, 1)),
    gpt_delta(arguments("{}", 1)),
    gpt_delta({}, "tool_calls", filters={}),
    GPT_USAGE,
]

CLAUDE_STREAM = [
    claude({"content": "Let me", "role": "assistant"}),
    claude({"content": " see.", "role": "assistant"}),
    claude({"content": None}, "stop", usage=USED, copilot_usage=COSTS),
]

CLAUDE_SPLIT = [
    claude({"content": "I look.", "role": "assistant"}),
    claude(opening(0, 0), index=1),
    claude(arguments('{"a":', 0), index=1),
    claude(arguments("1}", 0), index=1),
    claude(opening(1, 0), index=2),
    claude(arguments("{}", 0), index=2),
    claude({"content": None}, "tool_calls"),
    claude({"content": None}, "tool_calls", index=1),
    claude({"content": None}, "tool_calls", index=2, usage=USED, copilot_usage=COSTS),
]


def chat_stream(chunks: Iterable[Any], done: bool = True) -> bytes:
    return b"".join(event(chunk) for chunk in chunks) + (DONE if done else b"")


# --- Messages ---

MESSAGES_STREAM = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_bdrk_01",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": "claude-sonnet-4-6-20260101",
            "usage": {"input_tokens": 9, "output_tokens": 1},
        },
    },
    {
        "type": "content_block_start",
        "index": 0,
        "content_block": {"type": "text", "text": ""},
    },
    {"type": "ping"},
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": "Hi"},
        "copilot_annotations": {"IPCodeCitations": []},
    },
    {
        "type": "content_block_delta",
        "index": 0,
        "delta": {"type": "text_delta", "text": ' "there" 🦊'},
    },
    {"type": "content_block_stop", "index": 0},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "end_turn", "stop_sequence": None},
        "usage": {"output_tokens": 5},
        "copilot_usage": COSTS,
    },
    {"type": "message_stop"},
]


def messages_stream(events: Iterable[Any] = MESSAGES_STREAM) -> bytes:
    return b"".join(named(each) for each in events)


# --- Responses ---


def responses_events(ids: Sequence[str], sealed: Sequence[str]) -> list[dict[str, Any]]:
    """A reasoning item and a message.

    ids: in the order in which they come, the response's and the items'. sealed: the encrypted
    content of the done item, and that of the terminal event.
    """
    (created, r_added, r_done, m_added, m_one, m_two, m_done, completed, r_end, m_end) = ids
    reasoning = {"type": "reasoning", "summary": []}
    message = {"type": "message", "role": "assistant"}
    text = {"type": "output_text", "text": "Hi there", "annotations": []}
    part = {"content_index": 0, "output_index": 1, "logprobs": []}
    return [
        {"type": "response.created", "response": {"id": created, "output": []}},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**reasoning, "id": r_added, "encrypted_content": ""},
        },
        {
            "type": "response.output_item.done",
            "output_index": 0,
            "item": {**reasoning, "id": r_done, "encrypted_content": sealed[0]},
        },
        {
            "type": "response.output_item.added",
            "output_index": 1,
            "item": {**message, "id": m_added, "content": []},
        },
        {"type": "response.output_text.delta", "delta": "Hi", "item_id": m_one, **part},
        {"type": "response.output_text.delta", "delta": " there", "item_id": m_two, **part},
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {**message, "id": m_done, "content": [text]},
        },
        {
            "type": "response.completed",
            "response": {
                "id": completed,
                "status": "completed",
                "output": [
                    {**reasoning, "id": r_end, "encrypted_content": sealed[1]},
                    {**message, "id": m_end, "content": [text]},
                ],
            },
            "copilot_usage": COSTS,
        },
    ]


STEADY = responses_events(
    ["resp_1", "rs_1", "rs_1", "msg_1", "msg_1", "msg_1", "msg_1", "resp_1", "rs_1", "msg_1"],
    ["sealed", "sealed"],
)
CHURNING = responses_events([f"id_{number}" * 50 for number in range(10)], ["done", "end"])


def responses_stream(events: Iterable[Any] = CHURNING) -> bytes:
    return b"".join(
        named({**each, "sequence_number": number}) for number, each in enumerate(events)
    )


# --- reading and cutting ---


def said(stream: bytes) -> list[tuple[str, str]]:
    """Name and data of each event that a client would see, by the specification."""
    text = stream.decode()
    lines = re.split(r"\r\n|\r|\n", text)
    events: list[tuple[str, str]] = []
    name, data = "", list[str]()
    for line in lines[:-1]:
        if not line:
            if data:
                events.append((name, "\n".join(data)))
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "data":
            data.append(value)
        elif field == "event":
            name = value
    return events


def payloads(stream: bytes) -> list[Any]:
    """The JSON of each event, without `[DONE]`."""
    return [json.loads(data) for _, data in said(stream) if data != "[DONE]"]


def is_whole(stream: bytes) -> bool:
    """Whether a stream stops between two events."""
    return re.search(rb"(?:\r\n|\r|\n)(?:\r\n|\r|\n)\Z", stream) is not None if stream else True


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(stream) + 1) for place in places}), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


def follow(follower: Follower, chunks: Iterable[bytes]) -> bytes:
    """All that is let through, the end included."""
    return b"".join([*(follower.feed(chunk) for chunk in chunks), follower.finish()])
