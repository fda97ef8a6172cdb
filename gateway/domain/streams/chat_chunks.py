"""One chunk of a chat stream: the fields that decide something, and changes of single fields.

Looked at by type, and only as far as needed; changed with every other value left as the bytes it
is (copilot-upstream.md §6.1). Knows one chunk and not the stream.
"""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.lenient_json import UNREADABLE

Fields = dict[str, Raw]
"""A JSON object one level deep."""

Scalar = str | int | float | UnsetType | None

NULL = Raw(b"null")
USAGE = ("usage", "copilot_usage")

_NOTHING = frozenset({b"null", b'""', b"[]", b"{}"})

_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[Fields]).decode
_encode = msgspec.json.Encoder().encode


class Call(Struct, frozen=True):
    """A piece of a tool call."""

    index: int | None = None
    id: str | None = None


class Delta(Struct, frozen=True):
    """What a choice gains."""

    tool_calls: list[Call] | None = None
    padding: str | UnsetType | None = UNSET


NO_DELTA = Delta()


class Choice(Struct, frozen=True):
    """One of the answers that a chunk carries on."""

    index: int | None = None
    delta: Delta | None = None
    finish_reason: str | None = None
    padding: str | UnsetType | None = UNSET

    @property
    def number(self) -> int:
        """Its index; the first where none is said."""
        return self.index or 0

    @property
    def calls(self) -> Sequence[Call]:
        """The tool calls it carries on."""
        return (self.delta or NO_DELTA).tool_calls or ()

    @property
    def is_padded(self) -> bool:
        """Whether letters were added that hide its length (§6.3)."""
        return self.padding is not UNSET or (self.delta or NO_DELTA).padding is not UNSET

    @property
    def is_ordinary(self) -> bool:
        """Whether it is the first one, goes on, and calls nothing."""
        return not (self.index or self.finish_reason or self.calls or self.is_padded)


class Usage(Struct, frozen=True):
    """What was used; how much of it is nobody's business here."""


class Chunk(Struct, frozen=True):
    """The whole chunk."""

    choices: list[Choice] | UnsetType | None = UNSET
    usage: Usage | UnsetType | None = UNSET
    copilot_usage: Usage | UnsetType | None = UNSET
    padding: str | UnsetType | None = UNSET
    object: Scalar = UNSET
    created: Scalar = UNSET
    id: Scalar = UNSET
    model: Scalar = UNSET

    @property
    def is_padded(self) -> bool:
        """Whether padding is anywhere in it."""
        inner = any(choice.is_padded for choice in self.choices or ())
        return inner or self.padding is not UNSET

    @property
    def is_named(self) -> bool:
        """Whether it says what it is and which answer it belongs to."""
        return bool(self.object and self.created and self.id and self.model)

    @property
    def says_usage(self) -> bool:
        """Whether it says what was used."""
        return bool(self.usage or self.copilot_usage)

    @property
    def is_ordinary(self) -> bool:
        """Whether it carries on the first choice and there is nothing else to it."""
        if not self.choices or len(self.choices) != 1 or self.usage or self.copilot_usage:
            return False
        return self.padding is UNSET and self.is_named and self.choices[0].is_ordinary


_decode_chunk = msgspec.json.Decoder(Chunk).decode


def read(data: bytes) -> Chunk | None:
    """The chunk, or None for what cannot be read as one."""
    try:
        return _decode_chunk(data)
    except UNREADABLE:
        return None


def says(value: Raw | UnsetType) -> bool:
    """Whether a field is there and holds more than an empty value."""
    return isinstance(value, Raw) and bytes(value) not in _NOTHING


def completed(data: bytes, lacking: Mapping[str, Raw]) -> bytes:
    """The chunk with fields put in front that it does not have."""
    opened = data.lstrip()[1:]
    added = b"".join(b'"%b":%b,' % (name.encode(), bytes(raw)) for name, raw in lacking.items())
    return b"{" + added + opened


def changed(data: bytes, given: Mapping[str, Raw]) -> bytes:
    """The chunk without padding and with these fields."""
    chunk = {**_decode_fields(data), **given}
    chunk.pop("padding", None)
    choices = [_without_padding(choice) for choice in _list(chunk.get("choices"))]
    return _with_choices(chunk, choices)


def merged(data: bytes, calls: Sequence[int]) -> bytes:
    """The chunk of one choice as part of the first choice, its tool calls at these indexes."""
    chunk = _decode_fields(data)
    (choice,) = _list(chunk["choices"])
    choice["index"] = Raw(b"0")
    delta = _object(choice.get("delta"))
    if calls:
        pieces = _list(delta["tool_calls"])
        for piece, index in zip(pieces, calls, strict=True):
            piece["index"] = Raw(b"%d" % index)
        delta["tool_calls"] = Raw(_encode(pieces))
        choice["delta"] = Raw(_encode(delta))
    return _with_choices(chunk, [choice])


def singles(data: bytes) -> list[bytes]:
    """A chunk of several choices as chunks of one each; what it used stands in the last."""
    chunk = _decode_fields(data)
    choices = _list(chunk["choices"])
    bare = {name: raw for name, raw in chunk.items() if name not in USAGE}
    *others, last = choices
    return [*(_with_choices(bare, [choice]) for choice in others), _with_choices(chunk, [last])]


def unfinished(data: bytes) -> bytes | None:
    """The chunk of one choice without its finish reason and usage; None if nothing is left."""
    chunk = _decode_fields(data)
    (choice,) = _list(chunk["choices"])
    delta = _object(choice.get("delta"))
    if not any(says(raw) for name, raw in delta.items() if name != "role"):
        return None
    choice["finish_reason"] = NULL
    bare = {name: raw for name, raw in chunk.items() if name not in USAGE}
    return _with_choices(bare, [choice])


def finished(data: bytes, reason: str, usage: Mapping[str, Raw], is_bare: bool) -> bytes:
    """The chunk of one choice with this finish reason, and usage where it says none.

    is_bare: without what it adds to the answer, which was sent before.
    """
    chunk = _decode_fields(data)
    (choice,) = _list(chunk["choices"])
    choice["finish_reason"] = Raw(_encode(reason))
    if is_bare:
        choice["delta"] = Raw(b"{}")
    chunk.update((name, raw) for name, raw in usage.items() if not says(chunk.get(name, UNSET)))
    return _with_choices(chunk, [choice])


def usage_in(data: bytes) -> Fields:
    """What a chunk says of what was used."""
    chunk = _decode_fields(data)
    return {name: chunk[name].copy() for name in USAGE if says(chunk.get(name, UNSET))}


def _with_choices(chunk: Fields, choices: list[Fields]) -> bytes:
    return _encode({**chunk, "choices": choices})


def _without_padding(choice: Fields) -> Fields:
    bare = {name: raw for name, raw in choice.items() if name != "padding"}
    if "delta" in bare:
        delta = _object(bare["delta"])
        if delta.pop("padding", None) is not None:
            bare["delta"] = Raw(_encode(delta))
    return bare


def _list(raw: Raw | None) -> list[Fields]:
    return [] if raw is None or bytes(raw) == b"null" else _decode_list(raw)


def _object(raw: Raw | None) -> Fields:
    return {} if raw is None or bytes(raw) == b"null" else _decode_fields(raw)
