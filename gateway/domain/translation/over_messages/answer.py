"""What both translations of a Messages answer read of it: its blocks, and what a stream adds."""

from msgspec import Raw

from gateway.domain.translation.reading import Body

NOTHING = Raw(b"{}")


class Block(Body, frozen=True):
    """A block of the content; which fields it has depends on its type."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: Raw = NOTHING

    @property
    def arguments(self) -> str:
        """What a tool is called with, as JSON."""
        return bytes(self.input).decode("utf-8", "replace")


class Delta(Body, frozen=True):
    """What a block gains, or why the answer ends."""

    type: str = ""
    text: str = ""
    thinking: str = ""
    signature: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class Kind(Body, frozen=True):
    """Of a block or an event, only what it is: its other fields may be anything."""

    type: str = ""
