"""Answers and conversations of both protocols: written, read back, and made up.

The readers are written from the protocols alone and share nothing with the product. They refuse a
stream whose events do not come in the order that the protocol wants.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from gateway.domain.translation.contract import Asked, StreamTranslator

ASKED = Asked(model="model-as-asked", created=1_795_350_000, answer_id="a1b2")

FRAME = {"id": "chatcmpl-upstream", "created": 7, "model": "upstream"}


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# --- event streams ---


def chat_event(value: Any) -> bytes:
    return b"data: " + compact(value) + b"\n\n"


def messages_event(value: dict[str, Any]) -> bytes:
    return f"event: {value['type']}\n".encode() + chat_event(value)


def events_of(stream: bytes) -> list[tuple[str, str]]:
    """Name and data of each event; every byte has to belong to one."""
    assert stream.endswith(b"\n\n")
    found = []
    for block in stream.decode().removesuffix("\n\n").split("\n\n"):
        *names, data = block.split("\n")
        name = names[0].removeprefix("event: ") if names else ""
        assert data.startswith("data: ")
        found.append((name, data.removeprefix("data: ")))
    return found


def translated(
    translator: StreamTranslator, events: Sequence[bytes], groups: Sequence[int]
) -> bytes:
    """The stream translated, so many events at a time; the rest at once."""
    written, start = b"", 0
    for size in groups:
        written += translator.feed(b"".join(events[start : start + size]))
        start += size
    return written + translator.feed(b"".join(events[start:])) + translator.finish()


# --- an answer, in whichever protocol ---


@dataclass
class Said:
    """What an answer says."""

    thinking: str = ""
    seal: str = ""
    text: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    """Id, name, input."""
    reason: str | None = None
    usage: dict[str, Any] | None = None


def fold_messages(stream: bytes) -> Said:
    """What a Messages stream says, in all its blocks together."""
    events = events_of(stream)
    assert all(name == json.loads(data)["type"] for name, data in events)
    values = [json.loads(data) for _, data in events]
    first, *middle, delta, stop = values
    assert first["type"] == "message_start"
    assert (delta["type"], stop["type"]) == ("message_delta", "message_stop")
    assert first["message"]["content"] == []
    said, blocks = Said(), _blocks(middle)
    for block in blocks:
        _say_block(said, block)
    said.reason, said.usage = delta["delta"]["stop_reason"], delta["usage"]
    return said


def _blocks(events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One block after the other, numbered in order, each begun, grown and ended."""
    blocks: list[dict[str, Any]] = []
    is_open = False
    for each in events:
        if each["type"] == "content_block_start":
            assert not is_open
            assert each["index"] == len(blocks)
            is_open = True
            blocks.append({**each["content_block"], "partial_json": ""})
            continue
        assert is_open
        assert each["index"] == len(blocks) - 1
        if each["type"] == "content_block_stop":
            is_open = False
            continue
        assert each["type"] == "content_block_delta"
        kind, name = DELTAS[each["delta"]["type"]]
        assert blocks[-1]["type"] == kind
        blocks[-1][name] += each["delta"][name]
    assert not is_open
    return blocks


DELTAS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("thinking", "signature"),
    "input_json_delta": ("tool_use", "partial_json"),
}


def _say_block(said: Said, block: dict[str, Any]) -> None:
    if block["type"] == "text":
        said.text += block["text"]
    elif block["type"] == "thinking":
        said.thinking += block["thinking"]
        said.seal = block["signature"] or said.seal
    else:
        arguments = block.get("partial_json") or "{}"
        given = block["input"] or json.loads(arguments)
        said.calls.append((block["id"], block["name"], given))


def read_message(body: bytes) -> Said:
    """What a whole Messages answer says."""
    message = json.loads(body)
    said = Said(reason=message["stop_reason"], usage=message["usage"])
    for block in message["content"]:
        _say_block(said, block)
    return said


def fold_chat(stream: bytes, wants_usage: bool = True) -> Said:
    """What a chat stream says."""
    *chunks, done = [data for _, data in events_of(stream)]
    assert done == "[DONE]"
    values = [json.loads(chunk) for chunk in chunks]
    assert all(each["object"] == "chat.completion.chunk" for each in values)
    said = Said()
    if wants_usage:
        *values, last = values
        assert last["choices"] == []
        assert all(each["usage"] is None for each in values)
        said.usage = last["usage"]
    deltas = [each["choices"][0]["delta"] for each in values]
    reasons = [each["choices"][0]["finish_reason"] for each in values]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert not any(reasons[:-1])
    said.reason = reasons[-1]
    _say_message(said, _joined(deltas))
    return said


def _joined(deltas: Sequence[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"content": "", "reasoning_text": "", "reasoning_opaque": ""}
    calls: list[dict[str, Any]] = []
    for delta in deltas:
        for name in message:
            message[name] += delta.get(name) or ""
        for piece in delta.get("tool_calls", ()):
            if piece["index"] == len(calls):
                assert piece["type"] == "function"
                calls.append(piece)
            else:
                assert piece["index"] == len(calls) - 1
                calls[-1]["function"]["arguments"] += piece["function"]["arguments"]
    return {**message, "tool_calls": calls}


def read_completion(body: bytes) -> Said:
    """What a whole chat completion says."""
    completion = json.loads(body)
    (choice,) = completion["choices"]
    said = Said(reason=choice["finish_reason"], usage=completion["usage"])
    _say_message(said, choice["message"])
    return said


def _say_message(said: Said, message: dict[str, Any]) -> None:
    said.text = message.get("content") or ""
    said.thinking = message.get("reasoning_text") or ""
    said.seal = message.get("reasoning_opaque") or ""
    for call in message.get("tool_calls") or ():
        function = call["function"]
        said.calls.append((call["id"], function["name"], json.loads(function["arguments"])))


# --- made up ---

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
WORDS = TEXTS.filter(lambda text: bool(text.strip()))
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
INPUTS = st.dictionaries(TEXTS, st.one_of(st.integers(0, 9), TEXTS, st.none()), max_size=3)
IMAGES = st.binary(min_size=1, max_size=6).map(lambda data: data.hex())
CUTS = st.lists(st.integers(1, 4), max_size=8)


def pieces_of(text: str, sizes: Sequence[int]) -> list[str]:
    """The text cut at these sizes, nothing of it empty."""
    found, start = [], 0
    for size in sizes:
        found.append(text[start : start + size])
        start += size
    return [piece for piece in (*found, text[start:]) if piece]


@st.composite
def answers(draw: Callable[..., Any]) -> Said:
    """An answer as a model may give it, its seal and its reason apart."""
    calls = draw(st.lists(st.tuples(NAMES, INPUTS), max_size=3))
    return Said(
        thinking=draw(TEXTS),
        text=draw(TEXTS),
        calls=[(f"call_{number}", *call) for number, call in enumerate(calls)],
    )
