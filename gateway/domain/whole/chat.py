"""A chat answer that came as one body, made into what OpenAI's clients expect.

Copilot's is another (copilot-upstream.md §6.3): no `object` and no `created`, padding in the
message, Claude's text and tool calls in separate choices, sometimes Anthropic's own body. A body
that is as it should be stays the bytes it is.
"""

from collections.abc import Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from gateway.domain.bad_answers import not_understood
from gateway.domain.lenient_json import UNREADABLE
from gateway.domain.streams.chat_choices import weightier
from gateway.domain.streams.chat_chunks import NULL, Fields, Scalar, says
from gateway.domain.streams.failures import StreamFailure, failure_in
from gateway.domain.usage.usual import ChatUsage, Costs
from gateway.domain.whole import native

OBJECT = Raw(b'"chat.completion"')
PADDING = "padding"


class _Message(Struct, frozen=True, gc=False):
    content: Raw | UnsetType = UNSET
    padding: Raw | UnsetType = UNSET


class _Choice(Struct, frozen=True, gc=False):
    message: _Message
    padding: Raw | UnsetType = UNSET


class _Body(Struct, frozen=True, gc=False):
    choices: list[_Choice] | UnsetType | None = UNSET
    object: Scalar = UNSET
    created: Scalar = UNSET
    type: Scalar = UNSET


class Whole(_Body, frozen=True, gc=False):
    """A body whose usage is of the usual form, and read in the same step."""

    usage: ChatUsage | None = None
    copilot_usage: Costs | None = None

    @property
    def used(self) -> ChatUsage | None:
        """See sound.Sound."""
        return self.usage


class _Failed(Struct, frozen=True):
    choices: list[Raw] | UnsetType | None = UNSET
    output: list[Raw] | UnsetType | None = UNSET
    error: Raw | UnsetType = UNSET
    type: Raw | UnsetType = UNSET
    code: Raw | UnsetType = UNSET
    message: Raw | UnsetType = UNSET


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_whole = msgspec.json.Decoder(Whole).decode
_decode_failed = msgspec.json.Decoder(_Failed).decode
_decode_fields = msgspec.json.Decoder(Fields).decode
_decode_list = msgspec.json.Decoder(list[Fields]).decode
_decode_raws = msgspec.json.Decoder(list[Raw]).decode
_decode_value = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def error_in_200(body: bytes) -> StreamFailure | None:
    """The failure that a body reports although the status says that all is well.

    Of any protocol. What has said something is an answer, if one that failed (as a Responses
    answer may). Decoded only as far as needed: an answer may be large.
    """
    try:
        seen = _decode_failed(body)
    except UNREADABLE:
        return None
    is_flat = says(seen.message) and seen.code is not UNSET
    is_named = isinstance(seen.type, Raw) and bytes(seen.type) == b'"error"'
    if seen.choices or seen.output or not (says(seen.error) or is_named or is_flat):
        return None
    return failure_in(body)


def sound_in(body: bytes, choices: int = 1) -> Whole | None:
    """The body, if it is an answer that reports no error and has all that
    clients need; else None. See repair.

    Nearly every one is, and is decoded no more than this once. None too where the usage is not of
    the usual form: then the body has to be looked at again, for both.
    """
    try:
        seen = _decode_whole(body)
    except UNREADABLE:
        return None
    return seen if _is_sound(seen, choices) else None


def repair(body: bytes, *, created: int, choices: int = 1) -> bytes:
    """The body with what clients need in it; the same object when it has that.

    created: seconds since the epoch, where upstream says nothing. choices: how many answers were
    asked for; when it was one, those that came are one that was split. A body that reports an
    error stays as it is: see error_in_200. Raises GatewayError (UPSTREAM_BAD_ANSWER) for what is no
    answer.
    """
    seen = _read(body)
    if not seen.choices:
        if seen.type == "message":
            return native.as_chat(body, created)
        if error_in_200(body) is not None:
            return body
        raise not_understood()
    if _is_sound(seen, choices):
        return body
    is_split = choices <= 1 and len(seen.choices) > 1
    fields = _decode_fields(body)
    repaired = [_with_plain_message(choice) for choice in _decode_list(fields["choices"])]
    fields["choices"] = Raw(_encode([_merged(repaired)] if is_split else repaired))
    if not seen.object:
        fields["object"] = OBJECT
    if not seen.created:
        fields["created"] = Raw(_encode(created))
    return _encode(fields)


def _is_sound(seen: _Body, choices: int) -> bool:
    found = seen.choices
    if not (found and seen.object and seen.created) or (choices <= 1 and len(found) > 1):
        return False
    return not any([_is_odd(choice) for choice in found])


def _read(body: bytes) -> _Body:
    try:
        return _decode_body(body)
    except UNREADABLE:
        raise not_understood() from None


def _is_odd(choice: _Choice) -> bool:
    message = choice.message
    return message.content is UNSET or message.padding is not UNSET or choice.padding is not UNSET


def _with_plain_message(choice: Fields) -> Fields:
    """A choice without padding, whose message has a content, be it null."""
    plain = {name: raw for name, raw in choice.items() if name != PADDING}
    message = {"role": Raw(b'"assistant"'), "content": NULL, **_decode_fields(plain["message"])}
    message.pop(PADDING, None)
    return {**plain, "message": Raw(_encode(message))}


def _merged(choices: Sequence[Fields]) -> Fields:
    """One choice of several: all text, all tool calls, the reason that says most."""
    messages = [_decode_fields(choice["message"]) for choice in choices]
    reason = ""
    for choice in choices:
        said = _decode_value(choice.get("finish_reason", NULL))
        if isinstance(said, str) and weightier(said, than=reason):
            reason = said
    return {
        **choices[0],
        "index": Raw(b"0"),
        "message": Raw(_encode(_one_message(messages))),
        "finish_reason": Raw(_encode(reason or None)),
    }


def _one_message(messages: Sequence[Fields]) -> Fields:
    merged: Fields = {}
    for message in messages:
        merged.update(
            (name, raw) for name, raw in message.items() if not says(merged.get(name, UNSET))
        )
    texts = [text for text in (_decode_value(each["content"]) for each in messages) if text]
    if len(texts) > 1 and all(isinstance(text, str) for text in texts):
        merged["content"] = Raw(_encode("".join(texts)))
    calls = [
        call
        for each in messages
        if says(each.get("tool_calls", UNSET))
        for call in _decode_raws(each["tool_calls"])
    ]
    if calls:
        merged["tool_calls"] = Raw(_encode(calls))
    return merged
