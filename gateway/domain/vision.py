"""Whether any image is anywhere in a request, history included.

Upstream refuses a request with an image and without `Copilot-Vision-Request: true`
(copilot-upstream.md §7.2, §8.3). Parts count, not words: the schemas of coding agents' tools speak
of `input_image` without there being any.
"""

from collections.abc import Iterable

from gateway.domain.requests.chat import ChatRequest
from gateway.domain.requests.messages import MessagesRequest, inner
from gateway.domain.requests.reading import LIST, Part
from gateway.domain.requests.responses import ResponsesRequest

IMAGE_PARTS = frozenset({"image_url", "input_image", "image", "computer_screenshot"})


def in_chat(request: ChatRequest) -> bool:
    """Every part of every message, tool results included."""
    return _has_image(request.parts)


def in_responses(request: ResponsesRequest) -> bool:
    """Every part of every item, and of every tool's output."""
    return _has_image(request.parts)


def in_messages(request: MessagesRequest) -> bool:
    """Every block, and every block in tool results and documents."""
    blocks = request.blocks
    # A block with text inside has no block inside.
    holders = [each for each in blocks if memoryview(each.content)[0] == LIST or each.source]
    return _has_image(blocks) or any([_has_image(inner(block)) for block in holders])


def _has_image(parts: Iterable[Part]) -> bool:
    return any([part.type in IMAGE_PARTS for part in parts])
