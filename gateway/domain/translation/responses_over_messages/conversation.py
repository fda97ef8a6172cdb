"""A Responses input as a Messages conversation (a table by the items' types)."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from gateway.domain.translation.for_responses.names import INPUT
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.over_messages.history import ASSISTANT_FIRST, REMINDER, input_of
from gateway.domain.translation.reading import invalid, refused
from gateway.domain.translation.responses_over_messages import naming, sealed
from gateway.domain.translation.responses_over_messages.parts import (
    Block,
    blocks_of,
    text_block,
    words_of,
)
from gateway.domain.translation.responses_over_messages.turns import ASSISTANT, USER, Message, Turns

ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""Anthropic takes no other ids of calls."""
SYSTEM = frozenset({"system", "developer"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
ADDED_TOOLS = "additional_tools"
"""Read by tools.py."""

LEFT_OUT = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        ADDED_TOOLS,
        "tool_search_call",
        "tool_search_output",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "program",
        "program_output",
        "ghost_snapshot",
        "compaction_trigger",
        "configuration_update",
    }
)
"""Steps of tools that OpenAI ran itself, and notes of clients: what came of them was said as well.
Every type that is neither here nor known is refused."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What an input comes to."""

    system: list[str] = field(repr=False)
    """What a system or a developer said before anybody else."""
    messages: list[Message] = field(repr=False)


def conversation_of(request: Fields) -> Conversation:
    """The input's conversation. Raises GatewayError for what Messages cannot say."""
    content = request.content("input")
    if isinstance(content, str):
        turns = Turns({})
        turns.user(text_block(content))
        return Conversation([], _checked(turns.messages, request.at("input")))
    return _of_items(content, request.at("input"))


def _of_items(items: list[Fields], path: str) -> Conversation:
    begun = next((at for at, item in enumerate(items) if not _is_preface(item)), len(items))
    preface = [item for item in items[:begun] if _kind(item) != ADDED_TOOLS]
    turns = Turns(_results(items))
    said = [text for item in preface for text in _words(item)]
    if begun == len(items):
        # Anthropic wants somebody to answer: an input of instructions alone is what is asked.
        turns.user([block for text in said for block in text_block(text)])
        said = []
    for item in items[begun:]:
        _take(item, turns)
    return Conversation(
        system=said,
        messages=_checked(turns.messages, items[-1].path if items else path),
    )


def _checked(messages: list[Message], last: str) -> list[Message]:
    """last: the path of what was said last."""
    if not messages:
        raise invalid("input", "must hold something to answer")
    if messages[0]["role"] == ASSISTANT:
        messages = [{"role": USER, "content": text_block(ASSISTANT_FIRST)}, *messages]
    if messages[-1]["role"] == ASSISTANT:
        raise refused(last, "this model wants the last word to be the user's or a tool's")
    return messages


def _kind(item: Fields) -> str:
    """An item's type; a message may leave it out."""
    kind = item.text("type") or ("message" if item.has("role") else "")
    if not kind:
        raise invalid(item.at("type"), "is required")
    return kind


def _is_preface(item: Fields) -> bool:
    kind = _kind(item)
    return kind == ADDED_TOOLS or (kind == "message" and item.text("role") in SYSTEM)


def _words(item: Fields) -> list[str]:
    return words_of(item.content("content"))


def _take(item: Fields, turns: Turns) -> None:
    kind = _kind(item)
    if kind in OUTPUTS:
        turns.result(item.required("call_id"), item)
    elif kind in _TAKES:
        _TAKES[kind](item, turns)
    elif kind not in LEFT_OUT:
        raise refused(item.at("type"), "this model takes no item of this type")


def _message(item: Fields, turns: Turns) -> None:
    role, content = item.required("role"), item.content("content")
    if role == ASSISTANT:
        turns.assistant([block for text in words_of(content) for block in text_block(text)])
    elif role in SYSTEM:
        turns.user([block for text in words_of(content) for block in _reminder(text)])
    elif role == USER:
        turns.user(blocks_of(content))
    else:
        raise invalid(item.at("role"), "must be user, assistant, system or developer")


def _reminder(text: str) -> list[Block]:
    return text_block(REMINDER.format(text)) if text.strip() else []


def _reasoning(item: Fields, turns: Turns) -> None:
    block = sealed.block_of(item.text("encrypted_content"))
    turns.assistant([block] if block else [])


def _function_call(item: Fields, turns: Turns) -> None:
    _call(item, turns, input_of(item.text("arguments")))


def _custom_call(item: Fields, turns: Turns) -> None:
    _call(item, turns, {INPUT: item.text("input")})


def _call(item: Fields, turns: Turns, called_with: object) -> None:
    call_id = item.required("call_id")
    name = naming.flat_name(item, item.text("namespace"))
    block = {"type": "tool_use", "id": _id(call_id), "name": name, "input": called_with}
    turns.call(call_id, block, item)


def _results(items: list[Fields]) -> dict[str, Block]:
    """The results of all calls, by the calls' ids."""
    results: dict[str, Block] = {}
    for item in items:
        if _kind(item) not in OUTPUTS:
            continue
        call_id = item.required("call_id")
        if call_id in results:
            raise invalid(item.at("call_id"), "there is another output for this call")
        results[call_id] = _result(item, call_id)
    return results


def _result(item: Fields, call_id: str) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": _id(call_id)}
    output = item.content("output")
    content = output if isinstance(output, str) else blocks_of(output)
    is_blank = isinstance(content, str) and not content.strip()
    return block if is_blank or not content else {**block, "content": content}


def _id(call_id: str) -> str:
    """A call's id, or one made of it, in the call and in its result alike."""
    if ID.fullmatch(call_id):
        return call_id
    return f"call_{sha256(call_id.encode()).hexdigest()[:32]}"


_TAKES: dict[str, Callable[[Fields, Turns], None]] = {
    "message": _message,
    "reasoning": _reasoning,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
}
