"""The parts of a chat request (§5.6) that an answer depends on, decoded by type.

Everything else in the body is skipped without being built.
"""

from typing import Any

import msgspec

IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})
IMAGE_TOKENS = 85
MESSAGE_TOKENS = 4
TOOL_TOKENS = 20
CHARACTERS_PER_TOKEN = 4


class Part(msgspec.Struct):
    """One part of a message's content; of an image only that it is one."""

    type: str = ""
    text: str | None = None


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The text in it, its parts joined by spaces."""
        if isinstance(self.content, str):
            return self.content
        return " ".join(part.text for part in self.content or () if part.text)

    @property
    def images(self) -> int:
        """How many images are in it."""
        if not isinstance(self.content, list):
            return 0
        return sum(part.type in IMAGE_PARTS for part in self.content)


class Function(msgspec.Struct):
    """What a tool is called and takes; parameters is a JSON schema."""

    name: str
    parameters: dict[str, Any] | None = None


class Tool(msgspec.Struct):
    """One tool."""

    type: str = "function"
    function: Function | None = None


class ChatRequest(msgspec.Struct):
    """A chat request, as far as it matters here."""

    model: str = ""
    messages: list[Message] = []
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None

    @property
    def images(self) -> int:
        """How many images are anywhere in it."""
        return sum(message.images for message in self.messages)

    @property
    def output_limit(self) -> int | None:
        """The most tokens the answer may have, if the request says."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def prompt_tokens(self) -> int:
        """A plain estimate, the same for the same request."""
        texts = sum(estimate_tokens(message.text) for message in self.messages)
        return (
            texts
            + MESSAGE_TOKENS * len(self.messages)
            + IMAGE_TOKENS * self.images
            + TOOL_TOKENS * len(self.tools or ())
        )


_decode = msgspec.json.Decoder(ChatRequest).decode


def decode_chat(body: bytes) -> ChatRequest | None:
    """The request in a body; None if it is not one."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def estimate_tokens(text: str) -> int:
    """A quarter of the characters, rounded up."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)
