"""A chat conversation as Anthropic's turns.

Anthropic knows two roles in turn, the user's first; what tools returned is part of the user's
turn, ahead of everything else in it. Instructions stand before the conversation; those that come
in its middle stay there, where they do not change what was cached of it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby, takewhile
from typing import Any

from gateway.domain.translation.chat_over_messages import sealed
from gateway.domain.translation.chat_over_messages.blocks import THOUGHTS
from gateway.domain.translation.chat_over_messages.chat_body import Call, ChatRequest, Message
from gateway.domain.translation.chat_over_messages.parts import (
    Block,
    blocks_of,
    marked_by,
    text_blocks,
    words_of,
)
from gateway.domain.translation.chat_over_messages.tools import checked_name
from gateway.domain.translation.over_messages.history import ASSISTANT_FIRST, REMINDER, input_of
from gateway.domain.translation.reading import invalid, refused

Turn = dict[str, Any]
Placed = tuple[str, Message]
"""A message and where it stands."""

INSTRUCTING = frozenset({"system", "developer"})
ROLES = INSTRUCTING | {"user", "assistant", "tool"}

_NOT_IN_ID = re.compile(r"[^a-zA-Z0-9_-]")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was said so far."""

    system: list[Block] = field(repr=False)
    turns: list[Turn] = field(repr=False)

    @property
    def may_think(self) -> bool:
        """Whether Anthropic lets the model think now.

        It does not let it go on with a turn that began without thinking: in the middle of a tool's
        use, and where the assistant's own words are to be continued.
        """
        *before, last = self.turns
        if last["role"] == "assistant":
            return False
        if not any(block["type"] == "tool_result" for block in last["content"]):
            return True
        return bool(before) and before[-1]["content"][0]["type"] in THOUGHTS

    def without_thoughts(self) -> "Conversation":
        """The same for a request that does not think."""
        turns = [
            {**turn, "content": [each for each in turn["content"] if each["type"] not in THOUGHTS]}
            for turn in self.turns
        ]
        return Conversation(self.system, [turn for turn in turns if turn["content"]])


def conversation_of(request: ChatRequest) -> Conversation:
    """The conversation. Raises GatewayError for what Anthropic cannot be told."""
    placed = [(f"messages[{index}]", each) for index, each in enumerate(request.messages)]
    _check(placed)
    opening = list(takewhile(lambda each: each[1].role in INSTRUCTING, placed))
    system = [block for path, message in opening for block in _instruction(path, message)]
    turns: list[Turn] = []
    for is_assistant, run_of_role in groupby(placed[len(opening) :], key=_is_assistants):
        run = list(run_of_role)
        content = _assistant(run) if is_assistant else _user(run)
        if content:
            turns.append({"role": "assistant" if is_assistant else "user", "content": content})
    return _completed(system, turns)


def _is_assistants(placed: Placed) -> bool:
    return placed[1].role == "assistant"


def _check(placed: Sequence[Placed]) -> None:
    for path, message in placed:
        if message.role == "function":
            raise refused(f"{path}.role", "results of functions are said by the role tool")
        if message.role not in ROLES:
            raise invalid(f"{path}.role", f"must be one of {', '.join(sorted(ROLES))}")


def _completed(system: list[Block], turns: list[Turn]) -> Conversation:
    if not turns and not system:
        raise invalid("messages", "must say something")
    if not turns:
        return Conversation([], [{"role": "user", "content": system}])
    if turns[0]["role"] == "assistant":
        turns = [{"role": "user", "content": text_blocks(ASSISTANT_FIRST)}, *turns]
    if turns[-1]["role"] == "assistant":
        turns = [*turns[:-1], _trimmed(turns[-1])]
    return Conversation(system, turns)


def _trimmed(turn: Turn) -> Turn:
    """The last turn without the blanks at its end, which Anthropic refuses."""
    *others, last = turn["content"]
    if last["type"] == "text":
        last = {**last, "text": last["text"].rstrip()}
    return {**turn, "content": [*others, last]}


def _instruction(path: str, message: Message) -> list[Block]:
    return marked_by(message, words_of(message.content, f"{path}.content"))


# --- the assistant's turn ---


def _assistant(run: Sequence[Placed]) -> list[Block]:
    return [block for path, message in run for block in _answer(path, message)]


def _answer(path: str, message: Message) -> list[Block]:
    """Thinking, text, calls: the order in which they came."""
    for name in ("function_call", "audio"):
        if getattr(message, name):
            raise refused(f"{path}.{name}", "this model knows no such field")
    thoughts = sealed.blocks_of(message.reasoning_text or "", message.reasoning_opaque or "")
    said = blocks_of(message.content, f"{path}.content") + text_blocks(message.refusal)
    calls = [
        _call(call, f"{path}.tool_calls[{index}]")
        for index, call in enumerate(message.tool_calls or ())
    ]
    answer = said + calls
    return thoughts + marked_by(message, answer) if answer else []


def _call(call: Call, path: str) -> Block:
    if call.type != "function" or call.function is None:
        raise refused(f"{path}.type", "this model takes functions only")
    return {
        "type": "tool_use",
        "id": _id(call.id, f"{path}.id"),
        "name": checked_name(call.function.name, f"{path}.function.name"),
        "input": input_of(call.function.arguments),
    }


def _id(id_: str, path: str) -> str:
    """A call's id in the letters that Anthropic takes, here and in its result alike."""
    if not id_:
        raise invalid(path, "is required")
    return _NOT_IN_ID.sub(lambda match: f"_{ord(match[0]):x}_", id_)


# --- the user's turn ---


def _user(run: Sequence[Placed]) -> list[Block]:
    """The results of tools, and then everything else."""
    results = [_result(path, message) for path, message in run if message.role == "tool"]
    others = [
        block for path, message in run if message.role != "tool" for block in _said(path, message)
    ]
    return results + others


def _result(path: str, message: Message) -> Block:
    result: Block = {
        "type": "tool_result",
        "tool_use_id": _id(message.tool_call_id, f"{path}.tool_call_id"),
    }
    content = blocks_of(message.content, f"{path}.content")
    if content:
        # Inside a result upstream takes no marks for the cache (copilot-upstream.md §7.2).
        result["content"] = [
            {name: value for name, value in block.items() if name != "cache_control"}
            for block in content
        ]
    marks = [block for block in content if "cache_control" in block]
    if marks:
        result["cache_control"] = marks[-1]["cache_control"]
    return marked_by(message, [result])[0]


def _said(path: str, message: Message) -> list[Block]:
    if message.role not in INSTRUCTING:
        return marked_by(message, blocks_of(message.content, f"{path}.content"))
    return [
        {**block, "text": REMINDER.format(block["text"])} for block in _instruction(path, message)
    ]
