"""What the parts of a chat message become among Anthropic's blocks (a table by type)."""

import re
from collections.abc import Callable
from typing import Any

from gateway.domain.errors import GatewayError
from gateway.domain.translation import images
from gateway.domain.translation.chat_over_messages.chat_body import (
    Cache,
    Content,
    Message,
    Part,
    parts_of,
)
from gateway.domain.translation.reading import invalid, refused

Block = dict[str, Any]

CACHE_FIELDS = ("type", "ttl")
"""What Anthropic's cache marks say; upstream refuses more (copilot-upstream.md §7.2)."""

_PDF = re.compile(r"data:(application/pdf);base64,(.*)", re.IGNORECASE | re.DOTALL)


def blocks_of(content: Content | None, path: str) -> list[Block]:
    """The blocks of a content; texts of nothing but blanks are left out, upstream refuses them.

    path: where it stands, for errors. Raises GatewayError for what Anthropic has no block for.
    """
    return [
        _marked(block, part.cache_control)
        for index, part in enumerate(parts_of(content))
        for block in _block(part, f"{path}[{index}]" if isinstance(content, list) else path)
    ]


def words_of(content: Content | None, path: str) -> list[Block]:
    """The blocks of a content that may hold nothing but text."""
    for index, part in enumerate(parts_of(content)):
        if part.type != "text":
            raise refused(f"{path}[{index}].type", "only text can be said here")
    return blocks_of(content, path)


def marked_by(message: Message, blocks: list[Block]) -> list[Block]:
    """The blocks of a message, the last one marked for the cache if the message is."""
    cache = message.copilot_cache_control or message.cache_control
    return [*blocks[:-1], _marked(blocks[-1], cache)] if blocks and cache else blocks


def text_blocks(text: str | None) -> list[Block]:
    """A text as a block; none for one of nothing but blanks."""
    return [{"type": "text", "text": text}] if text and not text.isspace() else []


def _marked(block: Block, cache: Cache | None) -> Block:
    if cache is None:
        return block
    mark = {name: cache[name] for name in CACHE_FIELDS if name in cache}
    return {**block, "cache_control": {"type": "ephemeral", **mark}}


def _block(part: Part, path: str) -> list[Block]:
    become = _BLOCKS.get(part.type)
    if become is None:
        raise refused(f"{path}.type", "this model takes no part of this type")
    return become(part, path)


def _image(part: Part, path: str) -> list[Block]:
    if part.image_url is None:
        raise invalid(f"{path}.image_url", "is required")
    try:
        source = images.source_of(part.image_url.url)
    except GatewayError:
        problem = "must be a data URL of an image in base64, or an http(s) URL"
        raise invalid(f"{path}.image_url.url", problem) from None
    return [{"type": "image", "source": source}]


def _file(part: Part, path: str) -> list[Block]:
    data = part.file.file_data if part.file else None
    match = _PDF.fullmatch(data or "")
    if match is None:
        raise refused(f"{path}.file", "this model takes files as a data URL of a PDF in base64")
    source = {"type": "base64", "media_type": match[1].lower(), "data": match[2]}
    title = part.file.filename if part.file else None
    return [{"type": "document", "source": source, **({"title": title} if title else {})}]


_BLOCKS: dict[str, Callable[[Part, str], list[Block]]] = {
    "text": lambda part, path: text_blocks(part.text),
    "refusal": lambda part, path: text_blocks(part.refusal),
    "image_url": _image,
    "file": _file,
}
