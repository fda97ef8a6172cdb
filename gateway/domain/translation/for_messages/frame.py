"""What is the same in all Messages answers that are made of another protocol's."""

from typing import Any

from gateway.domain.translation.contract import Asked
from gateway.domain.usage.tokens import Tokens


def envelope(asked: Asked) -> dict[str, Any]:
    """A message of which nothing is said yet."""
    return {
        "id": f"msg_{asked.answer_id}",
        "type": "message",
        "role": "assistant",
        "model": asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": Tokens().as_messages(),
    }
