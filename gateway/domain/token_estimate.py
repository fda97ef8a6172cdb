"""How many tokens a Messages request is, from its texts: an estimate, as upstream has no endpoint.

Every text counts as a tokenizer counts it; what surrounds the texts, and what is no text, is a sum
that was observed elsewhere (copilot-upstream.md §5.2: 15 % more for Claude, 346 for tools).
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.domain.requests.reading import decoded

MESSAGE_TOKENS = 4
"""For its role and its ends."""
IMAGE_TOKENS = 1_600
"""Anthropic's own figure for an image of the size it scales to."""
TOOLS_TOKENS = 346
CLAUDE_FACTOR = 1.15
CLAUDE = "claude"
NOT_TEXT = frozenset({"type", "media_type", "cache_control", "signature", "data", "url"})
IMAGE = "image"
MAX_DEPTH = 64

_decode = msgspec.json.Decoder(dict[str, Any]).decode


def texts(body: bytes) -> tuple[list[str], int]:
    """All texts of a request, and the tokens of what is not text. Raises GatewayError."""
    request = decoded(_decode, body)
    found: list[str] = []
    fixed = 0
    for name in ("system", "messages", "tools"):
        fixed += _collect(request.get(name), found, 0)
    messages = request.get("messages")
    fixed += MESSAGE_TOKENS * (len(messages) if isinstance(messages, list) else 0)
    return found, fixed + (TOOLS_TOKENS if request.get("tools") else 0)


def estimate(model: str, text_tokens: int, fixed: int) -> int:
    """The whole. model: by upstream's name."""
    factor = CLAUDE_FACTOR if model.startswith(CLAUDE) else 1.0
    return int(text_tokens * factor) + fixed


def _collect(value: Any, found: list[str], depth: int) -> int:
    """Add a value's texts; the tokens of its images."""
    if depth > MAX_DEPTH:
        return 0
    if isinstance(value, str):
        found.append(value)
        return 0
    if isinstance(value, dict):
        if value.get("type") == IMAGE:
            return IMAGE_TOKENS
        found.extend(_names(value))
        return sum(
            _collect(each, found, depth + 1) for name, each in value.items() if name not in NOT_TEXT
        )
    if isinstance(value, list):
        return sum(_collect(each, found, depth + 1) for each in value)
    return 0


def _names(schema: dict[str, Any]) -> Iterator[str]:
    """The names of a tool's parameters are read by the model too."""
    properties = schema.get("properties")
    if isinstance(properties, dict):
        yield from (str(name) for name in properties)
