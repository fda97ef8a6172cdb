"""What a user's blocks become among the parts of a chat message (a table by type)."""

from collections.abc import Callable
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation import images
from gateway.domain.translation.messages_over_chat.messages_body import Block, Content, blocks_of
from gateway.domain.translation.reading import invalid, refused

Part = dict[str, Any]

PDF = "application/pdf"


def parts_of(content: Content, path: str) -> list[Part]:
    """The parts of a content, empty texts left out.

    path: where it stands, for errors. Raises GatewayError for what chat has no part for.
    """
    if isinstance(content, str):
        return _text(content)
    return [
        part for index, block in enumerate(content) for part in part_of(block, f"{path}[{index}]")
    ]


def part_of(block: Block, path: str) -> list[Part]:
    """The parts of one block."""
    become = _PARTS.get(block.type)
    if become is None:
        raise refused(f"{path}.type", "this model takes no block of this type here")
    return become(block, path)


def words_of(content: Content, path: str) -> str:
    """The text of a content that may hold nothing else. Raises GatewayError."""
    blocks = blocks_of(content)
    for index, block in enumerate(blocks):
        if block.type != "text":
            raise refused(f"{path}[{index}].type", "only text can be said here")
    return "\n\n".join(block.text for block in blocks if block.text)


def _text(text: str | None) -> list[Part]:
    return [{"type": "text", "text": text}] if text else []


def _image(block: Block, path: str) -> list[Part]:
    if not isinstance(block.source, dict):
        raise invalid(f"{path}.source", "must be an object")
    try:
        url = images.url_of(block.source)
    except GatewayError:
        raise invalid(f"{path}.source", "must be of type base64 or url") from None
    return [{"type": "image_url", "image_url": {"url": url}}]


def _document(block: Block, path: str) -> list[Part]:
    """A document's words and images; a PDF is a file."""
    source = block.source if isinstance(block.source, dict) else {}
    kind, data = source.get("type"), source.get("data")
    heading = _text(block.title) + _text(block.context)
    if kind == "text" and isinstance(data, str):
        return heading + _text(data)
    if kind == "base64" and isinstance(data, str) and source.get("media_type") == PDF:
        name = block.title or "document.pdf"
        file = {"filename": name, "file_data": f"data:{PDF};base64,{data}"}
        return [*_text(block.context), {"type": "file", "file": file}]
    if kind == "content":
        return heading + _of_content(source.get("content"), f"{path}.source.content")
    raise refused(f"{path}.source", "this model takes documents as text or as a PDF in base64")


def _of_content(content: object, path: str) -> list[Part]:
    """A document's own content, which is texts and images, and was read without its types."""
    if isinstance(content, str):
        return _text(content)
    parts: list[Part] = []
    for index, each in enumerate(content if isinstance(content, list) else ()):
        block = each if isinstance(each, dict) else {}
        text, source = block.get("text"), block.get("source")
        if block.get("type") == "image":
            parts += _image(Block(type="image", source=source), f"{path}[{index}]")
        elif isinstance(text, str):
            parts += _text(text)
        else:
            raise invalid(f"{path}[{index}]", "must be a text or an image")
    return parts


def _search_result(block: Block, path: str) -> list[Part]:
    source = block.source if isinstance(block.source, str) else None
    content = block.content if isinstance(block.content, str | list) else []
    return _text(block.title) + _text(source) + parts_of(content, f"{path}.content")


_PARTS: dict[str, Callable[[Block, str], list[Part]]] = {
    "text": lambda block, path: _text(block.text),
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": lambda block, path: _text(f"[tool: {block.tool_name}]"),
}
