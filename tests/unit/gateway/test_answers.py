"""One whole answer: what goes to the caller, what it cost, and what is none."""

import json
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.answers import read_whole, refusal_of
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.expected import Expected
from gateway.domain.protocols import Protocol
from gateway.domain.translation.contract import Asked
from gateway.domain.translation.table import TRANSLATIONS
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.tokens import Tokens
from tests.fakes.upstream import FakeReply

pytestmark = pytest.mark.anyio

CHAT = (
    '{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    '"message":{"role":"assistant","content":"TEXT"},"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":9,"completion_tokens":2}}'
)
RESPONSES = (
    '{"id":"r","object":"response","status":"completed","error":null,"output":[{"type":"message",'
    '"content":[{"type":"output_text","text":"TEXT"}]}],'
    '"usage":{"input_tokens":9,"output_tokens":2}}'
)
MESSAGES = (
    '{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text",'
    '"text":"TEXT"}],"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":2}}'
)
EMBEDDINGS = (
    '{"object":"list","model":"TEXT","data":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}'
)
WHOLE = {
    Protocol.CHAT: CHAT,
    Protocol.RESPONSES: RESPONSES,
    Protocol.MESSAGES: MESSAGES,
    Protocol.EMBEDDINGS: EMBEDDINGS,
}
UPSTREAM_GONE = GatewayError(Fault.UPSTREAM_CUT_OFF, "gone")
TOO_LARGE = GatewayError(Fault.UPSTREAM_BAD_ANSWER, "too large")
ALL = pytest.mark.parametrize("protocol", list(Protocol))
CUT = pytest.mark.parametrize("text", ["hi", r"x\ud83d", "x\\ude00\\ud83d"])


def saying(protocol: Protocol, text: str = "hi") -> bytes:
    return WHOLE[protocol].replace("TEXT", text).encode()


def expected(protocol: Protocol) -> Expected:
    return Expected(protocol, Asked("m", 1, "a", body=b'{"model":"m"}'), 1, (), None)


async def answer_to(body: bytes, what: Expected) -> tuple[bytes, Tokens]:
    meter = Meter(what.protocol)
    got = await read_whole(FakeReply(pieces=(body,)), what, meter, 60)
    return got, meter.spent.tokens


async def fault(body: bytes, protocol: Protocol) -> Fault:
    with pytest.raises(GatewayError) as caught:
        await answer_to(body, expected(protocol))
    return caught.value.fault


@ALL
@CUT
async def test_an_answer_goes_on_as_its_own_bytes_and_is_counted(
    protocol: Protocol, text: str
) -> None:
    """Also one that was cut in the middle of a character."""
    body = saying(protocol, text)
    got, tokens = await answer_to(body, expected(protocol))
    assert got is body
    assert tokens == Tokens(9, 2)


@ALL
async def test_a_byte_that_is_no_utf_8_changes_nothing(protocol: Protocol) -> None:
    body = saying(protocol).replace(b"hi", b"h\xff").replace(b'tokens":9', b'tokens":9.0')
    got, tokens = await answer_to(body, expected(protocol))
    assert got is body
    assert tokens == Tokens(9, 2)


@ALL
@CUT
async def test_a_byte_order_mark_is_left_out(protocol: Protocol, text: str) -> None:
    body = saying(protocol, text)
    got, tokens = await answer_to(b"\xef\xbb\xbf" + body, expected(protocol))
    assert got == body
    assert tokens == Tokens(9, 2)


@ALL
async def test_usage_of_another_form_is_counted(protocol: Protocol) -> None:
    body = saying(protocol).replace(b'tokens":9', b'tokens":9.0')
    got, tokens = await answer_to(body, expected(protocol))
    assert got is body
    assert tokens == Tokens(9, 2)


@ALL
@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>Unicorn!</title></html>",
        b"",
        b"some words",
        b'data: {"choices":[]}\n\ndata: [DONE]\n\n',
        b"[]",
        b"{}x",
    ],
    ids=["page", "nothing", "words", "stream", "list", "more"],
)
async def test_what_is_no_object_is_no_answer(protocol: Protocol, body: bytes) -> None:
    assert await fault(body, protocol) is Fault.UPSTREAM_BAD_ANSWER


