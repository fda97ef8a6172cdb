"""The items of a Responses input as a conversation.

What upstream sealed, and what stands for tools that were left out, cannot be said in chat and is
dropped; what a conversation would make no sense without is refused.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.domain.translation.chat_over_responses.bodies import missing
from gateway.domain.translation.for_responses.names import BRINGERS, INPUT, flat_name
from gateway.domain.translation.reading import invalid, refused
from gateway.domain.translation.responses_over_chat.responses_body import Item, Part
from gateway.domain.translation.responses_over_chat.turns import Conversation

DROPPED = BRINGERS | {
    "reasoning",
    "web_search_call",
    "image_generation_call",
    "file_search_call",
    "code_interpreter_call",
    "mcp_list_tools",
    "tool_search_call",
}
TEXTS = frozenset({"input_text", "output_text", "text"})
ROLES = {"user": "user", "system": "system", "developer": "system"}
"""Who speaks besides the model; chat models other than OpenAI's know no developers."""
LOCAL_SHELL = "local_shell"
"""What a call of that tool is called in chat, which has no tools without names."""

_encode = msgspec.json.Encoder().encode


def tell(conversation: Conversation, items: Sequence[Item]) -> None:
    """Put the items into a conversation. Raises GatewayError for one that has no place there."""
    for index, item in enumerate(items):
        path = f"input[{index}]"
        kind = item.type or ("message" if item.role else "")
        take = TAKES.get(kind)
        if take is not None:
            take(conversation, item, path)
        elif kind not in DROPPED:
            raise refused(f"{path}.type", "this model cannot be told of such an item")


def _message(conversation: Conversation, item: Item, path: str) -> None:
    if item.role == "assistant":
        _said(conversation, item, path)
        return
    role = ROLES.get(item.role or "")
    if role is None:
        raise invalid(f"{path}.role", "must be user, assistant, system or developer")
    content = item.content or ""
    if isinstance(content, list):
        parts = _parts(content, f"{path}.content")
        is_plain = len(parts) == 1 and parts[0]["type"] == "text"
        conversation.hear(role, parts[0]["text"] if is_plain else parts)
    else:
        conversation.hear(role, content)


def _said(conversation: Conversation, item: Item, path: str) -> None:
    if not isinstance(item.content, list):
        conversation.say([item.content] if item.content else [], [])
        return
    texts, refusals = [], []
    for index, part in enumerate(item.content):
        if part.type == "refusal":
            refusals.append(part.refusal or "")
        elif part.type in TEXTS:
            texts.append(_text(part, f"{path}.content[{index}]"))
        else:
            raise refused(f"{path}.content[{index}].type", "a model's part is text or refusal")
    conversation.say([text for text in texts if text], [text for text in refusals if text])


def _function_call(conversation: Conversation, item: Item, path: str) -> None:
    if not isinstance(item.arguments, str):
        raise invalid(f"{path}.arguments", "must be JSON in a string")
    name = flat_name(item.name, item.namespace, path)
    conversation.call(_call_id(item, path), name, item.arguments, path)


def _custom_call(conversation: Conversation, item: Item, path: str) -> None:
    name = flat_name(item.name, item.namespace, path)
    arguments = _encode({INPUT: item.input or ""}).decode()
    conversation.call(_call_id(item, path), name, arguments, path)


def _shell_call(conversation: Conversation, item: Item, path: str) -> None:
    arguments = _encode(item.action or {}).decode()
    conversation.call(_call_id(item, path), LOCAL_SHELL, arguments, path)


def _output(conversation: Conversation, item: Item, path: str) -> None:
    call_id, output = _call_id(item, path), item.output
    if isinstance(output, dict):
        raise invalid(f"{path}.output", "must be a text or a list of parts")
    if not isinstance(output, list):
        conversation.give(call_id, [output] if output else [], [], path)
        return
    parts = _parts(output, f"{path}.output")
    texts = [part["text"] for part in parts if part["type"] == "text"]
    shown = [part for part in parts if part["type"] != "text"]
    conversation.give(call_id, texts, shown, path)


TAKES: dict[str, Callable[[Conversation, Item, str], None]] = {
    "message": _message,
    "function_call": _function_call,
    "custom_tool_call": _custom_call,
    "local_shell_call": _shell_call,
    "function_call_output": _output,
    "custom_tool_call_output": _output,
    "local_shell_call_output": _output,
}
"""The items that are told."""


def _call_id(item: Item, path: str) -> str:
    # The output of a local shell names its call by `id`.
    call_id = item.call_id or (item.id if item.type == "local_shell_call_output" else None)
    if not call_id:
        raise missing(f"{path}.call_id")
    return call_id


def _parts(parts: Sequence[Part], path: str) -> list[dict[str, Any]]:
    return [_part(part, f"{path}[{index}]") for index, part in enumerate(parts)]


def _part(part: Part, path: str) -> dict[str, Any]:
    if part.type in TEXTS:
        return {"type": "text", "text": _text(part, path)}
    write = PARTS.get(part.type)
    if write is None:
        raise refused(f"{path}.type", "a part can be text, image or file only for this model")
    return write(part, path)


def _image(part: Part, path: str) -> dict[str, Any]:
    if part.image_url is None:
        if part.file_id is not None:
            raise refused(f"{path}.file_id", "no image is kept here; send the image itself")
        raise missing(f"{path}.image_url")
    # What is said of detail besides these chat does not know.
    detail = {"detail": part.detail} if part.detail in ("low", "high") else {}
    return {"type": "image_url", "image_url": {"url": part.image_url, **detail}}


def _file(part: Part, path: str) -> dict[str, Any]:
    if part.file_url is not None:
        raise refused(f"{path}.file_url", "this model takes files as data only")
    if not (part.file_data or part.file_id):
        raise missing(f"{path}.file_data")
    said = {"filename": part.filename, "file_data": part.file_data, "file_id": part.file_id}
    return {"type": "file", "file": {name: value for name, value in said.items() if value}}


PARTS = {"input_image": _image, "input_file": _file}


def _text(part: Part, path: str) -> str:
    if part.text is None:
        raise missing(f"{path}.text")
    return part.text
