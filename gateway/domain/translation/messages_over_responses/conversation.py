"""A Messages conversation as the items of a Responses input.

A message becomes as many items as it has different things to say: what is said in a row is one
item, and each call, each result and each sealed thought is one of its own. The order stays.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import Any

from gateway.domain.translation.messages_over_responses import sealed
from gateway.domain.translation.messages_over_responses.fields import (
    Fields,
    object_of,
    text_of,
)
from gateway.domain.translation.messages_over_responses.parts import (
    Part,
    part_of,
    parts_of,
    text_part,
    words_of,
)
from gateway.domain.translation.messages_over_responses.tools import checked_name
from gateway.domain.translation.reading import invalid, refused

Item = dict[str, Any]

MAX_ID_CHARACTERS = 64
"""OpenAI refuses longer ids of calls."""
FAILED = "Error: "
"""How the result of a tool that failed begins: Responses has no field for it."""

# Claude Code's first line for its own accounting. It says nothing to a model, and as it is another
# one in each request no cache would ever know the prompt again.
ACCOUNTING = "x-anthropic-billing-header:"


def instructions_of(request: Fields) -> str:
    """The system prompt; empty where there is none."""
    said = [_without_accounting(text) for text in words_of(request.content("system"))]
    return "\n\n".join(text for text in said if text)


def items_of(request: Fields) -> list[Item]:
    """The conversation. Raises GatewayError for what Responses cannot say."""
    messages = request.objects("messages")
    items = [item for message in messages for item in _items(message)]
    if not items:
        raise invalid("messages", "must hold something to answer")
    if messages[-1].text("role") == "assistant":
        why = "this model cannot go on with a message that the assistant began"
        raise refused(messages[-1].path, why)
    return _without_stray_thoughts(items)


def _without_accounting(text: str) -> str:
    return text.partition("\n")[2].lstrip("\n") if text.startswith(ACCOUNTING) else text


def _without_stray_thoughts(items: Sequence[Item]) -> list[Item]:
    """Upstream wants behind reasoning what came of it; an answer broken off may have none."""
    kept: list[Item] = []
    is_followed = False
    for item in reversed(items):
        if item["type"] != "reasoning":
            is_followed = item["type"] == "function_call" or item.get("role") == "assistant"
        if item["type"] != "reasoning" or is_followed:
            kept.append(item)
    return kept[::-1]


def _items(message: Fields) -> Iterator[Item]:
    role = message.required("role")
    speak = _ROLES.get(role)
    if speak is None:
        raise invalid(message.at("role"), "must be user, assistant or system")
    return speak(message)


def _system(message: Fields) -> Iterator[Item]:
    parts = [part for text in words_of(message.content("content")) for part in text_part(text)]
    return _said("developer", parts)


def _said(role: str, parts: Sequence[Part]) -> Iterator[Item]:
    if parts:
        yield {"type": "message", "role": role, "content": list(parts)}


# --- the user's messages ---


def _user(message: Fields) -> Iterator[Item]:
    """What was said, and the results of tools."""
    content = message.content("content")
    said: list[Part] = []
    for block in [] if isinstance(content, str) else content:
        if block.text("type") == "tool_result":
            yield from _said("user", said)
            said = []
            yield _result(block)
        else:
            said += part_of(block)
    yield from _said("user", said + (parts_of(content) if isinstance(content, str) else []))


def _result(block: Fields) -> Item:
    parts = parts_of(block.content("content"))
    if block.flag("is_error"):
        parts = _as_failure(parts)
    is_text = [part["type"] for part in parts] in ([], ["input_text"])
    output = "".join(part["text"] for part in parts) if is_text else parts
    return {
        "type": "function_call_output",
        "call_id": _call_id(block, "tool_use_id"),
        "output": output,
    }


def _as_failure(parts: list[Part]) -> list[Part]:
    """The parts of a result, the first of which says that it is a failure."""
    first = parts[0].get("text", "") if parts else ""
    if first.lower().startswith("error"):
        return parts
    rest = parts[1:] if first else parts
    return text_part(FAILED + first) + rest


# --- the assistant's messages ---


def _assistant(message: Fields) -> Iterator[Item]:
    """What was said, called and thought."""
    content = message.content("content")
    if isinstance(content, str):
        yield from _said("assistant", _told(content))
        return
    said: list[Part] = []
    for block in content:
        kind = block.required("type")
        if kind == "text":
            said += _told(block.text("text"))
        elif kind in _STEPS:
            yield from _said("assistant", said)
            said = []
            yield from _STEPS[kind](block)
        elif not _is_upstreams(kind):
            raise refused(block.at("type"), "this model takes no block of this type here")
    yield from _said("assistant", said)


def _told(text: str) -> list[Part]:
    return [{"type": "output_text", "text": text}] if text else []


def _call(block: Fields) -> Iterator[Item]:
    called = object_of(block.raw("input") or {}, block.at("input"))
    yield {
        "type": "function_call",
        "call_id": _call_id(block, "id"),
        "name": checked_name(block),
        "arguments": text_of(called.values),
    }


def _call_id(block: Fields, name: str) -> str:
    """A call's id; one that is too long is shortened, in the call and in its result alike."""
    id_ = block.required(name)
    if len(id_) <= MAX_ID_CHARACTERS:
        return id_
    return f"call_{sha256(id_.encode()).hexdigest()[:32]}"


def _thought(thinking: str, signature: str) -> Iterator[Item]:
    item = sealed.item_of(thinking, signature)
    if item is not None:
        yield item


def _is_upstreams(kind: str) -> bool:
    """Whether it is a step of a tool that Anthropic ran itself: what came of it was said, too."""
    return kind in ("server_tool_use", "mcp_tool_use") or kind.endswith("_tool_result")


_ROLES: dict[str, Callable[[Fields], Iterator[Item]]] = {
    "user": _user,
    "assistant": _assistant,
    "system": _system,
}
_STEPS: dict[str, Callable[[Fields], Iterator[Item]]] = {
    "tool_use": _call,
    "thinking": lambda block: _thought(block.text("thinking"), block.text("signature")),
    "redacted_thinking": lambda block: _thought("", block.text("data")),
}
