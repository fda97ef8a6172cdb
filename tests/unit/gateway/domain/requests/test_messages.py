"""What the gateway takes from a Messages request, and what it says of a bad one."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.requests.messages import first_messages, parse

PERSON = {"role": "user", "content": "hello"}


def body(**fields: Any) -> bytes:
    return json.dumps({"model": "m", "max_tokens": 9, "messages": [PERSON], **fields}).encode()


def fault_of(said: bytes) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        parse(said)
    return caught.value


def test_only_the_deciding_fields_are_read() -> None:
    request = parse(body(stream=True, temperature="hot", metadata={"user_id": "u"}, thread=None))
    assert (request.model, request.stream, request.user_id) == ("m", True, "u")


@pytest.mark.parametrize(
    ("said", "param"),
    [(body(model=""), "model"), (body(messages=[]), "messages"), (b'{"model":"m"}', "messages")],
)
def test_what_is_missing_is_named(said: bytes, param: str) -> None:
    error = fault_of(said)
    assert (error.fault, error.param) == (Fault.CALLER_BODY_INVALID, param)


@pytest.mark.parametrize("thread", [{"type": "create"}, {"type": "continue"}, "x", 1])
def test_a_thread_is_refused_in_the_word_that_the_sdk_knows(thread: Any) -> None:
    """Upstream keeps none; left out, only what is new would come from then on."""
    error = fault_of(body(thread=thread))
    assert (error.fault, error.code) == (
        Fault.CALLER_REQUEST_REFUSED,
        "thread_unsupported_request",
    )


def opening(**fields: Any) -> bytes:
    return first_messages(parse(body(**fields)))


def test_a_conversation_begins_the_same_in_each_turn() -> None:
    marked = {"type": "text", "text": "hello", "cache_control": {"type": "ephemeral"}}
    later = [
        {"role": "user", "content": [marked]},
        {"role": "assistant", "content": "hi"},
        {"role": "user", "content": "go on"},
    ]
    assert opening(system="s") == opening(system="s", messages=later)
    assert opening(system="s") != opening(system="t")
