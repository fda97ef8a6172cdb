"""What upstream's own JSON says that an answer cost: an event of a stream, or a whole body.

Reads the few fields that are numbers of usage, and passes over everything else unbuilt. A number
that is none (null, negative, a text, beyond all reason) is as if it had not been said; nothing here
raises. Knows neither streams nor prices of a catalogue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import msgspec
from msgspec import Raw

from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.protocols import Protocol
from gateway.domain.usage.bounds import MAX_NANO_AIU, MAX_TOKENS
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.domain.usage.tokens import Tokens
from gateway.domain.usage.usual import READERS, Costs, Usage, Usual, usual_in, usual_of

MAX_DETAILS = 64
"""Kinds of tokens; upstream has four (copilot-upstream.md §6.6)."""

_Fields = dict[str, Raw]
_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True)
class _Form:
    """Where a `usage` object has its numbers: a name, or a name within the object of a name."""

    paths: Mapping[str, tuple[str, ...]]
    """By the fields of Tokens."""
    is_cached_apart: bool = False
    """Whether cached tokens are not among the input's."""


_CHAT = _Form(
    {
        "input": ("prompt_tokens",),
        "output": ("completion_tokens",),
        "cached": ("prompt_tokens_details", "cached_tokens"),
        "reasoning": ("completion_tokens_details", "reasoning_tokens"),
    }
)
_RESPONSES = _Form(
    {
        "input": ("input_tokens",),
        "output": ("output_tokens",),
        "cached": ("input_tokens_details", "cached_tokens"),
        "cache_written": ("input_tokens_details", "cache_write_tokens"),
        "reasoning": ("output_tokens_details", "reasoning_tokens"),
    }
)
_MESSAGES = _Form(
    {
        "input": ("input_tokens",),
        "output": ("output_tokens",),
        "cached": ("cache_read_input_tokens",),
        "cache_written": ("cache_creation_input_tokens",),
    },
    is_cached_apart=True,
)
_FORMS: Mapping[Protocol, _Form] = {
    Protocol.CHAT: _CHAT,
    Protocol.RESPONSES: _RESPONSES,
    Protocol.MESSAGES: _MESSAGES,
    Protocol.EMBEDDINGS: _CHAT,
}


class _Document(msgspec.Struct, frozen=True):
    """An event or a body, as far as it concerns usage (§6.1, §6.4, §6.5, §6.6)."""

    usage: Raw = Raw()
    copilot_usage: Raw = Raw()
    message: Raw = Raw()
    """In which `message_start` has its usage."""
    response: Raw = Raw()
    """In which a Responses event has it."""


class _Holder(msgspec.Struct, frozen=True):
    usage: Raw = Raw()


class _Costs(msgspec.Struct, frozen=True):
    total_nano_aiu: Raw = Raw()
    token_details: Raw = Raw()


class _Detail(msgspec.Struct, frozen=True):
    token_count: Raw = Raw()
    cost_per_batch: Raw = Raw()
    batch_size: Raw = Raw()


_read_document = msgspec.json.Decoder(_Document).decode
_read_holder = msgspec.json.Decoder(_Holder).decode
_read_fields = msgspec.json.Decoder(_Fields).decode
_read_costs = msgspec.json.Decoder(_Costs).decode
_read_details = msgspec.json.Decoder(list[_Detail]).decode
_read_number = msgspec.json.Decoder(int | float).decode


