"""Conversations and answers in Messages and in Responses, and what is in them whichever it is.

The readers of streams are written from the protocols alone, and share nothing with the product.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import strategies as st

from gateway.domain.translation.contract import Asked, StreamTranslator
from tests.unit.gateway.domain.streams.shapes import named, said

Body = dict[str, Any]
Atom = tuple[Any, ...]
"""One thing that is said, called or given, in a form that is no protocol's."""

TOOLS = [
    {"type": "function", "name": "search"},
    {"type": "custom", "name": "patch"},
    {"type": "namespace", "name": "mcp__docs__", "tools": [{"type": "function", "name": "find"}]},
    {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]},
]
"""Of a Responses request: what its answer's calls may be of."""
ASKED = Asked(
    model="the-model",
    created=1_795_350_000,
    answer_id="abc123",
    body=json.dumps({"input": "a", "tools": TOOLS, "temperature": 0.5}).encode(),
)

texts = st.text(min_size=1, max_size=12).filter(str.strip)
blanks = st.just("")
data = st.integers(0, 99).map(lambda number: f"{number:04d}")
inputs = st.dictionaries(st.text(max_size=4), st.integers() | texts, max_size=2)
sealed = st.text("abcXYZ0189+/=_-", min_size=1, max_size=12)


def encoded(body: Any) -> bytes:
    return json.dumps(body).encode()


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | texts | blanks,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=3,
)


@st.composite
def damaged(draw: Any, body: Any) -> Any:
    """A body of which one value, somewhere in it, is another one."""
    places = list(_places(body))
    container, key = draw(st.sampled_from(places))
    container[key] = draw(anything)
    return body


