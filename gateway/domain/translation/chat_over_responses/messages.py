"""Chat messages as the items of a Responses input, in the order they came.

A message's text and images become one item, each tool call another, each result another. Whose
fields have no place there: docs/translation/chat_over_responses.md.
"""

from collections.abc import Callable, Sequence
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation.chat_over_responses.bodies import checked_name, missing
from gateway.domain.translation.reading import Body, invalid, refused

Item = dict[str, Any]


class ImageUrl(Body, frozen=True):
    """Where an image is, and how closely to look at it."""

    url: str
    detail: str | None = None


class File(Body, frozen=True):
    """A file: its content as a data URL, or its id."""

    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


class Part(Body, frozen=True):
    """One part of a message's content; which fields it has depends on its type."""

    type: str = "text"
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | str | None = None
    file: File | None = None


class Function(Body, frozen=True):
    """What is called with JSON arguments."""

    name: str
    arguments: str | None = None


class Custom(Body, frozen=True):
    """What is called with free text."""

    name: str
    input: str | None = None


class Call(Body, frozen=True):
    """A tool call that an earlier answer made."""

    id: str
    type: str = "function"
    function: Function | None = None
    custom: Custom | None = None


class Message(Body, frozen=True):
    """One message; which fields it has depends on its role."""

    role: str
    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str | None = None


def items_of(messages: Sequence[Message]) -> list[Item]:
    """The items. Raises GatewayError for what cannot be one."""
    outputs: dict[str, str] = {}
    items: list[Item] = []
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        if message.role in SPOKEN:
            items.append(_spoken(message, path))
        elif message.role == "assistant":
            items += _assistant(message, path, outputs)
        elif message.role == "tool":
            items.append(_result(message, path, outputs))
        else:
            raise _unknown_role(message.role, f"{path}.role")
    return items


SPOKEN = frozenset({"system", "developer", "user"})
"""Roles that have the same name and meaning in both protocols."""


def _unknown_role(role: str, path: str) -> GatewayError:
    if role == "function":
        return refused(path, "this model takes tools, and no functions of the older kind")
    return invalid(path, "must be system, developer, user, assistant or tool")


def _spoken(message: Message, path: str) -> Item:
    content = message.content
    if isinstance(content, list):
        return _message(message.role, _parts(content, f"{path}.content"))
    return _message(message.role, content or "")


def _assistant(message: Message, path: str, outputs: dict[str, str]) -> list[Item]:
    """What was said, if anything was, and then the calls; notes the kind of their results."""
    content = _said(message, path)
    items = [_message("assistant", content)] if content else []
    for index, call in enumerate(message.tool_calls or ()):
        item, output = _call(call, f"{path}.tool_calls[{index}]")
        outputs[call.id] = output
        items.append(item)
    return items


def _said(message: Message, path: str) -> list[Item]:
    if isinstance(message.content, list):
        listed = enumerate(message.content)
        content = [_said_part(part, f"{path}.content[{index}]") for index, part in listed]
    else:
        content = [_output_text(message.content)] if message.content else []
    return [*content, _refusal(message.refusal)] if message.refusal else content


def _said_part(part: Part, path: str) -> Item:
    if part.type == "text":
        return _output_text(_text(part, path))
    if part.type == "refusal":
        if part.refusal is None:
            raise missing(f"{path}.refusal")
        return _refusal(part.refusal)
    raise refused(f"{path}.type", "an assistant's part can be text or refusal only")


def _call(call: Call, path: str) -> tuple[Item, str]:
    """The call's item, and what type its result has."""
    if call.type == "function" and call.function is not None:
        name = checked_name(call.function.name, f"{path}.function.name")
        called = {"name": name, "arguments": call.function.arguments or ""}
        return {"type": "function_call", "call_id": call.id, **called}, "function_call_output"
    if call.type == "custom" and call.custom is not None:
        name = checked_name(call.custom.name, f"{path}.custom.name")
        written = {"name": name, "input": call.custom.input or ""}
        return {"type": "custom_tool_call", "call_id": call.id, **written}, CUSTOM_OUTPUT
    raise invalid(path, "must be a call of a function or of a custom tool")


CUSTOM_OUTPUT = "custom_tool_call_output"


def _result(message: Message, path: str, outputs: dict[str, str]) -> Item:
    if not message.tool_call_id:
        raise missing(f"{path}.tool_call_id")
    content = message.content
    output = _parts(content, f"{path}.content") if isinstance(content, list) else content or ""
    kind = outputs.get(message.tool_call_id, "function_call_output")
    return {"type": kind, "call_id": message.tool_call_id, "output": output}


def _parts(parts: Sequence[Part], path: str) -> list[Item]:
    return [_part(part, f"{path}[{index}]") for index, part in enumerate(parts)]


def _part(part: Part, path: str) -> Item:
    write = PARTS.get(part.type)
    if write is None:
        raise refused(f"{path}.type", "a part can be text, image_url or file only for this model")
    return write(part, path)


def _input_text(part: Part, path: str) -> Item:
    return {"type": "input_text", "text": _text(part, path)}


def _input_image(part: Part, path: str) -> Item:
    image = ImageUrl(part.image_url) if isinstance(part.image_url, str) else part.image_url
    if image is None:
        raise missing(f"{path}.image_url")
    return {"type": "input_image", "image_url": image.url, "detail": image.detail or "auto"}


def _input_file(part: Part, path: str) -> Item:
    file = part.file
    if file is None or not (file.file_data or file.file_id):
        raise missing(f"{path}.file.file_data")
    said = {"filename": file.filename, "file_data": file.file_data, "file_id": file.file_id}
    return {"type": "input_file", **{name: value for name, value in said.items() if value}}


PARTS: dict[str, Callable[[Part, str], Item]] = {
    "text": _input_text,
    "image_url": _input_image,
    "file": _input_file,
}
"""What may stand in a message to the model, or in a tool's result."""


def _text(part: Part, path: str) -> str:
    if part.text is None:
        raise missing(f"{path}.text")
    return part.text


def _message(role: str, content: str | list[Item]) -> Item:
    return {"type": "message", "role": role, "content": content}


def _output_text(text: str) -> Item:
    return {"type": "output_text", "text": text, "annotations": []}


def _refusal(text: str) -> Item:
    return {"type": "refusal", "refusal": text}
