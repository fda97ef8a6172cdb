"""The parts of a chat request (§5.6) that an answer depends on, decoded by type.

Everything else in the body is skipped without being built.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from simulator.wire.prompt import (
    ANY_OBJECT,
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

IMAGE_PARTS = frozenset({"image_url", "input_image", "image"})
SPEAKERS = {"user": Speaker.USER, "tool": Speaker.TOOL}


class Part(msgspec.Struct):
    """One part of a message's content; of an image only that it is one."""

    type: str = ""
    text: str | None = None


class Called(msgspec.Struct):
    """A call that an earlier answer made."""

    id: str = ""


class Message(msgspec.Struct):
    """One message."""

    role: str
    content: str | list[Part] | None = None
    reasoning_opaque: str | None = None
    tool_calls: list[Called] | None = None
    tool_call_id: str | None = None

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


class FunctionTool(msgspec.Struct):
    """One tool."""

    type: str = "function"
    function: Function | None = None


class JsonSchema(msgspec.Struct):
    """What `json_schema` holds, here and in a Responses request."""

    schema: dict[str, Any] | None = None


class ResponseFormat(msgspec.Struct):
    """What form the answer's text has to have."""

    type: str = "text"
    json_schema: JsonSchema | None = None

    @property
    def wanted(self) -> Schema | None:
        """The schema of the answer; None: any text."""
        if self.type == "json_object":
            return ANY_OBJECT
        return self.json_schema.schema if self.json_schema else None


class ChatRequest(msgspec.Struct):
    """A chat request, as far as it matters here."""

    model: str = ""
    messages: list[Message] = []
    stream: bool | None = None
    tools: list[FunctionTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    reasoning_effort: str | None = None
    thinking_budget: int | None = None
    response_format: ResponseFormat | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.messages

    def prompt(self) -> Prompt:
        """The request as a model is told it; there must be a message."""
        last = self.messages[-1]
        return Prompt(
            speaker=SPEAKERS.get(last.role, Speaker.OTHER),
            said=last.text,
            turns=len(self.messages),
            text_tokens=sum(estimate_tokens(message.text) for message in self.messages),
            images=sum(message.images for message in self.messages),
            tools=tuple(
                Tool(each.function.name, each.function.parameters)
                for each in self.tools or ()
                if each.function
            ),
            choice=_choice(self.tool_choice),
            output_limit=self.max_completion_tokens or self.max_tokens,
            thinks=bool(self.thinking_budget) or self.reasoning_effort not in (None, "none"),
            parallel=self.parallel_tool_calls is not False,
            schema=self.response_format.wanted if self.response_format else None,
        )

    def unmatched_call(self) -> str | None:
        """The id of a call without a result, or of a result without a call."""
        calls = [call.id for message in self.messages for call in message.tool_calls or ()]
        results = [m.tool_call_id or "" for m in self.messages if m.role == "tool"]
        return unmatched(calls, results)

    def seals(self) -> Iterator[Sealed]:
        """What in it belongs to one account (§5.9)."""
        for index, message in enumerate(self.messages):
            if message.reasoning_opaque is not None:
                place = f"messages.{index}.reasoning_opaque"
                yield Sealed(SealKind.REASONING_OPAQUE, message.reasoning_opaque, place)


_decode = msgspec.json.Decoder(ChatRequest).decode


def decode_chat(body: bytes) -> ChatRequest | None:
    """The request in a body; None if it is not one."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _choice(choice: str | dict[str, Any] | None) -> ToolChoice:
    if isinstance(choice, dict):
        inner = choice.get("function")
        return ToolChoice(Calling.ALWAYS, inner.get("name") if isinstance(inner, dict) else None)
    return ToolChoice(calling_of(choice or ""))
