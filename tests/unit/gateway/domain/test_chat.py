"""What the gateway takes from a chat request, and what it says of a bad one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.chat import parse
from gateway.domain.errors import Fault, GatewayError


def test_only_the_deciding_fields_are_read() -> None:
    body = {
        "model": "gpt-4o-mini",
        "stream": True,
        "messages": [{"role": "user", "content": "hello", "name": "n"}],
        "tools": [{"type": "function"}],
        "temperature": "not even a number",
    }
    request = parse(json.dumps(body).encode())
    assert (request.model, request.stream, request.messages[0].role) == (
        "gpt-4o-mini",
        True,
        "user",
    )


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "not valid JSON"),
        (b"{", None, "not valid JSON"),
        (b'{"model": "m",}', None, "not valid JSON"),
        (b"[]", None, "expected 'object', got 'array'"),
        (b"null", None, "expected 'object', got 'null'"),
        (b"{}", "model", "'model' is required"),
        (b'{"model":"m"}', "messages", "'messages' is required"),
        (b'{"model":7,"messages":[]}', "model", "expected 'str', got 'int'"),
        (b'{"model":"","messages":[{"role":"user"}]}', "model", "must not be empty"),
        (b'{"model":"m","messages":[]}', "messages", "at least one"),
        (b'{"model":"m","messages":"hi"}', "messages", "expected 'array', got 'str'"),
        (b'{"model":"m","messages":[{}]}', "messages[0].role", "required"),
        (b'{"model":"m","messages":[{"role":"user","content":3}]}', "messages[0].content", "int"),
        (b'{"model":"m","messages":[{"role":"u"}],"stream":"yes"}', "stream", "got 'str'"),
        (b'{"model":"\xff","messages":[]}', None, "not valid UTF-8"),
        (b'{"a":' * 100_000, None, "nested too deeply"),
    ],
)
def test_a_bad_body_is_named_by_its_field(body: bytes, param: str | None, words: str) -> None:
    with pytest.raises(GatewayError) as caught:
        parse(body)
    assert caught.value.fault is Fault.CALLER_BODY_INVALID
    assert caught.value.param == param
    assert words in caught.value.message


@given(st.binary(max_size=200))
def test_any_bytes_give_a_request_or_a_refusal(body: bytes) -> None:
    try:
        parse(body)
    except GatewayError as error:
        assert error.fault is Fault.CALLER_BODY_INVALID  # noqa: PT017  either outcome is right


def test_a_refusal_quotes_no_value() -> None:
    with pytest.raises(GatewayError) as caught:
        parse(b'{"model":"m","messages":[{"role":["a secret prompt"]}]}')
    assert "secret" not in caught.value.message
