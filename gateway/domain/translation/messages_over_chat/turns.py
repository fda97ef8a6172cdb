"""A Messages conversation as chat messages.

Anthropic takes messages of one role in a row for one turn, and a turn of the user's may hold the
results of tools beside what was said. Chat wants each result as a message of its own, right
behind the calls; so turns are looked at whole, and in each the results come first.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import groupby
from typing import Any

from gateway.domain.translation.messages_over_chat import sealed
from gateway.domain.translation.messages_over_chat.messages_body import (
    Block,
    Content,
    Message,
    MessagesRequest,
)
from gateway.domain.translation.messages_over_chat.parts import Part, part_of, parts_of, words_of
from gateway.domain.translation.messages_over_chat.tools import checked_name
from gateway.domain.translation.reading import invalid, refused

ChatMessage = dict[str, Any]
Placed = tuple[str, Message]
"""A message and where it stands."""

ROLES = frozenset({"user", "assistant", "system"})
MAX_ID_CHARACTERS = 40
"""OpenAI refuses longer ids of calls."""

# Claude Code's first line for its own accounting. It says nothing to a model, and as it is another
# one in each request no provider's cache would ever know the prompt again.
ACCOUNTING = "x-anthropic-billing-header:"


def messages_of(request: MessagesRequest) -> list[ChatMessage]:
    """The conversation, its system prompt first. Raises GatewayError for what chat cannot say."""
    placed = [(f"messages[{index}]", each) for index, each in enumerate(request.messages)]
    _check(placed)
    messages = _system(_without_accounting(words_of(request.system or "", "system")))
    for is_assistant, placed_in_run in groupby(
        placed, key=lambda each: each[1].role == "assistant"
    ):
        run = list(placed_in_run)
        messages += _assistant(run) if is_assistant else _user(run)
    return messages


def _check(placed: Sequence[Placed]) -> None:
    if not placed:
        raise invalid("messages", "must hold at least one message")
    for path, message in placed:
        if message.role not in ROLES:
            raise invalid(f"{path}.role", "must be user, assistant or system")
    path, last = placed[-1]
    if last.role == "assistant":
        raise refused(path, "this model cannot go on with a message that the assistant began")


def _without_accounting(system: str) -> str:
    if not system.startswith(ACCOUNTING):
        return system
    return system.partition("\n")[2].lstrip("\n")


def _system(text: str) -> list[ChatMessage]:
    return [{"role": "system", "content": text}] if text else []


# --- the assistant's turn ---


def _assistant(run: Sequence[Placed]) -> list[ChatMessage]:
    """One message of all that was said and called. Blocks of other types are left out.

    These are what upstream's own tools did, and thinking that is not sealed as chat seals it.
    """
    blocks = [block for _, message in run for block in message.blocks]
    text = "".join(block.text or "" for block in blocks if block.type == "text")
    calls = [
        _call(block, f"{path}.content[{index}]")
        for path, message in run
        for index, block in enumerate(message.blocks)
        if block.type == "tool_use"
    ]
    if not text and not calls:
        return []
    message: ChatMessage = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = calls
    return [{**message, **sealed.reasoning_of(blocks)}]


def _call(block: Block, path: str) -> dict[str, Any]:
    arguments = bytes(block.input).decode()
    if not arguments.startswith("{"):
        raise invalid(f"{path}.input", "must be an object")
    function = {"name": checked_name(block.name, f"{path}.name"), "arguments": arguments}
    return {"id": _id(block.id, f"{path}.id"), "type": "function", "function": function}


def _id(id_: str, path: str) -> str:
    """A call's id; one that is too long is shortened, here and in its result alike."""
    if not id_:
        raise invalid(path, "is required")
    if len(id_) <= MAX_ID_CHARACTERS:
        return id_
    return f"call_{sha256(id_.encode()).hexdigest()[:32]}"


# --- the user's turn ---


def _user(run: Sequence[Placed]) -> list[ChatMessage]:
    """The results of tools, the pictures in them, and then what was said, message by message."""
    results: list[ChatMessage] = []
    pictures: list[Part] = []
    for path, block in _results(run):
        message, seen = _result(block, path)
        results.append(message)
        pictures += seen
    shown = [{"role": "user", "content": pictures}] if pictures else []
    said = [message for path, each in run for message in _said(each, f"{path}.content")]
    return [*results, *shown, *said]


def _results(run: Iterable[Placed]) -> Iterable[tuple[str, Block]]:
    for path, message in run:
        for index, block in enumerate(message.blocks):
            if block.type == "tool_result":
                yield f"{path}.content[{index}]", block


def _result(block: Block, path: str) -> tuple[ChatMessage, list[Part]]:
    """A tool's message, which can only be text, and what else was in the result."""
    id_ = _id(block.tool_use_id, f"{path}.tool_use_id")
    parts = parts_of(_content(block, path), f"{path}.content")
    text = "\n".join(part["text"] for part in parts if part["type"] == "text")
    if block.is_error and not text.lower().startswith("error"):
        text = f"Error: {text}"
    others = [part for part in parts if part["type"] != "text"]
    if others:
        others = [{"type": "text", "text": f"What the tool returned for {id_}:"}, *others]
    return {"role": "tool", "tool_call_id": id_, "content": text}, others


def _content(block: Block, path: str) -> Content:
    if isinstance(block.content, dict):
        raise invalid(f"{path}.content", "must be a string or a list of blocks")
    return block.content or ""


def _said(message: Message, path: str) -> list[ChatMessage]:
    if message.role == "system":
        return _system(words_of(message.content, path))
    parts = [
        part
        for index, block in enumerate(message.blocks)
        if block.type != "tool_result"
        for part in part_of(block, f"{path}[{index}]")
    ]
    if not parts:
        return []
    is_text = len(parts) == 1 and parts[0]["type"] == "text"
    return [{"role": "user", "content": parts[0]["text"] if is_text else parts}]
