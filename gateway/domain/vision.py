"""Whether any image is anywhere in a request, history included.

Upstream refuses a request with an image and without `Copilot-Vision-Request: true`
(copilot-upstream.md §7.2, §8.3).
"""

from collections.abc import Sequence

from gateway.domain.chat import Message

IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})


def has_image(messages: Sequence[Message]) -> bool:
    """Look at every part of every message, tool results included."""
    return any(
        part.type in IMAGE_PARTS
        for message in messages
        if isinstance(message.content, list)
        for part in message.content
    )
