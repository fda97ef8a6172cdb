"""Conversations in both of OpenAI's protocols, and what is in them whichever it is."""

import json
from typing import Any

from hypothesis import strategies as st

Body = dict[str, Any]
Atom = tuple[str, ...]

IMAGE = "data:image/png;base64,"
FUNCTIONS = ("read_file", "search")
CUSTOM = "apply_patch"

texts = st.text(min_size=1, max_size=12)
urls = st.integers(0, 99).map(lambda number: f"{IMAGE}{number:04d}")
arguments = st.dictionaries(st.text(max_size=4), st.integers(), max_size=2).map(json.dumps)

CHAT_TOOLS = [
    *({"type": "function", "function": {"name": name}} for name in FUNCTIONS),
    {"type": "custom", "custom": {"name": CUSTOM}},
]
RESPONSES_TOOLS = [
    *({"type": "function", "name": name} for name in FUNCTIONS),
    {"type": "custom", "name": CUSTOM},
]


@st.composite
def calls_of(draw: Any, first: int) -> list[tuple[str, str, str]]:
    """Some calls: id, name, and what it is called with."""
    names = draw(st.lists(st.sampled_from([*FUNCTIONS, CUSTOM]), max_size=3))
    return [
        (f"call_{first + index}", name, draw(texts if name == CUSTOM else arguments))
        for index, name in enumerate(names)
    ]


@st.composite
def turns(draw: Any) -> list[Any]:
    """A conversation apart from any protocol: who says what, what is called and given."""
    told: list[Any] = [("user", [("text", draw(texts))])]
    count = 0
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            role = draw(st.sampled_from(["user", "user", "system"]))
            pictures = st.tuples(st.just("image"), urls)
            words = st.tuples(st.just("text"), texts)
            told.append((role, draw(st.lists(words | pictures, min_size=1, max_size=3))))
            continue
        calls = draw(calls_of(count))
        count += len(calls)
        said = draw(texts) if draw(st.booleans()) or not calls else ""
        words = st.tuples(st.just("text"), texts)
        given = st.lists(words | st.tuples(st.just("image"), urls), min_size=1, max_size=2)
        results = draw(st.permutations([(call[0], draw(given)) for call in calls]))
        told.append(("assistant", said, calls, results))
    return told


def as_chat(told: list[Any]) -> Body:
    messages: list[Any] = []
    for turn in told:
        if turn[0] != "assistant":
            messages.append({"role": turn[0], "content": [_chat_part(*part) for part in turn[1]]})
            continue
        _, said, calls, results = turn
        message: Body = {"role": "assistant", "content": said or None}
        if calls:
            message["tool_calls"] = [_chat_call(*call) for call in calls]
        messages.append(message)
        for call_id, parts in results:
            content = [_chat_part(*part) for part in parts]
            messages.append({"role": "tool", "tool_call_id": call_id, "content": content})
    return {"model": "m", "messages": messages, "tools": CHAT_TOOLS}


def _chat_part(kind: str, value: str) -> Body:
    if kind == "text":
        return {"type": "text", "text": value}
    return {"type": "image_url", "image_url": {"url": value}}


def _chat_call(call_id: str, name: str, argument: str) -> Body:
    if name == CUSTOM:
        return {"id": call_id, "type": "custom", "custom": {"name": name, "input": argument}}
    function = {"name": name, "arguments": argument}
    return {"id": call_id, "type": "function", "function": function}


def as_responses(told: list[Any]) -> Body:
    items: list[Any] = []
    for turn in told:
        if turn[0] != "assistant":
            content = [_responses_part(*part) for part in turn[1]]
            items.append({"type": "message", "role": turn[0], "content": content})
            continue
        _, said, calls, results = turn
        if said:
            part = {"type": "output_text", "text": said, "annotations": []}
            items.append({"type": "message", "role": "assistant", "content": [part]})
        items += [_responses_call(*call) for call in calls]
        custom = {call[0] for call in calls if call[1] == CUSTOM}
        for call_id, parts in results:
            kind = "custom_tool_call_output" if call_id in custom else "function_call_output"
            output = [_responses_part(*part) for part in parts]
            items.append({"type": kind, "call_id": call_id, "output": output})
    return {"model": "m", "input": items, "tools": RESPONSES_TOOLS}


def _responses_part(kind: str, value: str) -> Body:
    if kind == "text":
        return {"type": "input_text", "text": value}
    return {"type": "input_image", "image_url": value, "detail": "auto"}


def _responses_call(call_id: str, name: str, argument: str) -> Body:
    if name == CUSTOM:
        return {"type": "custom_tool_call", "call_id": call_id, "name": name, "input": argument}
    called = {"call_id": call_id, "name": name, "arguments": argument}
    return {"type": "function_call", **called}


ADDED = ("What this tool call gave is shown below.", "Given by the tool call ")
"""Words that stand in chat around what a tool's result cannot hold there."""


def atoms_of(body: Body) -> dict[str, list[Atom]]:
    """What is in a request of either protocol, in its order, by kind."""
    found: dict[str, list[Atom]] = {"text": [], "image": [], "call": [], "result": []}
    for message in body.get("messages", ()):
        _take_chat(message, found)
    for item in body.get("input", ()):
        _take_item(item, found)
    found["text"] = [atom for atom in found["text"] if not atom[-1].startswith(ADDED)]
    return found


def _take_chat(message: Body, found: dict[str, list[Atom]]) -> None:
    if message["role"] == "tool":
        found["result"].append((message["tool_call_id"],))
    _take_content(message["role"], message.get("content"), found)
    for call in message.get("tool_calls", ()):
        called = call[call["type"]]
        argument = called.get("arguments", called.get("input"))
        found["call"].append(_called(call["id"], called["name"], argument))


def _take_item(item: Body, found: dict[str, list[Atom]]) -> None:
    if item["type"] == "message":
        _take_content(item["role"], item["content"], found)
    elif item["type"].endswith("_output"):
        found["result"].append((item["call_id"],))
        _take_content("tool", item["output"], found)
    else:
        argument = item["arguments"] if "arguments" in item else item["input"]
        found["call"].append(_called(item["call_id"], item["name"], argument))


def _called(call_id: str, name: str, argument: str) -> Atom:
    """A custom tool's call may have become a function's, with the text in JSON."""
    if name == CUSTOM and argument.startswith('{"input":'):
        argument = json.loads(argument)["input"]
    return (call_id, name, argument)


def _take_content(role: str, content: Any, found: dict[str, list[Atom]]) -> None:
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    for part in content or ():
        if part["type"] in ("image_url", "input_image"):
            image = part["image_url"]
            found["image"].append((image["url"] if isinstance(image, dict) else image,))
        else:
            found["text"].append((role, part["text"]))
