"""Usage in the form in which it nearly always comes, read in one step: this is in every request.

What is not quite of that form is not read here at all, but number by number in reading.py, which
takes several times as long and comes to the same for everything that is read here.
"""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.usage.bounds import MAX_NANO_AIU, MAX_TOKENS

Usual = tuple[Mapping[str, int], int | None]
"""Counts above 0 by the fields of Tokens, as upstream has them, and nano-AIU."""

_Count = Annotated[int, Meta(ge=0, le=MAX_TOKENS)]


class _Details(Struct, frozen=True, gc=False):
    cached_tokens: _Count = 0
    cache_write_tokens: _Count = 0
    reasoning_tokens: _Count = 0


_NO_DETAILS = _Details()


class Costs(Struct, frozen=True, gc=False):
    """Copilot's own account of an answer, `copilot_usage`."""

    total_nano_aiu: Annotated[int, Meta(ge=0, le=MAX_NANO_AIU)]


class ChatUsage(Struct, frozen=True, gc=False):
    """Chat's `usage`."""

    prompt_tokens: _Count
    completion_tokens: _Count = 0
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None

    def counts(self) -> Mapping[str, int]:
        """See Usual."""
        inward = self.prompt_tokens_details or _NO_DETAILS
        outward = self.completion_tokens_details or _NO_DETAILS
        return _counted(
            self.prompt_tokens, self.completion_tokens, inward.cached_tokens, 0, outward
        )


class ResponsesUsage(Struct, frozen=True, gc=False):
    """Responses' `usage`."""

    input_tokens: _Count
    output_tokens: _Count = 0
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None

    def counts(self) -> Mapping[str, int]:
        """See Usual."""
        inward = self.input_tokens_details or _NO_DETAILS
        outward = self.output_tokens_details or _NO_DETAILS
        return _counted(
            self.input_tokens,
            self.output_tokens,
            inward.cached_tokens,
            inward.cache_write_tokens,
            outward,
        )


class MessagesUsage(Struct, frozen=True, gc=False):
    """Messages' `usage`."""

    input_tokens: _Count = 0
    output_tokens: _Count = 0
    cache_read_input_tokens: _Count = 0
    cache_creation_input_tokens: _Count = 0

    def counts(self) -> Mapping[str, int]:
        """See Usual."""
        return _counted(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_input_tokens,
            self.cache_creation_input_tokens,
            _NO_DETAILS,
        )


Usage = ChatUsage | ResponsesUsage | MessagesUsage


class ChatDocument(Struct, frozen=True, gc=False):
    """A body or a chunk of chat, or a body of embeddings."""

    usage: ChatUsage | None = None
    copilot_usage: Costs | None = None

    @property
    def used(self) -> ChatUsage | None:
        """Wherever it stands."""
        return self.usage


class _InResponse(Struct, frozen=True, gc=False):
    usage: ResponsesUsage | None = None


class ResponsesDocument(Struct, frozen=True, gc=False):
    """A body or an event of Responses."""

    usage: ResponsesUsage | None = None
    response: _InResponse | None = None
    copilot_usage: Costs | None = None

    @property
    def used(self) -> ResponsesUsage | None:
        """Wherever it stands."""
        return self.response.usage if self.response is not None else self.usage


class _InMessage(Struct, frozen=True, gc=False):
    usage: MessagesUsage | None = None


class MessagesDocument(Struct, frozen=True, gc=False):
    """A body or an event of Messages."""

    usage: MessagesUsage | None = None
    message: _InMessage | None = None
    copilot_usage: Costs | None = None

    @property
    def used(self) -> MessagesUsage | None:
        """Wherever it stands."""
        return self.message.usage if self.message is not None else self.usage


READERS: Mapping[Protocol, Callable[[bytes], Any]] = {
    Protocol.CHAT: msgspec.json.Decoder(ChatDocument).decode,
    Protocol.EMBEDDINGS: msgspec.json.Decoder(ChatDocument).decode,
    Protocol.RESPONSES: msgspec.json.Decoder(ResponsesDocument).decode,
    Protocol.MESSAGES: msgspec.json.Decoder(MessagesDocument).decode,
}


def usual_in(read: Callable[[bytes], Any], data: bytes) -> Usual | None:
    """What an event or a body says of usage; None for what is not of the usual form.

    read: the one of READERS.
    """
    try:
        document = read(data)
    except UNREADABLE:
        return None
    return usual_of(document.used, document.copilot_usage)


def usual_of(used: Usage | None, costs: Costs | None) -> Usual:
    """What these say together."""
    return used.counts() if used is not None else {}, costs.total_nano_aiu if costs else None


def _counted(
    given: int, answered: int, cached: int, cache_written: int, outward: _Details
) -> Mapping[str, int]:
    counts = {"input": given, "output": answered}
    if cached:
        counts["cached"] = cached
    if cache_written:
        counts["cache_written"] = cache_written
    if outward.reasoning_tokens:
        counts["reasoning"] = outward.reasoning_tokens
    if given and answered:
        return counts
    return {name: count for name, count in counts.items() if count}
