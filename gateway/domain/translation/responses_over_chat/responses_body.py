"""A Responses request by type, as far as chat can say it or it has to be turned away."""

from gateway.domain.translation.chat_over_responses.bodies import Fields
from gateway.domain.translation.reading import Body


class Part(Body, frozen=True):
    """One part of a message's content or of a tool's output."""

    type: str = ""
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_id: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None


class Format(Body, frozen=True):
    """What a custom tool's input has to follow."""

    type: str = "text"
    definition: str | None = None
    syntax: str | None = None


class Tool(Body, frozen=True):
    """One tool; a namespace has tools of its own."""

    type: str = ""
    name: str | None = None
    description: str | None = None
    parameters: Fields | None = None
    strict: bool | None = None
    format: Format | None = None
    tools: list["Tool"] | None = None


class Choice(Body, frozen=True):
    """A certain tool, or some of them."""

    type: str
    name: str | None = None
    namespace: str | None = None
    mode: str | None = None
    tools: list["Choice"] | None = None


class Item(Body, frozen=True):
    """One item of the input; which fields it has depends on its type.

    Fields of other types than named here stand for items that are dropped or turned away.
    """

    type: str | None = None
    role: str | None = None
    content: str | list[Part] | None = None
    id: str | None = None
    call_id: str | None = None
    name: str | None = None
    namespace: str | None = None
    arguments: str | Fields | None = None
    input: str | None = None
    action: Fields | None = None
    output: str | list[Part] | Fields | None = None
    tools: list[Tool] | None = None


class Reasoning(Body, frozen=True):
    """How much to think."""

    effort: str | None = None


class TextFormat(Body, frozen=True):
    """What form the answer's text has."""

    type: str = "text"
    name: str | None = None
    schema: Fields | None = None
    description: str | None = None
    strict: bool | None = None


class Text(Body, frozen=True):
    """What the answer's text is to be like."""

    format: TextFormat | None = None
    verbosity: str | None = None


class Offering(Body, frozen=True):
    """The tools of a request, wherever they stand."""

    tools: list[Tool] | None = None
    input: str | list[Item] = ""

    @property
    def items(self) -> list[Item]:
        """The input; a bare string is what a user says."""
        if isinstance(self.input, str):
            return [Item(type="message", role="user", content=self.input)]
        return self.input


class ResponsesRequest(Offering, frozen=True, kw_only=True):
    """The whole request."""

    model: str
    input: str | list[Item]
    instructions: str | None = None
    stream: bool | None = None
    temperature: float | None = None
    top_p: float | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    max_output_tokens: int | None = None
    tool_choice: str | Choice | None = None
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    text: Text | None = None
    previous_response_id: str | None = None
    conversation: str | Fields | None = None
    prompt: Fields | None = None
    background: bool | None = None