@ALL
async def test_an_answer_that_is_cut_short_is_no_answer(protocol: Protocol) -> None:
    """However upstream framed it: a body that ends with its connection may end anywhere."""
    assert await fault(saying(protocol)[:-10], protocol) is Fault.UPSTREAM_BAD_ANSWER


@ALL
@pytest.mark.parametrize(
    ("error", "means"),
    [
        ({"error": {"code": "rate_limited", "message": "m"}}, Fault.SEAT_RATE_LIMITED),
        ({"type": "error", "error": {"type": "overloaded_error"}}, Fault.UPSTREAM_MODEL_OVERLOADED),
        ({"error": {"code": "x"}, "output": []}, Fault.UPSTREAM_UNAVAILABLE),
        ({"error": "broken"}, Fault.UPSTREAM_UNAVAILABLE),
    ],
)
async def test_an_error_under_status_200_is_an_error(
    protocol: Protocol, error: Any, means: Fault
) -> None:
    assert await fault(json.dumps(error).encode(), protocol) is means


async def test_an_error_that_is_cut_in_the_middle_of_a_character_is_an_error() -> None:
    body = rb'{"error":{"code":"rate_limited","message":"\ud83d"}}'
    assert await fault(body, Protocol.MESSAGES) is Fault.SEAT_RATE_LIMITED


async def test_a_responses_answer_that_failed_after_it_said_something_is_an_answer() -> None:
    failed = b'"status":"failed","error":{"code":"server_error","message":"m"}'
    body = saying(Protocol.RESPONSES).replace(b'"status":"completed","error":null', failed)
    got, tokens = await answer_to(body, expected(Protocol.RESPONSES))
    assert got is body
    assert tokens == Tokens(9, 2)


async def test_what_is_repaired_can_be_read_by_everyone() -> None:
    odd = saying(Protocol.CHAT, r"x\ud83d").replace(b'"object":"chat.completion",', b"")
    got, tokens = await answer_to(odd, expected(Protocol.CHAT))
    answer = json.loads(got)
    assert answer["object"] == "chat.completion"
    assert answer["choices"][0]["message"]["content"] == "x\ufffd"
    assert tokens == Tokens(9, 2)


async def test_split_choices_with_a_byte_that_is_no_utf_8_are_merged() -> None:
    body = json.loads(CHAT)
    body["choices"] *= 2
    got, _ = await answer_to(
        json.dumps(body).encode().replace(b"TEXT", b"a\xff"), expected(Protocol.CHAT)
    )
    (choice,) = json.loads(got)["choices"]
    assert choice["message"]["content"] == "a\ufffda\ufffd"


@pytest.mark.parametrize("pair", list(TRANSLATIONS), ids=str)
async def test_a_translated_answer_that_is_cut_in_a_character_is_translated(pair: Any) -> None:
    translation = TRANSLATIONS[pair]
    what = replace(expected(translation.upstream), translation=translation)
    got, tokens = await answer_to(saying(translation.upstream, r"x\ud83d"), what)
    assert "x\ufffd" in json.dumps(json.loads(got), ensure_ascii=False)
    assert tokens == Tokens(9, 2)


@pytest.mark.parametrize("pair", list(TRANSLATIONS), ids=str)
async def test_a_translated_answer_with_a_byte_that_is_no_utf_8_is_translated(pair: Any) -> None:
    translation = TRANSLATIONS[pair]
    what = replace(expected(translation.upstream), translation=translation)
    body = saying(translation.upstream, "hi").replace(b'"hi"', b'"h\xff"')
    got, tokens = await answer_to(body, what)
    assert "h\ufffd" in json.dumps(json.loads(got), ensure_ascii=False)
    assert tokens == Tokens(9, 2)


@pytest.mark.parametrize("body", [UPSTREAM_GONE, TOO_LARGE], ids=["broken off", "too large"])
async def test_a_refusal_that_does_not_end_is_judged_by_its_status(body: GatewayError) -> None:
    reply = FakeReply(429, (b"{", body), {"retry-after": "7"})
    error = await refusal_of(reply, 0.0, "copilot")
    assert (error.fault, error.retry_after) == (Fault.SEAT_RATE_LIMITED, 7.0)
