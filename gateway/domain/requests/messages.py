"""The few fields of an Anthropic Messages request that decide anything; see chat.py."""

import msgspec

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.requests.oddities import NONE, Oddities
from gateway.domain.requests.reading import (
    LIST,
    OBJECT,
    Part,
    begins,
    check_model,
    content_of,
    decoded,
    invalid,
    is_foreign,
    lenient,
    opening,
    parts_of,
    text_of,
    user_of,
    words_of,
)

OPENING_MESSAGES = 100
THINKING = "thinking"
HOLDERS = (LIST, OBJECT)
"""What begins so may have something inside."""


class Turn(msgspec.Struct, frozen=True, gc=False):
    """One message of the conversation."""

    role: str
    content: str | list[Part] = ""
    cache_control: msgspec.Raw = msgspec.Raw()

    def __repr__(self) -> str:
        return f"Turn({self.role!r})"

    @property
    def blocks(self) -> list[Part]:
        """Its blocks; none where it is text."""
        return self.content if isinstance(self.content, list) else []


class MessagesRequest(msgspec.Struct, frozen=True, gc=False):
    """What the gateway looks at in a Messages request; see chat.ChatRequest."""

    model: str
    messages: list[Turn]
    stream: bool | None = None
    system: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()
    context_management: msgspec.Raw = msgspec.Raw()
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

    @property
    def blocks(self) -> list[Part]:
        """All blocks of all turns, but for those inside of others."""
        lists = [turn.content for turn in self.messages]
        return [block for each in lists if isinstance(each, list) for block in each]

    @property
    def oddities(self) -> Oddities:
        """What may have to be changed."""
        blocks = self.blocks
        has_travelled = any(
            [
                is_foreign(each.signature) or is_foreign(each.data)
                for each in blocks
                if each.signature or each.data
            ]
        )
        is_unfit = self._is_unfit(blocks)
        return Oddities(has_travelled, is_unfit, False) if has_travelled or is_unfit else NONE

    def _is_unfit(self, blocks: list[Part]) -> bool:
        return (
            not isinstance(self, _Known)
            or bool(self.context_management)
            or _has_odd_metadata(self.raw_metadata)
            or _may_have_odd_marks(self.system)
            or _may_have_odd_marks(self.tools)
            or any([_is_scoped(turn.cache_control) for turn in self.messages if turn.cache_control])
            or any(
                [
                    _is_odd(block)
                    for block in blocks
                    if block.cache_control or _holds(block) or block.type == THINKING
                ]
            )
        )


class _Known(MessagesRequest, frozen=True, gc=False, forbid_unknown_fields=True):
    """One that has no field which upstream does not know: these are all of fitting.IN_MESSAGES."""

    max_tokens: msgspec.Raw = msgspec.Raw()
    stop_sequences: msgspec.Raw = msgspec.Raw()
    temperature: msgspec.Raw = msgspec.Raw()
    top_k: msgspec.Raw = msgspec.Raw()
    top_p: msgspec.Raw = msgspec.Raw()
    tool_choice: msgspec.Raw = msgspec.Raw()
    thinking: msgspec.Raw = msgspec.Raw()
    output_config: msgspec.Raw = msgspec.Raw()
    output_format: msgspec.Raw = msgspec.Raw()


class _Thread(msgspec.Struct):
    thread: msgspec.Raw = msgspec.Raw(b"null")


class _UserOnly(msgspec.Struct, forbid_unknown_fields=True):
    user_id: msgspec.Raw = msgspec.Raw()


class _Source(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw()


_decode_known = msgspec.json.Decoder(_Known).decode
_decode = msgspec.json.Decoder(MessagesRequest).decode
_read_thread = msgspec.json.Decoder(_Thread).decode
_read_user_only = msgspec.json.Decoder(_UserOnly).decode
_read_source = msgspec.json.Decoder(_Source).decode
_read_parts = msgspec.json.Decoder(list[Part]).decode


def parse(body: bytes) -> MessagesRequest:
    """Decode a request body. Raises GatewayError, whose message quotes no value of it."""
    try:
        request: MessagesRequest = _decode_known(body)
    except UNREADABLE:
        request = decoded(_decode, body)
        _check_thread(body)
    check_model(request.model)
    if not request.messages:
        raise invalid("'messages' must hold at least one message.", "messages")
    return request


def inner(block: Part) -> list[Part]:
    """The blocks inside a block: of a tool's result, or of a document."""
    if not block.source:
        return parts_of(block.content)
    source = lenient(_read_source, block.source)
    return [*parts_of(block.content), *(parts_of(source.content) if source is not None else ())]


def first_messages(request: MessagesRequest) -> bytes:
    """See reading.opening."""
    before = words_of(content_of(request.system))
    return opening(before, request.messages[:OPENING_MESSAGES])[0].encode()


def _check_thread(body: bytes) -> None:
    """Upstream keeps no conversations. Left out silently, the SDK would take the answer for a
    promise and send only what is new from then on; it knows this word and sends all."""
    if bytes(_read_thread(body).thread) != b"null":
        raise GatewayError(
            Fault.CALLER_REQUEST_REFUSED,
            "'thread' is not supported: send the whole conversation.",
            code="thread_unsupported_request",
            param="thread",
        )


# --- what fitting.py may have to change ---


def _has_odd_metadata(raw: msgspec.Raw) -> bool:
    return bool(raw) and lenient(_read_user_only, raw) is None


def _may_have_odd_marks(raw: msgspec.Raw) -> bool:
    """Of the instructions, or of the tools."""
    if not raw or memoryview(raw)[0] not in HOLDERS:
        return False
    parts = lenient(_read_parts, raw)
    return parts is None or any([_is_scoped(each.cache_control) or _holds(each) for each in parts])


def _is_odd(block: Part) -> bool:
    """Marked with a scope, or marked inside; thought without a signature."""
    if block.type == THINKING and not text_of(block.signature):
        return True
    if _is_scoped(block.cache_control) or begins(block.content, OBJECT):
        return True
    return any([each.cache_control or _holds(each) for each in parts_of(block.content)])


def _holds(part: Part) -> bool:
    return memoryview(part.content)[0] in HOLDERS


def _is_scoped(mark: msgspec.Raw) -> bool:
    """The word, or any character written so that it may be one of the word's."""
    return bool(mark) and (b"scope" in bytes(mark) or b"\\" in bytes(mark))
