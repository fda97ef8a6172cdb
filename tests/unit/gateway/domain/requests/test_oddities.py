"""What is noticed while a body is read: a doubt too many costs time, one too few a refusal."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.fitting import IN_MESSAGES, fit
from gateway.domain.portable import has_travelled
from gateway.domain.protocols import Protocol
from gateway.domain.requests import chat, messages, responses
from gateway.domain.requests.oddities import NONE, Oddities

MARK = {"type": "ephemeral"}
SCOPED = {"type": "ephemeral", "scope": "global"}
SEALS = ("chat:x", "messages:x", "responses:x", "bm9uZQ==", None)
TEXT = {"type": "text", "text": "hi"}
RESULT = {"type": "tool_result", "tool_use_id": "t"}
IN_A_RESULT = ("x", [TEXT], [TEXT | {"cache_control": MARK}], TEXT | {"cache_control": MARK})
BLOCKS = (
    [TEXT, TEXT | {"cache_control": MARK}, TEXT | {"cache_control": SCOPED}]
    + [{"type": "thinking", "thinking": "hm", "signature": seal} for seal in ("", *SEALS)]
    + [{"type": "redacted_thinking", "data": seal} for seal in SEALS]
    + [RESULT | {"content": content} for content in IN_A_RESULT]
    + [RESULT | {"content": [RESULT | {"content": IN_A_RESULT[2]}]}]
)
ITEMS = [
    {"role": "user", "content": "hi"},
    {"role": "", "id": "i"},
    {"role": "user", "id": "i", "content": [{"type": "input_text", "text": "hi"}]},
    {"type": "function_call", "id": "i"},
    {"type": "function_call_output", "id": "i", "output": "x"},
    {"type": 3, "id": "i"},
    *({"type": "reasoning", "encrypted_content": seal} for seal in SEALS),
    {"type": "reasoning", "id": "i"},
]


def some(values: list[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=4)


def optional(**fields: list[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(values) for name, values in fields.items()}
    )


CHATS = st.builds(
    lambda seals, more: {
        "messages": [{"role": "assistant", name: seal} for name, seal in seals],
        **more,
    },
    some([(name, seal) for name in ("reasoning_opaque", "encrypted_content") for seal in SEALS]),
    optional(max_tokens=[None, 3], max_completion_tokens=[4]),
)
RESPONSES = st.builds(
    lambda items, more: {"input": items, **more},
    some(ITEMS),
    optional(
        max_output_tokens=[None, 1],
        client_metadata=[{}],
        service_tier=["auto"],
        tools=[None, [], [{"type": "function"}], [{"type": "web_search"}], [{"type": 3}], "x"],
        instructions=["web_search"],
    ),
)
MESSAGES = st.builds(
    lambda blocks, more: {"messages": [{"role": "assistant", "content": blocks}], **more},
    some(BLOCKS),
    optional(
        max_tokens=[1],
        inference_geo=["eu"],
        thread=[None],
        context_management=[{"edits": []}],
        metadata=[{"user_id": "u"}, {"user_id": "u", "x": 1}, {}, None],
        system=["s", [TEXT], [TEXT | {"cache_control": SCOPED}]],
        tools=[[{"name": "t", "cache_control": MARK}], [{"name": "t", "cache_control": SCOPED}]],
    ),
)
PARSERS: dict[
    Protocol,
    Callable[[bytes], chat.ChatRequest | responses.ResponsesRequest | messages.MessagesRequest],
] = {
    Protocol.CHAT: chat.parse,
    Protocol.RESPONSES: responses.parse,
    Protocol.MESSAGES: messages.parse,
}
BODIES = st.one_of(
    st.tuples(st.just(Protocol.CHAT), CHATS),
    st.tuples(st.just(Protocol.RESPONSES), RESPONSES),
    st.tuples(st.just(Protocol.MESSAGES), MESSAGES),
)


def oddities_of(protocol: Protocol, request: dict[str, Any]) -> tuple[Oddities, bytes]:
    body = json.dumps({"model": "gpt-5", **request}).encode()
    return PARSERS[protocol](body).oddities, body


@given(BODIES)
def test_what_is_not_noticed_is_not_there(of: tuple[Protocol, dict[str, Any]]) -> None:
    protocol, request = of
    oddities, body = oddities_of(protocol, request)
    assert oddities.is_unfit or fit(protocol, body, "gpt-5") is body
    assert oddities.has_travelled or not has_travelled(body)
    assert oddities.has_stream_options or b'"stream_options"' not in body


@pytest.mark.parametrize(
    ("protocol", "request_"),
    [
        (Protocol.CHAT, {"messages": [{"role": "user", "content": "max_tokens, stream_options"}]}),
        (Protocol.CHAT, {"messages": [{"role": "assistant", "reasoning_opaque": "c2VhbA=="}]}),
        (Protocol.RESPONSES, {"input": "hi", "tools": [{"type": "function", "name": "f"}]}),
        (Protocol.RESPONSES, {"input": [{"type": "function_call", "call_id": "c"}]}),
        (
            Protocol.MESSAGES,
            {
                "messages": [
                    {"role": "user", "content": [TEXT | {"cache_control": MARK}]},
                    {"role": "assistant", "content": [BLOCKS[7]]},
                    {"role": "user", "content": [RESULT | {"content": [TEXT]}]},
                ],
                "system": [TEXT | {"cache_control": MARK}],
                "metadata": {"user_id": "u"},
                "max_tokens": 9,
            },
        ),
    ],
)
def test_an_ordinary_request_raises_no_doubt(protocol: Protocol, request_: dict[str, Any]) -> None:
    assert oddities_of(protocol, request_)[0] == NONE


@pytest.mark.parametrize("tools", [[{"type": "web_search"}], [{"type": 3}], ["x"]])
def test_tools_that_upstream_has_not_are_noticed_and_those_that_are_not_understood(
    tools: Any,
) -> None:
    assert oddities_of(Protocol.RESPONSES, {"input": "hi", "tools": tools})[0].is_unfit


def test_stream_options_are_noticed() -> None:
    said = {"messages": [{"role": "user"}], "stream_options": None}
    assert oddities_of(Protocol.CHAT, said)[0].has_stream_options


@pytest.mark.parametrize("name", sorted(IN_MESSAGES - {"model", "messages", "stream"}))
def test_every_field_that_upstream_knows_is_known_here(name: str) -> None:
    request = {"messages": [{"role": "user", "content": "hi"}], name: None}
    unfit = oddities_of(Protocol.MESSAGES, request)[0].is_unfit
    assert unfit is (name in {"context_management", "metadata"})
