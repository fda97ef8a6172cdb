"""Whether any image is anywhere in a request, history included.

Upstream refuses a request with an image and without `Copilot-Vision-Request: true`
(copilot-upstream.md §7.2, §8.3). Parts count, not words: the schemas of coding agents' tools speak
of `input_image` without there being any.
"""

from collections.abc import Iterable

from gateway.domain.requests.chat import ChatRequest
from gateway.domain.requests.messages import MessagesRequest, inner
from gateway.domain.requests.reading import Part
from gateway.domain.requests.responses import ResponsesRequest

IMAGE_PARTS = frozenset({"image_url", "input_image", "image", "computer_screenshot"})


def in_chat(request: ChatRequest) -> bool:
    """Every part of every message, tool results included."""
    return any(
        _any_image(message.content)
        for message in request.messages
        if isinstance(message.content, list)
    )


def in_responses(request: ResponsesRequest) -> bool:
    """Every part of every item, and of every tool's output."""
    return any(_any_image(item.parts) for item in request.items)


def in_messages(request: MessagesRequest) -> bool:
    """Every block, and every block in tool results and documents."""
    return any(
        _any_image(turn.blocks) or any(_any_image(inner(block)) for block in turn.blocks)
        for turn in request.messages
    )


def _any_image(parts: Iterable[Part]) -> bool:
    return any(part.type in IMAGE_PARTS for part in parts)
