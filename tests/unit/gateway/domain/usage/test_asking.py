"""Asking for a stream's usage, in the name of a caller who did not."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.requests import chat
from gateway.domain.usage.asking import ask_for_usage


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"model":"m"}', b'{"stream_options":{"include_usage":true},"model":"m"}'),
        (b' {\n"model": "m"}', b' {"stream_options":{"include_usage":true},\n"model": "m"}'),
        (
            b'{"model":"m","stream_options":null}',
            b'{"model":"m","stream_options":{"include_usage":true}}',
        ),
        (
            b'{"model":"m","stream_options":{"x":1.50},"n":1}',
            b'{"model":"m","stream_options":{"x":1.50,"include_usage":true},"n":1}',
        ),
        (
            b'{"model":"m","stream_options":{"include_usage":null}}',
            b'{"model":"m","stream_options":{"include_usage":true}}',
        ),
    ],
)
def test_the_usage_is_asked_for(body: bytes, expected: bytes) -> None:
    assert ask_for_usage(body) == expected


@pytest.mark.parametrize("options", ['{"include_usage":false}', '{"include_usage":7}', "[]", "7"])
def test_what_the_caller_says_of_it_stands(options: str) -> None:
    body = b'{"model":"m","stream_options":%b}' % options.encode()
    assert ask_for_usage(body) is body


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["stream_options", "include_usage", "x"]), inner)
    ),
    max_leaves=10,
)
FIELD = "stream_options"
said = st.sampled_from(["hi", FIELD, '"stream_options"', '{"stream_options":{}}', "\u2028 é 🦊"])


others = st.dictionaries(st.text(max_size=15).filter(lambda name: name != FIELD), json_values)


@given(said, others, st.booleans())
def test_a_request_is_the_same_but_for_that(text: str, more: dict[str, Any], spaced: bool) -> None:
    request = {"model": "m", "messages": [{"role": "user", "content": text}], "stream": True}
    body = json.dumps({**more, **request}, indent=1 if spaced else None).encode()
    asked = ask_for_usage(body)
    assert chat.parse(asked).wants_usage
    found = json.loads(asked)
    assert found.pop(FIELD) == {"include_usage": True}
    assert found == {**more, **request}
