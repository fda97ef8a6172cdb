"""Whole chat answers made of streams.

What some vendors' models answer as one body lacks content that their streams have, and is cut at
a lower limit (copilot-upstream.md §6.3). For these the gateway asks for a stream and puts the
answer together itself.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import Raw, Struct

from gateway.domain.bad_answers import not_understood
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.streams.chat_chunks import Fields, says
from gateway.domain.streams.framing import Unfinished, data_of, ends_in
from gateway.domain.streams.reading import DONE
from gateway.domain.streams.taking import Taking

VENDORS = frozenset({"anthropic", "google"})
MODELS = ("claude-", "gemini-")

TEXTS = ("content", "refusal", "reasoning_text", "cot_summary")
"""What comes in pieces; of every other field the last value counts."""
ANSWER_FIELDS = ("id", "created", "model")
LATEST_FIELDS = ("usage", "copilot_usage", "system_fingerprint")


class _Function(Struct, frozen=True):
    name: str | None = None
    arguments: str | None = None


class _CallPiece(Struct, frozen=True):
    index: int | None = None
    id: str | None = None
    type: str | None = None
    function: _Function | None = None


class _Choice(Struct, frozen=True):
    index: int | None = None
    delta: Fields | None = None
    finish_reason: str | None = None


class _Chunk(Struct, frozen=True):
    choices: list[_Choice] | None = None


_decode_chunk = msgspec.json.Decoder(_Chunk).decode
_decode_calls = msgspec.json.Decoder(list[_CallPiece] | None).decode
_decode_text = msgspec.json.Decoder(str | None).decode
_decode_fields = msgspec.json.Decoder(Fields).decode
_encode = msgspec.json.Encoder().encode


def wants_assembly(model: str, vendor: str = "") -> bool:
    """Whether a whole answer of this model is better fetched as a stream."""
    return vendor.lower() in VENDORS or model.lower().startswith(MODELS)


def as_stream(body: bytes) -> bytes:
    """The caller's request as one for a stream with its usage; every other field as it is.

    Raises GatewayError (CALLER_BODY_INVALID) for what is no JSON object.
    """
    try:
        fields = _decode_fields(body)
        options = fields.get("stream_options")
        inner = _decode_fields(options) if options and says(options) else {}
    except UNREADABLE:
        raise GatewayError(Fault.CALLER_BODY_INVALID, "The body is no chat request.") from None
    inner["include_usage"] = fields["stream"] = Raw(b"true")
    fields["stream_options"] = Raw(_encode(inner))
    return _encode(fields)


@dataclass(slots=True)
class _Call:
    id: str = ""
    type: str = "function"
    name: str = ""
    arguments: list[str] = field(default_factory=list, repr=False)

    def add(self, piece: _CallPiece) -> None:
        self.id = piece.id or self.id
        self.type = piece.type or self.type
        function = piece.function or _Function()
        self.name = self.name or function.name or ""
        self.arguments.append(function.arguments or "")

    def whole(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"id": self.id, "type": self.type, "function": function}


@dataclass(slots=True)
class _Answer:
    """One choice as far as it has come."""

    texts: dict[str, list[str]] = field(default_factory=dict, repr=False)
    others: Fields = field(default_factory=dict, repr=False)
    calls: list[_Call] = field(default_factory=list, repr=False)
    open_calls: dict[int, _Call] = field(default_factory=dict, repr=False)
    finish_reason: str = ""

    def add(self, choice: _Choice) -> None:
        self.finish_reason = choice.finish_reason or self.finish_reason
        for name, raw in (choice.delta or {}).items():
            if name == "tool_calls":
                self._add_calls(_decode_calls(raw) or [])
            elif name in TEXTS:
                text = _decode_text(raw)
                if text is not None:
                    self.texts.setdefault(name, []).append(text)
            elif says(raw):
                self.others[name] = raw.copy()

    def _add_calls(self, pieces: list[_CallPiece]) -> None:
        for place, piece in enumerate(pieces):
            index = place if piece.index is None else piece.index
            call = self.open_calls.get(index)
            # Another id begins another call, whatever its index (§6.2).
            if call is None or (piece.id and call.id and piece.id != call.id):
                call = self.open_calls[index] = _Call()
                self.calls.append(call)
            call.add(piece)

    def whole(self, index: int) -> dict[str, Any]:
        texts = {name: "".join(pieces) for name, pieces in self.texts.items()}
        has_content = texts.get("content") or ("content" in texts and not self.calls)
        message: dict[str, Any] = {"role": "assistant", **self.others, **texts}
        message["content"] = texts["content"] if has_content else None
        message["refusal"] = texts.get("refusal") or None
        if self.calls:
            message["tool_calls"] = [call.whole() for call in self.calls]
        reason = self.finish_reason or "stop"
        return {"index": index, "message": message, "logprobs": None, "finish_reason": reason}


class ChatAssembly:
    """Puts one chat completion together from what a chat follower let through.

    Whoever feeds it bounds it.
    """

    def __init__(self) -> None:
        self._answers: dict[int, _Answer] = {}
        self._fields: Fields = {}
        self._unfinished = Unfinished()
        self._taking = Taking()

    def feed(self, events: bytes) -> None:
        """Take whole events. What is no JSON object is skipped (copilot-upstream.md §6.1).

        Raises GatewayError (UPSTREAM_BAD_ANSWER) at an object that is no chunk.
        """
        buffer = self._unfinished.with_more(events)
        start = 0
        for end in ends_in(buffer):
            self._add(data_of(buffer[start:end]))
            start = end
        self._unfinished.keep(buffer[start:])

    def result(self) -> bytes:
        """The chat completion. Raises GatewayError (UPSTREAM_BAD_ANSWER) when there is none."""
        self._add(data_of(self._unfinished.take()))
        if not self._answers:
            raise not_understood()
        choices = [answer.whole(index) for index, answer in sorted(self._answers.items())]
        fields = {name: self._fields[name] for name in ANSWER_FIELDS if name in self._fields}
        latest = {name: self._fields[name] for name in LATEST_FIELDS if name in self._fields}
        return _encode({"object": "chat.completion", **fields, "choices": choices, **latest})

    def _add(self, data: bytes | None) -> None:
        if not data or data == DONE:
            return
        self._taking.one(data, self._take)

    def _take(self, data: bytes) -> None:
        """Raises one of UNREADABLE; only where that is not to be helped has it added anything."""
        if not data.isascii():
            data.decode()  # whole, as only the texts are looked at below, one by one
        fields = _decode_fields(data)
        for name in ANSWER_FIELDS:
            if name not in self._fields and name in fields:
                self._fields[name] = fields[name].copy()
        for name in LATEST_FIELDS:
            if says(fields.get(name, msgspec.UNSET)):
                self._fields[name] = fields[name].copy()
        for choice in _decode_chunk(data).choices or ():
            self._answers.setdefault(choice.index or 0, _Answer()).add(choice)