class Meter:
    """What one answer has said so far.

    A later number takes the place of an earlier one, as counts in a stream are running totals
    (§6.5); 0 does not: some back-ends say it at the end for what they said at the beginning.
    """

    __slots__ = ("_counts", "_form", "_nano_aiu", "_read")

    def __init__(self, protocol: Protocol) -> None:
        """protocol: upstream's."""
        self._read = READERS[protocol]
        self._form = _FORMS[protocol]
        self._counts: dict[str, int] = {}
        self._nano_aiu: int | None = None

    def note(self, data: bytes) -> None:
        """An event's data, or a whole body."""
        usual = usual_in(self._read, data)
        if usual is None:
            self._note_unusual(data)
        else:
            self._note_usual(usual)

    def note_read(self, used: Usage | None, costs: Costs | None) -> None:
        """What a whole body says that was read already, for another reason too."""
        self._note_usual(usual_of(used, costs))

    def _note_usual(self, usual: Usual) -> None:
        counts, nano_aiu = usual
        self._counts.update(counts)
        if nano_aiu is not None:
            self._nano_aiu = nano_aiu or self._nano_aiu or 0

    def _note_unusual(self, data: bytes) -> None:
        document = _lenient(_read_document, data)
        if document is None:
            return
        usage = _lenient(_read_fields, _usage_of(document))
        if usage is not None:
            self._note_tokens(usage)
        nano_aiu = _nano_aiu_of(document.copilot_usage)
        if nano_aiu is not None:
            self._nano_aiu = nano_aiu or self._nano_aiu or 0

    @property
    def spent(self) -> Spent:
        """All of it together."""
        if not self._counts and self._nano_aiu is None:
            return NOTHING
        counts = Tokens(**self._counts)
        if not self._form.is_cached_apart:
            return Spent(counts, self._nano_aiu)
        all_input = counts.input + counts.cached + counts.cache_written
        return Spent(Tokens(**{**self._counts, "input": all_input}), self._nano_aiu)

    def _note_tokens(self, usage: _Fields) -> None:
        if self._form is _CHAT and "input_tokens" in usage and "prompt_tokens" not in usage:
            # Some Claude models' answers to chat requests are Anthropic's own (§6.3).
            self._form = _MESSAGES
        for name, path in self._form.paths.items():
            count = _count(usage, path)
            if count:
                self._counts[name] = count


def spent_in(protocol: Protocol, body: bytes) -> Spent:
    """What a whole answer says that it cost. protocol: upstream's."""
    meter = Meter(protocol)
    meter.note(body)
    return meter.spent


def _usage_of(document: _Document) -> Raw:
    for raw in (document.message, document.response):
        holder = _lenient(_read_holder, raw)
        if holder is not None and holder.usage:
            return holder.usage
    return document.usage


def _count(usage: _Fields, path: tuple[str, ...]) -> int | None:
    first, *inner = path
    raw = usage.get(first)
    for name in inner:
        fields = _lenient(_read_fields, raw)
        raw = fields.get(name) if fields is not None else None
    return _number(raw, MAX_TOKENS)


def _nano_aiu_of(raw: Raw) -> int | None:
    """`total_nano_aiu`; without it, what the details come to (§6.6)."""
    costs = _lenient(_read_costs, raw)
    if costs is None:
        return None
    total = _number(costs.total_nano_aiu, MAX_NANO_AIU)
    return _sum_of(costs.token_details) if total is None else total


def _sum_of(raw: Raw) -> int | None:
    """Σ token_count × cost_per_batch / batch_size; None where any of them is not understood."""
    details = _lenient(_read_details, raw)
    if not details or len(details) > MAX_DETAILS:
        return None
    total = 0
    for detail in details:
        count = _number(detail.token_count, MAX_TOKENS)
        cost = _number(detail.cost_per_batch, MAX_NANO_AIU)
        size = _number(detail.batch_size, MAX_TOKENS)
        if count is None or cost is None or not size:
            return None
        total += count * cost // size
    return total if total <= MAX_NANO_AIU else None


def _number(raw: Raw | None, most: int) -> int | None:
    """A number from 0 to `most`, rounded; None for anything else."""
    number = _lenient(_read_number, raw)
    return round(number) if number is not None and 0 <= number <= most else None


def _lenient(decode: Callable[[bytes | Raw], _Found], raw: bytes | Raw | None) -> _Found | None:
    """What was decoded; None where there is nothing, or something else."""
    if not raw:
        return None
    try:
        return decode(raw)
    except UNREADABLE:
        return None
