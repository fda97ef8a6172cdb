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

    # Members are the same objects wherever they are; Enum's own is a call of Python's for each
    # look-up in a table.
    __hash__ = object.__hash__


STREAMED = (Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES)
"""Those whose answers may come as a stream."""
