"""The parts of a Responses request (§5.6) that an answer depends on, decoded by type.

Everything else in the body is skipped without being built.
"""

from collections.abc import Iterator, Sequence
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

# A screenshot is what the computer tool's output holds.
IMAGE_PARTS = frozenset({"input_image", "computer_screenshot"})
ENCRYPTED_REASONING = "reasoning.encrypted_content"
NO_EFFORT = "none"


class Part(msgspec.Struct):
    """One part of an item's content or output; of an image only that it is one."""

    type: str = ""
    text: str | None = None


class Item(msgspec.Struct):
    """One item of the input."""

    type: str = "message"
    role: str = ""
    id: str | None = None
    call_id: str | None = None
    content: str | list[Part] | None = None
    output: str | list[Part] | Part | None = None
    encrypted_content: str | None = None

    @property
    def speaker(self) -> Speaker:
        """Who said it."""
        if self.type.endswith("_output"):
            return Speaker.TOOL
        is_user = self.type == "message" and self.role == "user"
        return Speaker.USER if is_user else Speaker.OTHER

    @property
    def text(self) -> str:
        """The text in it, its parts joined by spaces."""
        whole = [each for each in (self.content, self.output) if isinstance(each, str)]
        return " ".join([*whole, *(part.text for part in self.parts if part.text)])

    @property
    def parts(self) -> Sequence[Part]:
        """Its parts, those of a tool's output included."""
        listed = [each for each in (self.content, self.output) if isinstance(each, list)]
        single = [self.output] if isinstance(self.output, Part) else []
        return [part for parts in (*listed, single) for part in parts]


class NamedTool(msgspec.Struct):
    """One tool; what is neither a function nor custom is never called."""

    type: str = "function"
    name: str | None = None
    parameters: dict[str, Any] | None = None


class Reasoning(msgspec.Struct):
    """How much is to be thought, and whether a summary is wanted."""

    effort: str | None = None
    summary: str | None = None


class TextFormat(msgspec.Struct):
    """What form the answer's text has to have."""

    type: str = "text"
    schema: dict[str, Any] | None = None

    @property
    def wanted(self) -> Schema | None:
        """The schema of the answer; None: any text."""
        return ANY_OBJECT if self.type == "json_object" else self.schema


class TextKnobs(msgspec.Struct):
    """What is said of the answer's text."""

    format: TextFormat | None = None


class ResponsesRequest(msgspec.Struct):
    """A Responses request, as far as it matters here."""

    model: str = ""
    input: str | list[Item] = []
    instructions: str | None = None
    stream: bool | None = None
    tools: list[NamedTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    include: list[str] | None = None
    reasoning: Reasoning | None = None
    text: TextKnobs | None = None
    previous_response_id: str | None = None

    @property
    def wants_encrypted_reasoning(self) -> bool:
        """Whether reasoning comes with what has to be sent back."""
        return ENCRYPTED_REASONING in (self.include or ())

    @property
    def wants_summary(self) -> bool:
        """Whether reasoning comes with a text."""
        return self.reasoning is not None and self.reasoning.summary is not None

    @property
    def nameless_tool(self) -> int | None:
        """The first function without a name, as in a chat request's shape of tools."""
        tools = enumerate(self.tools or ())
        return next((n for n, each in tools if each.type == "function" and not each.name), None)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        return not self.input

    def prompt(self) -> Prompt:
        """The request as a model is told it; there must be an input."""
        items = self.items
        last = items[-1]
        effort = self.reasoning.effort if self.reasoning else None
        return Prompt(
            speaker=last.speaker,
            said=last.text,
            turns=len(items) + bool(self.instructions),
            text_tokens=sum(estimate_tokens(item.text) for item in items)
            + estimate_tokens(self.instructions or ""),
            images=sum(part.type in IMAGE_PARTS for item in items for part in item.parts),
            tools=tuple(
                Tool(each.name, each.parameters, each.type == "custom")
                for each in self.tools or ()
                if each.type in ("function", "custom") and each.name
            ),
            choice=_choice(self.tool_choice),
            output_limit=self.max_output_tokens,
            thinks=effort != NO_EFFORT,
            parallel=self.parallel_tool_calls is not False,
            schema=self.text.format.wanted if self.text and self.text.format else None,
        )

    @property
    def items(self) -> list[Item]:
        """The input; a bare string is a user's message."""
        if isinstance(self.input, str):
            return [Item(role="user", content=self.input)]
        return self.input

    def unmatched_call(self) -> str | None:
        """The id of a call without a result, or of a result without a call."""
        named = [(item.call_id, item.type) for item in self.items if item.call_id is not None]
        return unmatched(
            [call_id for call_id, kind in named if kind.endswith("_call")],
            [call_id for call_id, kind in named if kind.endswith("_call_output")],
        )

    def seals(self) -> Iterator[Sealed]:
        """What in it belongs to one account (§5.9)."""
        for index, item in enumerate(self.items):
            if item.encrypted_content is not None:
                place = f"input.{index}.encrypted_content"
                yield Sealed(SealKind.ENCRYPTED_CONTENT, item.encrypted_content, place)
            if item.id is not None:
                yield Sealed(SealKind.ITEM_ID, item.id, f"input.{index}.id")


_decode = msgspec.json.Decoder(ResponsesRequest).decode


def decode_responses(body: bytes) -> ResponsesRequest | None:
    """The request in a body; None if it is not one."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _choice(choice: str | dict[str, Any] | None) -> ToolChoice:
    if isinstance(choice, dict):
        name = choice.get("name")
        return ToolChoice(Calling.ALWAYS, name if isinstance(name, str) else None)
    return ToolChoice(calling_of(choice or ""))
