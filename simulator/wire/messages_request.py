"""The parts of a Messages request (§6.5) that an answer depends on, decoded by type.

What upstream refuses in it is messages_strictness.py's.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from simulator.wire.prompt import (
    Calling,
    Prompt,
    Schema,
    Speaker,
    Tool,
    ToolChoice,
    calling_of,
    estimate_tokens,
    unmatched,
)
from simulator.wire.seals import Sealed, SealKind

THINKING = frozenset({"enabled", "adaptive"})


class Block(msgspec.Struct):
    """One block of content, also inside a tool's result; of an image only that it is one."""

    type: str = ""
    id: str | None = None
    tool_use_id: str | None = None
    text: str | None = None
    content: "str | list[Block] | dict[str, Any] | None" = None
    source: dict[str, Any] | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: dict[str, Any] | None = None

    @property
    def inner(self) -> "Sequence[Block]":
        """The blocks inside a tool's result."""
        return self.content if isinstance(self.content, list) else ()

    @property
    def words(self) -> Iterator[str]:
        """The texts in it."""
        if self.text:
            yield self.text
        if isinstance(self.content, str):
            yield self.content
        for block in self.inner:
            yield from block.words

    @property
    def images(self) -> int:
        """How many images are in it, those in a tool's result and in a document included."""
        return (
            (self.type == "image")
            + sum(block.images for block in self.inner)
            + _images_of_document(self.source)
        )


Content = str | list[Block]


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: Content = ""

    @property
    def blocks(self) -> Sequence[Block]:
        """Its content as blocks."""
        return blocks_of(self.content)

    @property
    def text(self) -> str:
        """The text in it, joined by spaces."""
        return text_of(self.content)

    @property
    def speaker(self) -> Speaker:
        """A user message with a tool's result is the tool's, whatever stands beside it."""
        if self.role != "user":
            return Speaker.OTHER
        has_result = any(block.type == "tool_result" for block in self.blocks)
        return Speaker.TOOL if has_result else Speaker.USER


class MessagesTool(msgspec.Struct):
    """One tool; one without a schema is run by Anthropic and never called here."""

    name: str = ""
    type: str | None = None
    input_schema: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None


class Thinking(msgspec.Struct):
    """Whether to think, and how much at most."""

    type: str = ""
    budget_tokens: int | None = None


class OutputFormat(msgspec.Struct):
    """What form the answer's text has to have."""

    type: str = ""
    schema: dict[str, Any] | None = None


class OutputConfig(msgspec.Struct):
    """Where that form is said now."""

    format: OutputFormat | None = None


class MessagesRequest(msgspec.Struct):
    """A Messages request, as far as it matters here."""

    model: str = ""
    messages: list[Message] = []
    system: Content | None = None
    max_tokens: int | None = None
    stream: bool | None = None
    tools: list[MessagesTool] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: Thinking | None = None
    metadata: dict[str, Any] | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None

    @property
    def thinks(self) -> bool:
        """Whether it asks for thinking."""
        return self.thinking is not None and self.thinking.type in THINKING

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.messages

    def prompt(self) -> Prompt:
        """The request as a model is told it; there must be a message."""
        last = self.messages[-1]
        choice = self.tool_choice or {}
        texts = [text_of(self.system or ""), *(message.text for message in self.messages)]
        return Prompt(
            speaker=last.speaker,
            said=last.text,
            turns=len(self.messages) + bool(self.system),
            text_tokens=sum(map(estimate_tokens, texts)),
            images=sum(block.images for message in self.messages for block in message.blocks),
            tools=tuple(
                Tool(each.name, each.input_schema)
                for each in self.tools or ()
                if each.input_schema is not None
            ),
            choice=_choice(choice),
            output_limit=self.max_tokens,
            thinks=self.thinks,
            parallel=choice.get("disable_parallel_tool_use") is not True,
            schema=self._schema(),
        )

    def _schema(self) -> Schema | None:
        config = self.output_config.format if self.output_config else None
        wanted = config or self.output_format
        return wanted.schema if wanted else None

    def unmatched_call(self) -> str | None:
        """The id of a call without a result, or of a result without a call."""
        blocks = [block for message in self.messages for block in message.blocks]
        return unmatched(
            [block.id or "" for block in blocks if block.type == "tool_use"],
            [block.tool_use_id or "" for block in blocks if block.type == "tool_result"],
        )

    def seals(self) -> Iterator[Sealed]:
        """What in it belongs to one account (§5.9)."""
        for number, message in enumerate(self.messages):
            for index, block in enumerate(message.blocks):
                place = f"messages.{number}.content.{index}"
                if block.type == "thinking":
                    yield Sealed(SealKind.SIGNATURE, block.signature or "", place)
                elif block.type == "redacted_thinking":
                    yield Sealed(SealKind.SIGNATURE, block.data or "", place)


_decode = msgspec.json.Decoder(MessagesRequest).decode


def decode_messages(body: bytes) -> MessagesRequest | None:
    """The request in a body; None if it is not one."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def blocks_of(content: Content) -> Sequence[Block]:
    """Content as blocks; a bare string is one."""
    return [Block(type="text", text=content)] if isinstance(content, str) else content


def text_of(content: Content) -> str:
    """The text in content, joined by spaces."""
    if isinstance(content, str):
        return content
    return " ".join(word for block in content for word in block.words)


def _images_of_document(source: dict[str, Any] | None) -> int:
    """A document's source may be a list of blocks."""
    listed = source.get("content") if source else None
    if not isinstance(listed, list):
        return 0
    return sum(isinstance(each, dict) and each.get("type") == "image" for each in listed)


def _choice(choice: dict[str, Any]) -> ToolChoice:
    kind, name = str(choice.get("type", "auto")), choice.get("name")
    if kind == "tool":
        return ToolChoice(Calling.ALWAYS, name if isinstance(name, str) else None)
    return ToolChoice(calling_of(kind))