def _places(value: Any) -> Iterable[tuple[Any, Any]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inner:
        yield value, key
        if isinstance(each, dict | list):
            yield from _places(each)


# --- a Messages conversation ---


def image_block(value: str) -> Body:
    return {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": value},
    }


def text_block(text: str) -> Body:
    return {"type": "text", "text": text}


words_or_images = (texts | blanks).map(text_block) | data.map(image_block)


@st.composite
def messages_requests(draw: Any) -> Body:
    """Any number of turns, each call answered in the message behind it."""
    messages: list[Body] = [{"role": "user", "content": draw(texts)}]
    pending: list[str] = []
    count = 0
    for _ in range(draw(st.integers(0, 5))):
        results = [draw(_results(call_id)) for call_id in draw(st.permutations(pending))]
        words = draw(st.lists(words_or_images, min_size=0 if results else 1, max_size=3))
        messages.append({"role": "user", "content": [*results, *words]})
        called = draw(st.integers(0, 3))
        pending = [f"toolu_{count + number}" for number in range(called)]
        count += called
        uses = [
            {"type": "tool_use", "id": each, "name": "search", "input": draw(inputs)}
            for each in pending
        ]
        messages.append({"role": "assistant", "content": [text_block(draw(texts)), *uses]})
    results = [draw(_results(call_id)) for call_id in pending]
    messages.append({"role": "user", "content": [*results, text_block(draw(texts))]})
    tools = [{"name": "search", "input_schema": {"type": "object"}}]
    body = {"model": "m", "max_tokens": 100, "messages": messages, "tools": tools}
    return {**body, "system": draw(texts)}


@st.composite
def _results(draw: Any, call_id: str) -> Body:
    content = draw(texts | st.lists(words_or_images, max_size=3))
    return {"type": "tool_result", "tool_use_id": call_id, "content": content}


def of_messages(body: Body) -> list[Atom]:
    """All that is said in a Messages request, in order."""
    atoms: list[Atom] = [("system", text) for text in _texts(body.get("system") or "")]
    for message in body["messages"]:
        for block in _blocks(message["content"]):
            atoms += _of_block(message["role"], block)
    return atoms


def _blocks(content: Any) -> list[Body]:
    return [text_block(content)] if isinstance(content, str) else content


def _texts(content: Any) -> list[str]:
    return [block["text"] for block in _blocks(content) if block["text"]]


def _of_block(role: str, block: Body) -> list[Atom]:
    match block["type"]:
        case "text":
            return [(role, block["text"])] if block["text"] else []
        case "image":
            return [(role, "image", block["source"].get("data") or block["source"]["url"])]
        case "tool_use":
            return [("call", block["id"], block["name"], block["input"])]
        case "tool_result":
            inner = _blocks(block.get("content") or [])
            given = [atom for each in inner for atom in _of_block("tool", each)]
            return [("result", block["tool_use_id"], given)]
        case kind:
            return [(kind, *sorted(block.items()))]


# --- a Responses conversation ---


def message_item(role: str, *parts: Body) -> Body:
    return {"type": "message", "role": role, "content": list(parts)}


def input_text(text: str) -> Body:
    return {"type": "input_text", "text": text}


def input_image(value: str) -> Body:
    return {"type": "input_image", "image_url": f"data:image/png;base64,{value}"}


user_parts = texts.map(input_text) | data.map(input_image)


@st.composite
def responses_requests(draw: Any) -> Body:
    """Any items in any order in which they make sense; outputs come some time behind their call."""
    items: list[Body] = []
    owed: list[Body] = []
    for number in range(draw(st.integers(0, 8))):
        kind = draw(st.sampled_from(["user", "developer", "assistant", "call", "custom", "output"]))
        if kind == "output" and owed:
            items.append(owed.pop(draw(st.integers(0, len(owed) - 1))))
        elif kind in ("call", "custom"):
            call, output = draw(_exchanges(kind, f"call_{number}"))
            items.append(call)
            owed.append(output)
        elif kind == "assistant":
            said = {"type": "output_text", "text": draw(texts)}
            items.append(message_item(kind, said))
        elif kind in ("user", "developer"):
            parts = user_parts if kind == "user" else texts.map(input_text)
            items.append(message_item(kind, *draw(st.lists(parts, min_size=1, max_size=3))))
    items += [*owed, message_item("user", input_text(draw(texts)))]
    return {"model": "m", "input": items, "instructions": draw(texts), "tools": TOOLS}


@st.composite
def _exchanges(draw: Any, kind: str, call_id: str) -> tuple[Body, Body]:
    output = draw(texts | st.lists(user_parts, max_size=3))
    if kind == "custom":
        call = {"type": "custom_tool_call", "name": "patch", "input": draw(texts | blanks)}
        given = {"type": "custom_tool_call_output"}
    else:
        namespace = draw(st.sampled_from([{}, {"namespace": "mcp__docs"}]))
        arguments = json.dumps(draw(inputs))
        call = {"type": "function_call", "name": "search", "arguments": arguments, **namespace}
        given = {"type": "function_call_output"}
    return {**call, "call_id": call_id}, {**given, "call_id": call_id, "output": output}


def of_responses(body: Body) -> list[Atom]:
    """All that is said in a Responses request, in order; custom calls as what they stand for."""
    atoms: list[Atom] = [("system", body["instructions"])] if body.get("instructions") else []
    items = body["input"]
    if isinstance(items, str):
        return [*atoms, ("user", items)]
    for item in items:
        atoms += _of_item(item)
    return atoms


def _of_item(item: Body) -> list[Atom]:
    match item["type"]:
        case "message":
            return [_of_part(item["role"], part) for part in item["content"]]
        case "function_call":
            name = "__".join(filter(None, [item.get("namespace"), item["name"]]))
            return [("call", item["call_id"], name, json.loads(item["arguments"]))]
        case "custom_tool_call":
            called_with = {"input": item["input"]}
            return [("call", item["call_id"], item["name"], called_with)]
        case "function_call_output" | "custom_tool_call_output":
            output = item["output"]
            parts = [input_text(output)] if isinstance(output, str) and output else output or []
            return [("result", item["call_id"], [_of_part("tool", part) for part in parts])]
        case kind:
            return [(kind, *sorted(item.items()))]


def _of_part(role: str, part: Body) -> Atom:
    if part["type"] == "input_image":
        return (role, "image", part["image_url"].partition("base64,")[2])
    return (role, part["text"])


# --- streams ---


def stream(events: Iterable[Body]) -> bytes:
    return b"".join(map(named, events))


def follow(translator: StreamTranslator, chunks: Iterable[bytes]) -> bytes:
    return b"".join([*map(translator.feed, chunks), translator.finish()])


def events_of(written: bytes) -> list[Body]:
    """The events of a stream in which each one is named as its type."""
    events = [(name, json.loads(text)) for name, text in said(written)]
    assert all(name == event["type"] for name, event in events)
    return [event for _, event in events]


def pieces(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


# --- Responses answers ---


def responses_answer(
    output: Sequence[Body], status: str = "completed", reason: str | None = None
) -> Body:
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 14,
    }
    return {
        "id": "resp_up",
        "object": "response",
        "status": status,
        "incomplete_details": {"reason": reason} if reason else None,
        "output": list(output),
        "output_text": None,
        "usage": usage,
    }


def responses_events(response: Body, size: int = 3, pieced: bool = True) -> list[Body]:
    """The stream of an answer. pieced: whether its items come in pieces, or only done."""
    begun = {**response, "status": "in_progress", "output": [], "usage": None}
    events: list[Body] = [{"type": "response.created", "response": begun}]
    for index, item in enumerate(response["output"]):
        events += item_events(index, item, size, pieced)
    events.append({"type": f"response.{response['status']}", "response": response})
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def item_events(index: int, item: Body, size: int, pieced: bool = True) -> list[Body]:
    place = {"output_index": index, "item_id": item.get("id", "x")}
    empty = {"summary": [], "content": [], "arguments": "", "encrypted_content": "unfinished"}
    begun = {**item, **{name: empty[name] for name in empty if name in item}}
    told = [{**place, **event} for event in _inner(item, size)] if pieced else []
    return [
        {"type": "response.output_item.added", "output_index": index, "item": begun},
        *told,
        {"type": "response.output_item.done", "output_index": index, "item": item},
    ]


def _inner(item: Body, size: int) -> Iterable[Body]:
    for number, part in enumerate(item.get("content", [])):
        kind = "refusal" if part["type"] == "refusal" else "output_text"
        for piece in pieces(part.get("text") or part.get("refusal") or "", size):
            yield {"type": f"response.{kind}.delta", "content_index": number, "delta": piece}
    for number, part in enumerate(item.get("summary", [])):
        for piece in pieces(part["text"], size):
            kind = "response.reasoning_summary_text.delta"
            yield {"type": kind, "summary_index": number, "delta": piece}
    for piece in pieces(item.get("arguments", ""), size):
        yield {"type": "response.function_call_arguments.delta", "delta": piece}


def answered(*said: str) -> Body:
    content = [{"type": "output_text", "text": text, "annotations": []} for text in said]
    return {"id": "m", "type": "message", "role": "assistant", "content": content}


def reasoned(*summary: str, encrypted: str | None = None) -> Body:
    parts = [{"type": "summary_text", "text": text} for text in summary]
    item: Body = {"id": "r", "type": "reasoning", "summary": parts}
    return item if encrypted is None else {**item, "encrypted_content": encrypted}


def called(number: int, arguments: str) -> Body:
    call = {"id": "f", "type": "function_call", "call_id": f"call_{number}", "name": "search"}
    return {**call, "arguments": arguments}


some_words = st.lists(texts | blanks, max_size=3)
some_items = st.lists(
    some_words.map(lambda said: answered(*said))
    | st.builds(lambda said, key: reasoned(*said, encrypted=key), some_words, st.none() | sealed)
    | (inputs.map(json.dumps) | blanks).map(lambda arguments: called(0, arguments)),
    max_size=4,
)
outputs = some_items.map(
    lambda items: [
        {**item, "call_id": f"call_{at}"} if item["type"] == "function_call" else item
        for at, item in enumerate(items)
    ]
)


def fold_messages(written: bytes) -> Body:
    """The message a Messages stream comes to. Each block ends before the next one begins."""
    events = events_of(written)
    assert [event["type"] for event in (events[0], events[-2], events[-1])] == [
        "message_start",
        "message_delta",
        "message_stop",
    ]
    message: Body = events[0]["message"]
    content: list[Body] = message["content"]
    arguments: list[str] = []
    is_open = False
    for event in events[1:-2]:
        match event["type"]:
            case "content_block_start":
                assert not is_open
                assert event["index"] == len(content)
                content.append(event["content_block"])
                arguments, is_open = [], True
            case "content_block_delta":
                assert is_open
                assert event["index"] == len(content) - 1
                _grow_block(content[-1], event["delta"], arguments)
            case "content_block_stop":
                assert is_open
                assert event["index"] == len(content) - 1
                if arguments:
                    content[-1]["input"] = json.loads("".join(arguments))
                is_open = False
            case kind:
                raise AssertionError(kind)
    assert not is_open
    delta = events[-2]
    return {**message, **delta["delta"], "usage": {**message["usage"], **delta["usage"]}}


def _grow_block(block: Body, delta: Body, arguments: list[str]) -> None:
    match delta["type"]:
        case "text_delta":
            assert block["type"] == "text"
            block["text"] += delta["text"]
        case "thinking_delta":
            block["thinking"] += delta["thinking"]
        case "signature_delta":
            assert block["type"] == "thinking"
            block["signature"] = delta["signature"]
        case "input_json_delta":
            assert block["type"] == "tool_use"
            arguments.append(delta["partial_json"])
        case kind:
            raise AssertionError(kind)


# --- Messages answers ---


def messages_answer(content: Sequence[Body], stop_reason: str = "end_turn") -> Body:
    usage = {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 4,
        "output_tokens": 6,
    }
    return {
        "id": "msg_bdrk_01",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-6-20260101",
        "content": list(content),
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def messages_events(message: Body, size: int = 3) -> list[Body]:
    """The stream of an answer."""
    usage = message["usage"]
    start = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    events: list[Body] = [{"type": "message_start", "message": start}]
    for index, block in enumerate(message["content"]):
        empty = {"text": "", "thinking": "", "signature": "", "input": {}}
        begun = {**block, **{name: empty[name] for name in empty if name in block}}
        events.append({"type": "content_block_start", "index": index, "content_block": begun})
        grows = {"type": "content_block_delta", "index": index}
        events += [{**grows, "delta": delta} for delta in _deltas(block, size)]
        events += [{"type": "content_block_stop", "index": index}, {"type": "ping"}]
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    used = {"output_tokens": usage["output_tokens"], "input_tokens": None}
    events.append({"type": "message_delta", "delta": delta, "usage": used})
    return [*events, {"type": "message_stop"}]


def _deltas(block: Body, size: int) -> Iterable[Body]:
    for piece in pieces(block.get("text", ""), size):
        yield {"type": "text_delta", "text": piece}
    for piece in pieces(block.get("thinking", ""), size):
        yield {"type": "thinking_delta", "thinking": piece}
    if block.get("signature"):
        yield {"type": "signature_delta", "signature": block["signature"]}
    if "input" in block:
        for piece in ["", *pieces(json.dumps(block["input"]), size)]:
            yield {"type": "input_json_delta", "partial_json": piece}


def use(number: int, name: str, called_with: Body) -> Body:
    return {"type": "tool_use", "id": f"toolu_{number}", "name": name, "input": called_with}


def thought(text: str, signature: str) -> Body:
    return {"type": "thinking", "thinking": text, "signature": signature}


some_blocks = st.lists(
    (texts | blanks).map(text_block)
    | st.builds(thought, texts | blanks, sealed | blanks)
    | sealed.map(lambda key: {"type": "redacted_thinking", "data": key})
    | st.builds(use, st.just(0), st.sampled_from(["search", "mcp__docs__find"]), inputs)
    | texts.map(lambda text: use(0, "patch", {"input": text})),
    max_size=4,
)
contents = some_blocks.map(
    # Every call has an id of its own.
    lambda blocks: [
        {**block, "id": f"toolu_{at}"} if block["type"] == "tool_use" else block
        for at, block in enumerate(blocks)
    ]
)


def fold_responses(written: bytes) -> Body:
    """The response a Responses stream comes to. Items are told one after the other."""
    events = events_of(written)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    ids = {event["response"]["id"] for event in (*events[:2], events[-1])}
    assert len(ids) == 1
    items: list[Body] = []
    item: Body | None = None
    for event in events[2:-1]:
        if event["type"] == "response.output_item.added":
            assert item is None
            item = event["item"]
        assert item is not None
        assert event["output_index"] == len(items)
        if event["type"] == "response.output_item.done":
            whole = event["item"]
            assert (whole["id"], whole["type"]) == (item["id"], item["type"])
            assert _without_seals(whole) == _without_seals(item)
            items.append(whole)
            item = None
        elif event["type"] != "response.output_item.added":
            assert event["item_id"] == item["id"]
            _grow_item(item, event)
    assert item is None
    response: Body = events[-1]["response"]
    assert events[-1]["type"] == f"response.{response['status']}"
    assert response["output"] == items
    return response


def _without_seals(item: Body) -> Body:
    """What an item says, without what is only known when it is done."""
    return {name: item[name] for name in item if name not in ("status", "encrypted_content")}


def _grow_item(item: Body, event: Body) -> None:
    what, _, how = event["type"].removeprefix("response.").rpartition(".")
    container, index, name = _PLACES[what]
    place: Any = item if container is None else item[container]
    if how == "added":
        assert event[index] == len(place)
        place.append(event["part"])
        return
    if index is not None and name is not None:
        place = place[event[index]]
    if how == "delta":
        place[name] += event["delta"]
    elif name is None:
        assert place[event[index]] == event["part"]
    else:
        assert place[name] == event[name]


_PLACES: dict[str, tuple[Any, Any, Any]] = {
    "content_part": ("content", "content_index", None),
    "output_text": ("content", "content_index", "text"),
    "reasoning_summary_part": ("summary", "summary_index", None),
    "reasoning_summary_text": ("summary", "summary_index", "text"),
    "function_call_arguments": (None, None, "arguments"),
    "custom_tool_call_input": (None, None, "input"),
}
"""Where in an item an event's part is: the list, the field that says which one, and the text."""
