"""The few fields of a Responses request that decide anything; see chat.py."""

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.requests.reading import (
    HEAD_CHARACTERS,
    Part,
    begins,
    check_model,
    decoded,
    invalid,
    parts_of,
    text_of,
    user_of,
    words_of,
)

MESSAGE = "message"
OPENING_ITEMS = 100


class Item(msgspec.Struct, frozen=True):
    """One item of the input; which fields it has depends on its type."""

    raw_type: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="type")
    raw_role: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="role")
    content: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Item({self.type!r}, {self.role!r})"

    @property
    def type(self) -> str:
        """Its kind; an item that has only a role is a message."""
        kind = text_of(self.raw_type)
        if kind is not None:
            return kind
        return MESSAGE if self.role else ""

    @property
    def role(self) -> str:
        """Of a message; else empty."""
        return text_of(self.raw_role) or ""

    @property
    def parts(self) -> list[Part]:
        """Of the content, and of a tool's output."""
        return [*parts_of(self.content), *parts_of(self.output), *_one(self.output)]


class ResponsesRequest(msgspec.Struct, frozen=True):
    """What the gateway looks at in a Responses request. Never the text itself is kept."""

    model: str
    input: str | list[Item] = ""
    stream: bool | None = None
    previous_response_id: msgspec.Raw = msgspec.Raw()
    raw_prompt_cache_key: msgspec.Raw = msgspec.field(
        default=msgspec.Raw(), name="prompt_cache_key"
    )
    raw_metadata: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="metadata")

    def __repr__(self) -> str:
        return f"ResponsesRequest({self.model!r})"

    @property
    def items(self) -> list[Item]:
        """The input's items; none where it is text."""
        return self.input if isinstance(self.input, list) else []

    @property
    def prompt_cache_key(self) -> str | None:
        """What requests with the same beginning have in common."""
        return text_of(self.raw_prompt_cache_key)

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`."""
        return user_of(self.raw_metadata)


class _Beginning(msgspec.Struct):
    instructions: msgspec.Raw = msgspec.Raw()
    input: msgspec.Raw = msgspec.Raw()


_read_part = msgspec.json.Decoder(Part).decode
_decode = msgspec.json.Decoder(ResponsesRequest).decode
_read_beginning = msgspec.json.Decoder(_Beginning).decode
_read_items = msgspec.json.Decoder(list[Item]).decode


def _one(raw: msgspec.Raw) -> list[Part]:
    """An output that is one part, such as a screenshot."""
    if not begins(raw, b"{"):
        return []
    try:
        return [_read_part(raw)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def parse(body: bytes) -> ResponsesRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    request = decoded(_decode, body)
    check_model(request.model)
    if not request.input:
        raise invalid("'input' must hold text or at least one item.", "input")
    if text_of(request.previous_response_id):
        # Upstream keeps no answers (copilot-upstream.md §5.6): the whole input has to be sent.
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            "'previous_response_id' is not supported: send the whole conversation as input.",
            code="previous_response_not_found",
            param="previous_response_id",
        )
    return request


def first_messages(body: bytes) -> bytes:
    """What a conversation begins with, the same in each of its turns; of a body that was parsed."""
    beginning = _read_beginning(body)
    before = words_of(beginning.instructions)
    if not begins(beginning.input, b"["):
        return "\0".join((before, "user", words_of(beginning.input))).encode()
    for item in _read_items(beginning.input)[:OPENING_ITEMS]:
        words = words_of(item.content)
        if item.role == "user":
            return "\0".join((before, item.role, words)).encode()
        before = "\0".join((before, item.role, words))[:HEAD_CHARACTERS]
    return before.encode()
