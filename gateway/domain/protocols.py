"""The protocols that callers and upstreams speak. Knows no path and no translation."""

from enum import Enum


class Protocol(Enum):
    """What a caller's request and the answer to it are written in."""

    CHAT = "chat"
    """OpenAI chat completions."""
    RESPONSES = "responses"
    """OpenAI Responses."""
    MESSAGES = "messages"
    """Anthropic Messages."""
    EMBEDDINGS = "embeddings"
    """OpenAI embeddings: never streamed, never translated."""


STREAMED = (Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES)
"""Those whose answers may come as a stream."""
