"""Chat over Messages and Messages over chat, one behind the other: what is said is kept.

Every text, call, result and picture comes back, in order. What is allowed to change, and does:
where one message ends and the next begins, and that pictures in results are shown behind them.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.translation.chat_over_messages.translation import CHAT_OVER_MESSAGES
from gateway.domain.translation.messages_over_chat.translation import MESSAGES_OVER_CHAT
from tests.unit.gateway.domain.translation.chat_and_messages import (
    ASKED,
    CUTS,
    IMAGES,
    INPUTS,
    NAMES,
    WORDS,
    Said,
    answers,
    compact,
    pieces_of,
    read_completion,
)

LABEL = "What the tool returned for "
REMINDER = "<system-reminder>\n{}\n</system-reminder>"


@dataclass
class Heard:
    """What a conversation says, whoever writes it down."""

    system: list[str] = field(default_factory=list)
    user: list[str] = field(default_factory=list)
    assistant: list[str] = field(default_factory=list)
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    results: list[tuple[str, str]] = field(default_factory=list)
    images: list[str] = field(default_factory=list)


def hear_messages(body: bytes) -> Heard:
    request = json.loads(body)
    heard = Heard(system=[block["text"] for block in request.get("system", ())])
    for message in request["messages"]:
        for block in _blocks(message["content"]):
            _hear_block(heard, message["role"], block)
    return heard


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _hear_block(heard: Heard, role: str, block: dict[str, Any]) -> None:
    match block["type"]:
        case "text":
            texts = heard.user if role == "user" else heard.assistant
            if not block["text"].startswith(LABEL):
                texts.append(block["text"])
        case "image":
            heard.images.append(block["source"]["data"])
        case "tool_use":
            heard.calls.append((block["id"], block["name"], block["input"]))
        case "tool_result":
            inner = _blocks(block.get("content", []))
            texts = [each["text"] for each in inner if each["type"] == "text"]
            heard.results.append((block["tool_use_id"], "\n".join(texts)))
            heard.images += [each["source"]["data"] for each in inner if each["type"] == "image"]
        case other:
            raise AssertionError(other)


def hear_chat(body: bytes) -> Heard:
    heard = Heard()
    for message in json.loads(body)["messages"]:
        parts = _blocks(message["content"] or [])
        texts = [part["text"] for part in parts if part["type"] == "text"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        heard.images += [url.removeprefix("data:image/png;base64,") for url in urls]
        match message["role"]:
            case "tool":
                heard.results.append((message["tool_call_id"], "\n".join(texts)))
            case "assistant":
                heard.assistant += texts
            case "user":
                heard.user += [text for text in texts if not text.startswith(LABEL)]
            case "system":
                heard.system += texts
            case other:
                raise AssertionError(other)
        for call in message.get("tool_calls", ()):
            function = call["function"]
            arguments = json.loads(function["arguments"])
            heard.calls.append((call["id"], function["name"], arguments))
    return heard


# --- conversations ---

CALLS = st.lists(st.tuples(NAMES, INPUTS), max_size=3)
SPOKEN = st.lists(
    st.one_of(WORDS.map(lambda text: ("text", text)), IMAGES.map(lambda data: ("image", data))),
    min_size=1,
    max_size=3,
)


def block_of(spoken: tuple[str, str]) -> dict[str, Any]:
    kind, value = spoken
    if kind == "text":
        return {"type": "text", "text": value}
    source = {"type": "base64", "media_type": "image/png", "data": value}
    return {"type": "image", "source": source}


def part_of(spoken: tuple[str, str]) -> dict[str, Any]:
    kind, value = spoken
    if kind == "text":
        return {"type": "text", "text": value}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{value}"}}


def numbered(calls: list[tuple[str, Any]], turn: int) -> Iterator[tuple[str, str, Any]]:
    for number, (name, arguments) in enumerate(calls):
        yield f"call_{turn}_{number}", name, arguments


@st.composite
def messages_requests(draw: Callable[..., Any]) -> dict[str, Any]:
    """A conversation as a Messages client sends it; results beside what is said."""
    messages: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for turn in range(draw(st.integers(1, 3))):
        said = list(map(block_of, draw(SPOKEN)))
        messages.append({"role": "user", "content": results + said})
        calls = list(numbered(draw(CALLS), turn))
        uses = [
            {"type": "tool_use", "id": id_, "name": name, "input": arguments}
            for id_, name, arguments in calls
        ]
        answer = [{"type": "text", "text": draw(WORDS)}, *uses]
        messages.append({"role": "assistant", "content": answer})
        results = [
            {
                "type": "tool_result",
                "tool_use_id": use["id"],
                "content": list(map(block_of, given_)),
            }
            for use, given_ in ((use, draw(SPOKEN)) for use in uses)
        ]
    messages.append({"role": "user", "content": [*results, {"type": "text", "text": draw(WORDS)}]})
    system = [{"type": "text", "text": draw(WORDS)}]
    return {"model": "m", "max_tokens": 10, "system": system, "messages": messages}


@st.composite
def chat_requests(draw: Callable[..., Any]) -> dict[str, Any]:
    """A conversation as a chat client sends it; instructions also in its middle."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(WORDS)}]
    for turn in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": list(map(part_of, draw(SPOKEN)))})
        if draw(st.booleans()):
            messages.append({"role": "system", "content": draw(WORDS)})
        calls = [
            {
                "id": id_,
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(args)},
            }
            for id_, name, args in numbered(draw(CALLS), turn)
        ]
        answer = {"role": "assistant", "content": draw(WORDS)}
        messages.append({**answer, "tool_calls": calls} if calls else answer)
        messages += [
            {"role": "tool", "tool_call_id": call["id"], "content": draw(WORDS)} for call in calls
        ]
    return {"model": "m", "messages": [*messages, {"role": "user", "content": draw(WORDS)}]}


