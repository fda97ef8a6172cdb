"""What a user's blocks become among the parts of a Responses item (a table by type)."""

from collections.abc import Callable
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation.images import url_of
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid, refused

Part = dict[str, Any]

PDF = "application/pdf"
FILENAME = "document.pdf"
"""What a PDF without a title is called; Responses wants a name."""


def parts_of(content: str | list[Fields]) -> list[Part]:
    """The parts of a content, empty texts left out. Raises GatewayError for what has no part."""
    if isinstance(content, str):
        return text_part(content)
    return [part for block in content for part in part_of(block)]


def part_of(block: Fields) -> list[Part]:
    """The parts of one block."""
    become = _PARTS.get(block.required("type"))
    if become is None:
        raise refused(block.at("type"), "this model takes no block of this type here")
    return become(block)


def words_of(content: str | list[Fields]) -> list[str]:
    """The texts of a content that may hold nothing else, empty ones left out."""
    if isinstance(content, str):
        return [content] if content else []
    for block in content:
        if block.required("type") != "text":
            raise refused(block.at("type"), "only text can be said here")
    return [text for block in content if (text := block.text("text"))]


def text_part(text: str) -> list[Part]:
    """A text as a part; none where it is empty."""
    return [{"type": "input_text", "text": text}] if text else []


def _image(block: Fields) -> list[Part]:
    source = block.object("source")
    try:
        url = url_of(source.values)
    except GatewayError:
        raise invalid(source.path, "must be of type base64 or url") from None
    return [{"type": "input_image", "image_url": url, "detail": "auto"}]


def _document(block: Fields) -> list[Part]:
    """A document's words and images; a PDF is a file."""
    source = block.object("source")
    heading = text_part(block.text("title")) + text_part(block.text("context"))
    match source.required("type"):
        case "text":
            return heading + text_part(source.text("data"))
        case "content":
            return heading + parts_of(source.content("content"))
        case "url":
            file = {"type": "input_file", "file_url": source.required("url")}
            return [*heading, file]
        case "base64" if source.text("media_type") == PDF:
            return [*text_part(block.text("context")), _pdf(block, source)]
    raise refused(source.path, "this model takes documents as text, as a PDF in base64 or by URL")


def _pdf(block: Fields, source: Fields) -> Part:
    data = f"data:{PDF};base64,{source.required('data')}"
    return {"type": "input_file", "filename": block.text("title") or FILENAME, "file_data": data}


def _search_result(block: Fields) -> list[Part]:
    heading = text_part(block.text("title")) + text_part(block.text("source"))
    return heading + parts_of(block.content("content"))


_PARTS: dict[str, Callable[[Fields], list[Part]]] = {
    "text": lambda block: text_part(block.text("text")),
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "tool_reference": lambda block: text_part(f"[tool: {block.text('tool_name')}]"),
}
