"""What a chat request says, by type. Fields that have no place in Messages are not read."""

from typing import Any

import msgspec

from gateway.domain.translation.reading import Body

Cache = dict[str, Any]
"""Anthropic's `cache_control`, which clients put beside chat's own fields."""


class ImageUrl(Body, frozen=True):
    """Where an image is: mostly in the URL itself."""

    url: str


class File(Body, frozen=True):
    """A file, as a data URL or by an id."""

    file_data: str | None = None
    filename: str | None = None


class Part(Body, frozen=True):
    """One part of a message's content."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None
    file: File | None = None
    cache_control: Cache | None = None


class Called(Body, frozen=True):
    """Which function an answer called, and with what: JSON in a string."""

    name: str
    arguments: str = ""


class Call(Body, frozen=True):
    """A call an answer made."""

    id: str
    type: str = "function"
    function: Called | None = None


Content = str | list[Part]


class Message(Body, frozen=True):
    """One message."""

    role: str
    content: Content | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    tool_call_id: str = ""
    reasoning_text: str | None = None
    reasoning_opaque: str | None = None
    copilot_cache_control: Cache | None = None
    cache_control: Cache | None = None
    function_call: Any = None
    audio: Any = None


class Function(Body, frozen=True):
    """What a tool is called and takes."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class Tool(Body, frozen=True):
    """One tool."""

    type: str
    function: Function | None = None


class Named(Body, frozen=True):
    """A function by its name."""

    name: str


class AllowedTool(Body, frozen=True):
    """One of the tools that may be called."""

    type: str
    function: Named | None = None


class AllowedTools(Body, frozen=True):
    """Which tools may be called, and whether one must be."""

    mode: str
    tools: list[AllowedTool]


class ToolChoice(Body, frozen=True):
    """The choice of one function, or of some."""

    type: str
    function: Named | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchema(Body, frozen=True):
    """What `json_schema` holds."""

    schema: dict[str, Any] | None = None


class ResponseFormat(Body, frozen=True):
    """What form the answer's text has to have."""

    type: str
    json_schema: JsonSchema | None = None


class ChatRequest(Body, frozen=True):
    """The request."""

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    tools: list[Tool] | None = None
    tool_choice: str | ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    thinking_budget: int | None = None
    response_format: ResponseFormat | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    n: int | None = None
    logprobs: bool | None = None
    logit_bias: dict[str, float] | None = None
    modalities: list[str] | None = None
    functions: Any = None
    function_call: Any = None
    web_search_options: dict[str, Any] | None = None


decode = msgspec.json.Decoder(ChatRequest).decode


def parts_of(content: Content | None) -> list[Part]:
    """Content as parts; a bare string is one."""
    if isinstance(content, str):
        return [Part(type="text", text=content)]
    return content or []