@settings(max_examples=50, deadline=None)
@given(request=messages_requests())
def test_messages_over_chat_over_messages_say_the_same(request: dict[str, Any]) -> None:
    body = compact(request)
    there = MESSAGES_OVER_CHAT.request(body)
    assert hear_chat(there) == hear_messages(body)
    assert hear_messages(CHAT_OVER_MESSAGES.request(there)) == hear_messages(body)


@settings(max_examples=50, deadline=None)
@given(request=chat_requests())
def test_chat_over_messages_over_chat_say_the_same(request: dict[str, Any]) -> None:
    body = compact(request)
    expected = _with_reminders(request)
    there = CHAT_OVER_MESSAGES.request(body)
    assert hear_messages(there) == expected
    assert hear_chat(MESSAGES_OVER_CHAT.request(there)) == expected


def _with_reminders(request: dict[str, Any]) -> Heard:
    """What is said where instructions in the middle are said by the user."""
    first, *others = request["messages"]
    reminded = [
        {"role": "user", "content": REMINDER.format(each["content"])}
        if each["role"] == "system"
        else each
        for each in others
    ]
    return hear_chat(compact({**request, "messages": [first, *reminded]}))


# --- answers ---


@settings(max_examples=50, deadline=None)
@given(said=answers(), seals=st.lists(st.sampled_from(["", "sealed"]), max_size=3), sizes=CUTS)
def test_an_answers_thinking_goes_back_as_it_came(
    said: Said, seals: list[str], sizes: list[int]
) -> None:
    thoughts: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": text, "signature": f"s{number}"}
        for number, text in enumerate(pieces_of(said.thinking, sizes))
    ]
    thoughts += [{"type": "redacted_thinking", "data": seal} for seal in seals if seal]
    uses = [
        {"type": "tool_use", "id": id_, "name": name, "input": arguments}
        for id_, name, arguments in said.calls
    ]
    text = [{"type": "text", "text": said.text}] if said.text.strip() else []
    content = [*thoughts, *text, *uses]
    answer = CHAT_OVER_MESSAGES.whole(compact({"content": content}), ASKED)
    assert read_completion(answer).calls == said.calls
    message = json.loads(answer)["choices"][0]["message"]
    asked = [{"role": "user", "content": "a"}, message, {"role": "user", "content": "b"}]
    body = {"model": "m", "messages": asked, "reasoning_effort": "low"}
    turns = json.loads(CHAT_OVER_MESSAGES.request(compact(body)))["messages"]
    found = [turn["content"] for turn in turns if turn["role"] == "assistant"]
    assert found == ([content] if text or uses else [])


@settings(max_examples=50, deadline=None)
@given(said=answers(), seal=st.sampled_from(["", "sealed"]))
def test_a_chat_models_reasoning_goes_back_as_it_came(said: Said, seal: str) -> None:
    calls = [
        {
            "id": id_,
            "type": "function",
            "function": {"name": name, "arguments": compact(args).decode()},
        }
        for id_, name, args in said.calls
    ]
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    message |= {"tool_calls": calls} if calls else {}
    reasoning = {"reasoning_text": said.thinking, "reasoning_opaque": seal} if seal else {}
    choice = {"message": {**message, **reasoning}, "finish_reason": "stop"}
    answer = json.loads(MESSAGES_OVER_CHAT.whole(compact({"choices": [choice]}), ASKED))
    asked = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": answer["content"]},
        {"role": "user", "content": "b"},
    ]
    body = {"model": "m", "max_tokens": 10, "messages": asked}
    found = json.loads(MESSAGES_OVER_CHAT.request(compact(body)))["messages"]
    expected = [{**message, **reasoning}] if said.text or calls else []
    assert [each for each in found if each["role"] == "assistant"] == expected
