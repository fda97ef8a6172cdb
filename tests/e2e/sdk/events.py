"""Server-sent events as a client reads them: strict about what makes a stream whole."""

import json
from typing import Any

import httpx

Json = dict[str, Any]
DONE = "[DONE]"


def read(answer: httpx.Response) -> list[Json]:
    """The events of a stream that came to its end; each with its name, where it has one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.endswith("\n\n")
    blocks = [block for block in answer.text.split("\n\n") if block]
    return [found for block in blocks if (found := _event(block)) is not None]


def _event(block: str) -> Json | None:
    lines = [line for line in block.split("\n") if not line.startswith(":")]
    data = "\n".join(line.removeprefix("data:").lstrip() for line in lines if line[:5] == "data:")
    names = [line.removeprefix("event:").strip() for line in lines if line.startswith("event:")]
    if not data:
        return None
    event: Json = {"type": DONE} if data == DONE else json.loads(data)
    assert "error" not in event or event["error"] is None, event
    if names:
        assert names == [event["type"]]
    return event


def chat_message(events: list[Json]) -> Json:
    """The assistant's message that chunks make; they end with their usage and the mark."""
    *chunks, done = events
    assert done["type"] == DONE
    (choices,) = ([c["choices"][0] for c in chunks if c["choices"]],)
    assert choices[-1]["finish_reason"]
    assert sum(bool(choice.get("finish_reason")) for choice in choices) == 1
    assert any(chunk.get("usage") for chunk in chunks)
    calls: dict[int, Json] = {}
    for delta in (delta for c in choices for delta in c["delta"].get("tool_calls") or ()):
        call = calls.setdefault(delta["index"], {"function": {"name": "", "arguments": ""}})
        call |= {name: delta[name] for name in ("id", "type") if delta.get(name)}
        for name in ("name", "arguments"):
            call["function"][name] += delta["function"].get(name) or ""
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    message: Json = {"role": "assistant", "content": text}
    return {**message, "tool_calls": list(calls.values())} if calls else message


def response_items(events: list[Json]) -> list[Json]:
    """The items of a response, as Codex takes them: from the event that ends each."""
    assert events[0]["type"] == "response.created"
    assert events[-1]["type"] == "response.completed"
    assert events[-1]["response"]["usage"]["total_tokens"] > 0
    return [event["item"] for event in events if event["type"] == "response.output_item.done"]


def message_blocks(events: list[Json]) -> list[Json]:
    """The blocks of a message, put together from their deltas."""
    assert events[0]["type"] == "message_start"
    assert [event["type"] for event in events[-2:]] == ["message_delta", "message_stop"]
    blocks: list[Json] = []
    for event in events:
        if event["type"] == "content_block_start":
            blocks.append({**event["content_block"], "json": ""})
        elif event["type"] == "content_block_delta":
            _grow(blocks[event["index"]], event["delta"])
    for block in blocks:
        arguments = block.pop("json")
        if block["type"] == "tool_use":
            block["input"] = json.loads(arguments)
    return blocks


def _grow(block: Json, delta: Json) -> None:
    match delta["type"]:
        case "text_delta":
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            block["signature"] = block.get("signature", "") + delta["signature"]
        case "input_json_delta":
            block["json"] += delta["partial_json"]
        case unknown:
            raise AssertionError(unknown)
