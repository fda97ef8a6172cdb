"""What both translations of a chat answer read of a message or a delta."""

from gateway.domain.translation.reading import Body


class Function(Body, frozen=True):
    """What is called, and with what; in a chunk, as much of it as came."""

    name: str | None = None
    arguments: str | None = None


class Call(Body, frozen=True):
    """A call of a tool, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Message(Body, frozen=True):
    """What an answer says, or gains by a chunk."""

    content: str | None = None
    refusal: str | None = None
    reasoning_text: str | None = None
    reasoning_content: str | None = None
    cot_summary: str | None = None
    tool_calls: list[Call] | None = None
