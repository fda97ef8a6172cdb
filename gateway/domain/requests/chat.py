"""The few fields of a chat-completions request that decide anything.

Decoded by type and nothing more: every other field is skipped without being built, and the
caller's own bytes are what goes upstream. Knows nothing of headers or accounts.
"""

import msgspec

from gateway.domain.requests.oddities import NONE, Oddities
from gateway.domain.requests.reading import (
    Content,
    Part,
    check_model,
    decoded,
    invalid,
    is_foreign,
    lenient,
    opening,
    text_of,
    user_of,
    words_of,
)

OPENING_MESSAGES = 100
"""Among so many a person has spoken."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of the conversation."""

    role: str
    content: Content = None
    tool_calls: msgspec.Raw = msgspec.Raw()
    reasoning_opaque: msgspec.Raw = msgspec.Raw()
    encrypted_content: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Message({self.role!r})"

    @property
    def calls_tools(self) -> bool:
        """Whether it waits for results of tools."""
        return bool(lenient(_read_list, self.tool_calls))


class ChatRequest(msgspec.Struct, frozen=True, gc=False):
    """What the gateway looks at in a chat request. Whoever has it does not keep it: it holds the
    text."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    stream_options: msgspec.Raw = msgspec.Raw()
    max_tokens: msgspec.Raw = msgspec.Raw()
    raw_n: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="n")
    raw_prompt_cache_key: msgspec.Raw = msgspec.field(
        default=msgspec.Raw(), name="prompt_cache_key"
    )
    raw_metadata: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="metadata")

    def __repr__(self) -> str:
        return f"ChatRequest({self.model!r}, {len(self.messages)} messages)"

    @property
    def n(self) -> int | None:
        """How many answers are asked for; None where it is not said, or makes no sense."""
        if not self.raw_n:
            return None
        number = lenient(_read_int, self.raw_n)
        return number if number is not None and number > 0 else None

    @property
    def wants_usage(self) -> bool:
        """Whether a stream is to say what it cost."""
        if not self.stream_options:
            return False
        options = lenient(_read_options, self.stream_options)
        return options is not None and options.include_usage is True

    @property
    def prompt_cache_key(self) -> str | None:
        """What requests with the same beginning have in common."""
        return text_of(self.raw_prompt_cache_key) if self.raw_prompt_cache_key else None

    @property
    def user_id(self) -> str | None:
        """`metadata.user_id`."""
        return user_of(self.raw_metadata) if self.raw_metadata else None

    @property
    def parts(self) -> list[Part]:
        """All there are, of all messages."""
        messages = self.messages
        return [
            part for each in messages if isinstance(each.content, list) for part in each.content
        ]

    @property
    def oddities(self) -> Oddities:
        """What may have to be changed."""
        has_travelled = any(
            [
                is_foreign(m.reasoning_opaque) or is_foreign(m.encrypted_content)
                for m in self.messages
                if m.reasoning_opaque or m.encrypted_content
            ]
        )
        if not (has_travelled or self.max_tokens or self.stream_options):
            return NONE
        return Oddities(has_travelled, bool(self.max_tokens), bool(self.stream_options))


class _Options(msgspec.Struct):
    include_usage: bool | None = None


_read_int = msgspec.json.Decoder(int).decode
_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_read_options = msgspec.json.Decoder(_Options).decode
_decode = msgspec.json.Decoder(ChatRequest).decode


def parse(body: bytes) -> ChatRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    request = decoded(_decode, body)
    check_model(request.model)
    if not request.messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    return request


def first_messages(request: ChatRequest) -> bytes:
    """See reading.opening; where no person speaks, the first message."""
    said, is_a_persons = opening("", request.messages[:OPENING_MESSAGES])
    if is_a_persons:
        return said.encode()
    first = request.messages[0]
    return f"{first.role}\0{words_of(first.content)}".encode()
