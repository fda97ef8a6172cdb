"""Whether a whole answer is one, in each protocol, and what it says that it cost."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.tokens import Tokens
from gateway.domain.whole.sound import readable, sound_in

Body = dict[str, Any]

CHAT: Body = {
    "object": "chat.completion",
    "created": 1,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2},
}
RESPONSES: Body = {
    "id": "r",
    "object": "response",
    "status": "completed",
    "error": None,
    "output": [{"type": "message", "content": []}],
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
MESSAGES: Body = {
    "type": "message",
    "content": [{"type": "text", "text": "hi"}],
    "usage": {"input_tokens": 9, "output_tokens": 2},
}
EMBEDDINGS: Body = {"object": "list", "data": [], "usage": {"prompt_tokens": 9}}
GOOD: dict[Protocol, Body] = {
    Protocol.CHAT: CHAT,
    Protocol.RESPONSES: RESPONSES,
    Protocol.MESSAGES: MESSAGES,
    Protocol.EMBEDDINGS: EMBEDDINGS,
}
ALL = pytest.mark.parametrize("protocol", list(Protocol))


def expected(protocol: Protocol) -> Expected:
    return Expected(protocol, Asked("m", 1, "a"), 1, (), None)


@ALL
def test_an_answer_is_seen_to_be_one_with_what_it_cost(protocol: Protocol) -> None:
    seen = sound_in(json.dumps(GOOD[protocol]).encode(), expected(protocol))
    assert seen is not None
    meter = Meter(protocol)
    meter.note_read(seen.used, seen.copilot_usage)
    assert meter.spent.tokens == Tokens(9, 0 if protocol is Protocol.EMBEDDINGS else 2)


@ALL
def test_credits_are_read_in_the_same_step(protocol: Protocol) -> None:
    body = {**GOOD[protocol], "copilot_usage": {"total_nano_aiu": 70}}
    seen = sound_in(json.dumps(body).encode(), expected(protocol))
    assert seen is not None
    assert seen.copilot_usage is not None
    assert seen.copilot_usage.total_nano_aiu == 70


@ALL
@pytest.mark.parametrize(
    "body",
    [b"", b"<html></html>", b"some words", b"[]", b"null", b'"x"', b'data: {"a":1}\n\n', b"{}{}"],
)
def test_what_is_no_object_is_none_and_cannot_be_read(protocol: Protocol, body: bytes) -> None:
    assert sound_in(body, expected(protocol)) is None
    with pytest.raises(GatewayError) as caught:
        readable(body)
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


@ALL
def test_no_part_of_an_answer_is_one(protocol: Protocol) -> None:
    """Cut anywhere, inside texts and fields that nobody reads too."""
    whole = json.dumps(GOOD[protocol]).encode()
    for end in range(len(whole)):
        assert sound_in(whole[:end], expected(protocol)) is None
        with pytest.raises(GatewayError):
            readable(whole[:end])


@ALL
@pytest.mark.parametrize("odd", [b"tru", b"[1,2", b"01", b'"\x01"', b'{"b" 1}', b"", b"1,"])
def test_what_is_passed_over_is_checked_too(protocol: Protocol, odd: bytes) -> None:
    """Else an answer would have to be decoded again to know that it is one."""
    body = json.dumps({"unknown": "ODD", **GOOD[protocol]}).encode().replace(b'"ODD"', odd)
    assert sound_in(body, expected(protocol)) is None
    with pytest.raises(GatewayError):
        readable(body)


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"code": "x", "message": "m"}},
        {"error": "broken"},
        {"type": "error"},
        {"type": "error", "error": {"type": "overloaded_error"}},
        {"message": "m", "code": "x"},
    ],
)
@ALL
def test_an_error_is_looked_at_again(protocol: Protocol, error: Any) -> None:
    assert sound_in(json.dumps(error).encode(), expected(protocol)) is None


def test_what_can_be_read_is_the_same_object() -> None:
    body = json.dumps(MESSAGES).encode()
    assert readable(body) is body


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (rb'{"a":"\ud83d"}', "\ufffd"),
        (b'{"a":"\xff"}', "\ufffd"),
        (b'\xef\xbb\xbf{"a":"x"}', "x"),
    ],
)
def test_what_clients_read_can_be_read(said: bytes, meant: str) -> None:
    assert json.loads(readable(said)) == {"a": meant}
