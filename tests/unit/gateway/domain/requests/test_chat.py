"""What the gateway takes from a chat request, and what it says of a bad one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.requests.chat import first_messages, parse
from gateway.domain.requests.reading import HEAD_CHARACTERS


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
        (b'{"model":"%s","messages":[{"role":"user"}]}' % (b"m" * 257), "model", "256"),
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


def request_with(**fields: object) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user"}], **fields}).encode()


def test_what_helps_the_gateway_is_read() -> None:
    request = parse(request_with(n=3, prompt_cache_key="c", metadata={"user_id": "u", "x": [1]}))
    assert (request.n, request.prompt_cache_key, request.user_id) == (3, "c", "u")


def test_what_is_absent_is_none() -> None:
    request = parse(request_with())
    assert (request.n, request.prompt_cache_key, request.user_id) == (None, None, None)


@pytest.mark.parametrize("odd", [None, True, -1, 0, 2.5, "3", [], {}, {"user_id": 7}])
def test_what_helps_the_gateway_fails_no_request_that_upstream_would_take(odd: object) -> None:
    request = parse(request_with(n=odd, metadata=odd, prompt_cache_key=[odd]))
    assert (request.n, request.prompt_cache_key, request.user_id) == (None, None, None)


def test_nothing_that_was_said_is_in_a_repr() -> None:
    body = request_with(
        messages=[{"role": "user", "content": "a secret prompt"}], prompt_cache_key="a secret key"
    )
    assert "secret" not in repr(parse(body))
    assert "secret" not in repr(parse(body).messages)


def opening(*messages: object) -> bytes:
    return first_messages(parse(request_with(messages=messages)))


SYSTEM = {"role": "system", "content": "Be brief."}
HELLO = {"role": "user", "content": "Hello"}
ANSWER = {"role": "assistant", "content": "Hello to you"}


def test_a_conversation_begins_the_same_in_each_of_its_turns() -> None:
    first = opening(SYSTEM, HELLO)
    assert opening(SYSTEM, HELLO, ANSWER, {"role": "user", "content": "More"}) == first
    assert opening(SYSTEM, HELLO, ANSWER, {"role": "tool", "content": "42"}) == first


def test_marks_for_the_prompt_cache_may_wander() -> None:
    def part(**mark: object) -> dict[str, object]:
        return {"role": "user", "content": [{"type": "text", "text": "Hello", **mark}]}

    marked = part(cache_control={"type": "ephemeral"})
    assert opening(SYSTEM, marked) == opening(SYSTEM, part(), ANSWER, marked)


@pytest.mark.parametrize(
    "other",
    [
        [SYSTEM, {"role": "user", "content": "Hello!"}],
        [{"role": "system", "content": "Be long."}, HELLO],
        [HELLO],
        [SYSTEM, ANSWER, HELLO],
        [{"role": "developer", "content": "Be brief."}, HELLO],
        [SYSTEM, {"role": "user", "content": [{"type": "text", "text": "Hullo"}]}],
        [SYSTEM],
    ],
)
def test_what_begins_differently_is_another_conversation(other: list[object]) -> None:
    assert opening(*other) != opening(SYSTEM, HELLO)


def test_a_long_instruction_does_not_hide_what_a_person_said() -> None:
    long = {"role": "system", "content": "x" * 100_000}
    found = opening(long, HELLO)
    assert found != opening(long, {"role": "user", "content": "Good morning"})
    assert len(found) < 2 * HEAD_CHARACTERS
    assert len(opening(HELLO | {"content": "x" * 100_000})) < 2 * HEAD_CHARACTERS
    assert len(opening(*[SYSTEM | {"content": "x" * 10_000}] * 50, HELLO)) < 2 * HEAD_CHARACTERS


def test_where_no_person_speaks_the_first_message_counts() -> None:
    assert opening(SYSTEM) == opening(SYSTEM, ANSWER)


@pytest.mark.parametrize("content", [None, [], [{"type": "image_url"}], [{"text": 7}]])
def test_content_without_words_is_no_difficulty(content: object) -> None:
    odd = {"role": "user", "content": content}
    assert opening(odd) == opening(odd, ANSWER, HELLO)
    assert opening(odd) != opening(HELLO)
