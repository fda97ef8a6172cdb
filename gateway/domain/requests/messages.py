"""The few fields of an Anthropic Messages request that decide anything; see chat.py."""

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.requests.reading import (
    HEAD_CHARACTERS,
    Part,
    check_model,
    decoded,
    invalid,
    lenient,
    parts_of,
    user_of,
    words_of,
)

OPENING_MESSAGES = 100


class Turn(msgspec.Struct, frozen=True):
    """One message of the conversation."""

    role: str
    content: str | list[Part] = ""

    def __repr__(self) -> str:
        return f"Turn({self.role!r})"

    @property
    def blocks(self) -> list[Part]:
        """Its blocks; none where it is text."""
        return self.content if isinstance(self.content, list) else []


class MessagesRequest(msgspec.Struct, frozen=True):
    """What the gateway looks at in a Messages request. Never the text itself is kept."""

    model: str
    messages: list[Turn]
    stream: bool | None = None
    thread: msgspec.Raw = msgspec.Raw(b"null")
    raw_metadata: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="metadata")

    def __repr__(self) -> str:
        return f"MessagesRequest({self.model!r}, {len(self.messages)} messages)"

    @property
    def prompt_cache_key(self) -> str | None:
        """Anthropic's protocol has none."""
        return None

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`, in which Claude Code puts its session."""
        return user_of(self.raw_metadata)


class _Said(msgspec.Struct):
    role: str
    content: msgspec.Raw = msgspec.Raw(b"null")


class _Conversation(msgspec.Struct):
    messages: list[_Said]
    system: msgspec.Raw = msgspec.Raw()


class _Source(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw()


_decode = msgspec.json.Decoder(MessagesRequest).decode
_read_conversation = msgspec.json.Decoder(_Conversation).decode
_read_source = msgspec.json.Decoder(_Source).decode


def parse(body: bytes) -> MessagesRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    request = decoded(_decode, body)
    check_model(request.model)
    if not request.messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    if bytes(request.thread) != b"null":
        # Upstream keeps no conversations. Left out silently, the SDK would take the answer for a
        # promise and send only what is new from then on; it knows this word and sends all.
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            "'thread' is not supported: send the whole conversation.",
            code="thread_unsupported_request",
            param="thread",
        )
    return request


def inner(block: Part) -> list[Part]:
    """The blocks inside a block: of a tool's result, or of a document."""
    source = lenient(_read_source, block.source) if block.source else None
    return [*parts_of(block.content), *(parts_of(source.content) if source is not None else ())]


def first_messages(body: bytes) -> bytes:
    """What a conversation begins with, the same in each of its turns; of a body that was parsed."""
    conversation = _read_conversation(body)
    before = words_of(conversation.system)
    for said in conversation.messages[:OPENING_MESSAGES]:
        words = words_of(said.content)
        if said.role == "user":
            return "\0".join((before, said.role, words)).encode()
        before = "\0".join((before, said.role, words))[:HEAD_CHARACTERS]
    return before.encode()
