"""What a Messages request says, by type. Fields that have no place in chat are not read.

One kind of block for all: which of its fields count is its type's business, and a type that is
new here is a matter for whoever translates it, not a wrong body.
"""

from typing import Any

import msgspec
from msgspec import Raw

from gateway.domain.translation.reading import Body


class Block(Body, frozen=True):
    """A block of content, also inside a tool's result or a document."""

    type: str
    text: str | None = None
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")
    tool_use_id: str = ""
    is_error: bool | None = None
    content: "str | list[Block] | dict[str, Any] | None" = None
    source: str | dict[str, Any] | None = None
    title: str | None = None
    context: str | None = None
    thinking: str = ""
    signature: str = ""
    tool_name: str = ""


Content = str | list[Block]


class Message(Body, frozen=True):
    """One message."""

    role: str
    content: Content

    @property
    def blocks(self) -> list[Block]:
        """Its content as blocks."""
        return blocks_of(self.content)


class Tool(Body, frozen=True):
    """One tool. Only one of the caller's own making has a schema."""

    name: str = ""
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None


class ToolChoice(Body, frozen=True):
    """Whether tools may, must or must not be called."""

    type: str
    name: str = ""
    disable_parallel_tool_use: bool | None = None


class Thinking(Body, frozen=True):
    """Whether to think, and for how many tokens at most."""

    type: str
    budget_tokens: int | None = None


class OutputFormat(Body, frozen=True):
    """What form the answer's text has to have."""

    type: str
    schema: dict[str, Any] | None = None


class OutputConfig(Body, frozen=True):
    """The same as the protocol says it now, and how hard to try."""

    effort: str | None = None
    format: OutputFormat | None = None


class Metadata(Body, frozen=True):
    """Who asks."""

    user_id: str | None = None


class MessagesRequest(Body, frozen=True):
    """The request."""

    model: str
    messages: list[Message]
    max_tokens: int
    system: Content | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] | None = None
    tools: list[Tool] | None = None
    tool_choice: ToolChoice | None = None
    thinking: Thinking | None = None
    output_config: OutputConfig | None = None
    output_format: OutputFormat | None = None
    metadata: Metadata | None = None
    mcp_servers: list[Raw] | None = None


decode = msgspec.json.Decoder(MessagesRequest).decode


def blocks_of(content: Content) -> list[Block]:
    """Content as blocks; a bare string is one."""
    return [Block(type="text", text=content)] if isinstance(content, str) else content
