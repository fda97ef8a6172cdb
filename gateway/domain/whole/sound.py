"""Whether a whole answer is one, of whichever protocol, and what it says that it cost.

Nearly every one is, and is decoded once for both: msgspec checks what it passes over too, but for
whether texts are UTF-8. What is not seen to be one so is looked at again: it may be an error under
status 200, no JSON at all, or an answer with usage of an unusual form. What chat's clients need
besides is in chat.py.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from gateway.domain import lenient_json
from gateway.domain.bad_answers import not_understood
from gateway.domain.expected import Expected
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol as Spoken
from gateway.domain.streams.chat_chunks import Fields
from gateway.domain.usage.usual import (
    ChatDocument,
    Costs,
    MessagesDocument,
    ResponsesDocument,
    Usage,
)
from gateway.domain.whole import chat


class Sound(Protocol):
    """An answer that reports no error and has all that clients need."""

    @property
    def used(self) -> Usage | None:
        """Its usage, which is of the usual form where there is any."""

    @property
    def copilot_usage(self) -> Costs | None:
        """Copilot's own account of it."""


# An error that is none of null is not of these types, and so is looked at again.


class _Embeddings(ChatDocument, frozen=True, gc=False):
    error: None = None
    message: None = None
    type: str = ""


class _Messages(MessagesDocument, frozen=True, gc=False):
    error: None = None
    type: str = ""


class _Responses(ResponsesDocument, frozen=True, gc=False):
    error: None = None
    message: None = None
    type: str = ""


_DECODERS: Mapping[Spoken, Callable[[bytes], Any]] = {
    Spoken.EMBEDDINGS: msgspec.json.Decoder(_Embeddings).decode,
    Spoken.MESSAGES: msgspec.json.Decoder(_Messages).decode,
    Spoken.RESPONSES: msgspec.json.Decoder(_Responses).decode,
}
_decode_fields = msgspec.json.Decoder(Fields).decode


def sound_in(body: bytes, expected: Expected) -> Sound | None:
    """The body, if it is such an answer; else None. See readable."""
    if expected.protocol is Spoken.CHAT:
        return chat.sound_in(body, expected.choices)
    try:
        seen: _Embeddings | _Messages | _Responses = _DECODERS[expected.protocol](body)
    except UNREADABLE:
        return None
    return seen if seen.type != "error" else None


def readable(body: bytes) -> bytes:
    """The body as JSON that can be decoded: the same object, where it can be as it is.

    Raises GatewayError (UPSTREAM_BAD_ANSWER) for what is no JSON object.
    """
    if _is_object(body) and is_utf8(body):
        return body
    read = lenient_json.strict(body)
    if read is None or not _is_object(read):
        raise not_understood()
    return read


def is_utf8(body: bytes) -> bool:
    """msgspec does not look into texts that it passes over, and whoever translates them would trip
    over them."""
    if body.isascii():
        return True
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_object(body: bytes) -> bool:
    try:
        _decode_fields(body)
    except UNREADABLE:
        return False
    return True
