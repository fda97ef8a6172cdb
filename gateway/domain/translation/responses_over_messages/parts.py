"""What the parts of a Responses item become among the blocks of a message (a table by type)."""

import re
from collections.abc import Callable
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation.images import source_of
from gateway.domain.translation.messages_over_responses.fields import Fields
from gateway.domain.translation.reading import invalid, refused

Block = dict[str, Any]

_PDF = re.compile(r"data:(application/pdf);base64,(.*)", re.DOTALL)


def blocks_of(content: str | list[Fields]) -> list[Block]:
    """The blocks of a content, texts that say nothing left out.

    Raises GatewayError for what has no block.
    """
    if isinstance(content, str):
        return text_block(content)
    return [block for part in content for block in _of_part(part)]


def words_of(content: str | list[Fields]) -> list[str]:
    """The texts of a content that may hold nothing else, empty ones left out."""
    if isinstance(content, str):
        return [content] if content else []
    for part in content:
        if part.required("type") not in _TEXTS:
            raise refused(part.at("type"), "only text can be said here")
    return [text for part in content if (text := _text(part))]


def text_block(text: str) -> list[Block]:
    """A text as a block; none for one of nothing but blanks, which Anthropic refuses."""
    return [{"type": "text", "text": text}] if text.strip() else []


def _of_part(part: Fields) -> list[Block]:
    become = _BLOCKS.get(part.required("type"))
    if become is None:
        raise refused(part.at("type"), "this model takes no part of this type here")
    return become(part)


def _text(part: Fields) -> str:
    return part.text("refusal" if part.text("type") == "refusal" else "text")


def _image(part: Fields) -> list[Block]:
    if part.has("file_id"):
        raise refused(part.at("file_id"), "this model cannot look at stored files")
    try:
        source = source_of(part.required("image_url"))
    except GatewayError:
        problem = "must be a data URL in base64, or an http(s) URL"
        raise invalid(part.at("image_url"), problem) from None
    return [{"type": "image", "source": source}]


def _file(part: Fields) -> list[Block]:
    """A file, which can only be a PDF."""
    if part.has("file_id"):
        raise refused(part.at("file_id"), "this model cannot look at stored files")
    title = {"title": part.text("filename")} if part.text("filename") else {}
    if part.has("file_url"):
        source = {"type": "url", "url": part.required("file_url")}
        return [{"type": "document", "source": source, **title}]
    match = _PDF.fullmatch(part.required("file_data"))
    if match is None:
        raise refused(part.at("file_data"), "this model takes files as a PDF in a data URL only")
    source = {"type": "base64", "media_type": match[1], "data": match[2]}
    return [{"type": "document", "source": source, **title}]


_TEXTS = ("input_text", "output_text", "text", "refusal", "summary_text", "reasoning_text")

_BLOCKS: dict[str, Callable[[Fields], list[Block]]] = {
    **{kind: lambda part: text_block(_text(part)) for kind in _TEXTS},
    "input_image": _image,
    "input_file": _file,
}
