"""What upstream's JSON says of usage: every protocol's form, and whatever else may stand there."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.protocols import Protocol
from gateway.domain.usage.bounds import MAX_NANO_AIU, MAX_TOKENS
from gateway.domain.usage.reading import Meter, spent_in
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.domain.usage.tokens import Tokens

CHAT, RESPONSES, MESSAGES = Protocol.CHAT, Protocol.RESPONSES, Protocol.MESSAGES
DETAILS = [
    {"token_type": "input", "token_count": 547, "cost_per_batch": 3 * 10**11, "batch_size": 10**6},
    {"token_type": "output", "token_count": 88, "cost_per_batch": 15 * 10**11, "batch_size": 10**6},
]
COSTS = {"token_details": DETAILS, "total_nano_aiu": 296_100_000}
CHAT_USAGE = {
    "prompt_tokens": 57,
    "prompt_tokens_details": {"cached_tokens": 40, "audio_tokens": 0},
    "completion_tokens": 15,
    "completion_tokens_details": {"reasoning_tokens": 8, "accepted_prediction_tokens": 0},
    "total_tokens": 72,
}
RESPONSES_USAGE = {
    "input_tokens": 57,
    "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 3},
    "output_tokens": 15,
    "output_tokens_details": {"reasoning_tokens": 8},
    "total_tokens": 72,
}
MESSAGES_USAGE = {
    "input_tokens": 14,
    "cache_read_input_tokens": 40,
    "cache_creation_input_tokens": 3,
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 15,
    "iterations": [{"input_tokens": 99, "output_tokens": 99}],
    "server_tool_use": {"web_search_requests": 2},
}


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def spent(protocol: Protocol, *documents: Any) -> Spent:
    meter = Meter(protocol)
    for document in documents:
        meter.note(document if isinstance(document, bytes) else encoded(document))
    return meter.spent


@pytest.mark.parametrize(
    ("protocol", "document", "tokens"),
    [
        (CHAT, {"choices": [], "usage": CHAT_USAGE}, Tokens(57, 15, 40, 0, 8)),
        # An Anthropic body on chat (§6.3): its cached tokens are not among its input.
        (CHAT, {"type": "message", "usage": MESSAGES_USAGE}, Tokens(57, 15, 40, 3, 0)),
        (
            RESPONSES,
            {"type": "response.completed", "response": {"usage": RESPONSES_USAGE}},
            Tokens(57, 15, 40, 3, 8),
        ),
        (RESPONSES, {"object": "response", "usage": RESPONSES_USAGE}, Tokens(57, 15, 40, 3, 8)),
        (
            MESSAGES,
            {"type": "message_start", "message": {"usage": MESSAGES_USAGE}},
            Tokens(57, 15, 40, 3, 0),
        ),
        (MESSAGES, {"type": "message_delta", "usage": MESSAGES_USAGE}, Tokens(57, 15, 40, 3, 0)),
        (
            Protocol.EMBEDDINGS,
            {"data": [], "usage": {"prompt_tokens": 7, "total_tokens": 7}},
            Tokens(input=7),
        ),
    ],
)
def test_each_form_is_understood(protocol: Protocol, document: Any, tokens: Tokens) -> None:
    assert spent(protocol, document) == Spent(tokens, None)
    assert spent(protocol, {**document, "copilot_usage": COSTS}) == Spent(tokens, 296_100_000)


def test_before_anything_was_said_it_is_nothing() -> None:
    assert Meter(CHAT).spent is NOTHING
    assert spent(CHAT, {"choices": [], "usage": None}) is NOTHING


# --- one stream ---


def test_later_numbers_take_the_place_of_earlier_ones() -> None:
    first = {"usage": {"prompt_tokens": 9, "completion_tokens": 1}}
    later = {"usage": {"prompt_tokens": 9, "completion_tokens": 5}}
    assert spent(CHAT, first, later).tokens == Tokens(9, 5)


def test_what_an_event_does_not_say_stays_as_it_was_said() -> None:
    start = {"message": {"usage": {**MESSAGES_USAGE, "output_tokens": 1}}}
    delta = {"usage": {"output_tokens": 15}, "copilot_usage": COSTS}
    assert spent(MESSAGES, start, delta) == Spent(Tokens(57, 15, 40, 3, 0), 296_100_000)


def test_an_end_that_says_zero_does_not_undo_the_beginning() -> None:
    start = {"message": {"usage": {"input_tokens": 9, "output_tokens": 1}}}
    delta = {"usage": {"input_tokens": 0, "output_tokens": 5}}
    assert spent(MESSAGES, start, delta).tokens == Tokens(9, 5)
    dear, free = ({"copilot_usage": {"total_nano_aiu": total}} for total in (70, 0))
    assert spent(MESSAGES, dear, free).nano_aiu == 70


# --- credits ---


def test_without_a_sum_the_details_are_added_up() -> None:
    assert spent(CHAT, {"copilot_usage": {"token_details": DETAILS}}).nano_aiu == 296_100_000


def test_each_detail_is_rounded_down() -> None:
    third = {"token_count": 1, "cost_per_batch": 5, "batch_size": 3}
    assert spent(CHAT, {"copilot_usage": {"token_details": [third, third]}}).nano_aiu == 2


def test_a_sum_may_be_written_with_a_point() -> None:
    assert spent(CHAT, b'{"copilot_usage":{"total_nano_aiu":2.961e8}}').nano_aiu == 296_100_000
    assert spent(CHAT, b'{"copilot_usage":{"total_nano_aiu":2.6}}').nano_aiu == 3


def test_an_answer_may_cost_nothing_which_is_more_than_not_to_say() -> None:
    assert spent(CHAT, {"copilot_usage": {"total_nano_aiu": 0}}).nano_aiu == 0
    assert spent(CHAT, {"copilot_usage": {"token_details": []}}).nano_aiu is None


@pytest.mark.parametrize("missing", ["token_count", "cost_per_batch", "batch_size"])
def test_half_a_list_of_details_is_no_sum(missing: str) -> None:
    broken = {name: value for name, value in DETAILS[1].items() if name != missing}
    costs = {"token_details": [DETAILS[0], broken]}
    assert spent(CHAT, {"copilot_usage": costs}).nano_aiu is None


# --- what is none ---

ODD = [
    b"null",
    b"true",
    b"-1",
    b'"12"',
    b"[]",
    b"{}",
    b"1e400",
    b"1e300",
    b"9" * 400,
    str(MAX_TOKENS + 1).encode(),
]


@pytest.mark.parametrize("odd", ODD)
def test_a_number_that_is_none_is_as_if_it_had_not_been_said(odd: bytes) -> None:
    good = {"usage": CHAT_USAGE, "copilot_usage": COSTS}
    fields = b'{"prompt_tokens":%b,"completion_tokens":16,"prompt_tokens_details":%b}' % (odd, odd)
    found = spent(CHAT, good, b'{"usage":%b}' % fields)
    assert found == Spent(Tokens(57, 16, 40, 0, 8), 296_100_000)


@pytest.mark.parametrize("odd", [*ODD[:-1], str(MAX_NANO_AIU + 1).encode()])
def test_a_sum_that_is_none_is_as_if_it_had_not_been_said(odd: bytes) -> None:
    good = {"usage": CHAT_USAGE, "copilot_usage": COSTS}
    for costs in (odd, b'{"total_nano_aiu":%b}' % odd, b'{"token_details":[%b]}' % odd):
        found = spent(CHAT, good, b'{"copilot_usage":%b}' % costs)
        assert found == Spent(Tokens(57, 15, 40, 0, 8), 296_100_000)


@pytest.mark.parametrize(
    "body",
    [b"", b"[DONE]", b"[]", b'"usage"', b"{", b"\xff", b'{"usage":"\xff"}', b"[" * 100_000],
)
def test_what_is_no_document_says_nothing(body: bytes) -> None:
    assert spent_in(CHAT, body) is NOTHING


NAMES = ("usage", "copilot_usage", "message", "response", "cached_tokens", "reasoning_tokens")
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [*CHAT_USAGE, *RESPONSES_USAGE, *MESSAGES_USAGE, *COSTS, *DETAILS[0], *NAMES]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(
    st.sampled_from(Protocol),
    st.lists(
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys(["usage", "copilot_usage", "message", "response"], values)
        ),
        max_size=4,
    ),
)
def test_whatever_is_said_it_stays_a_count(protocol: Protocol, documents: list[Any]) -> None:
    found = spent(protocol, *documents)
    tokens = found.tokens
    for count in (tokens.output, tokens.cached, tokens.cache_written, tokens.reasoning):
        assert isinstance(count, int)
        assert 0 <= count <= MAX_TOKENS
    assert 0 <= tokens.input <= 3 * MAX_TOKENS
    assert found.nano_aiu is None or 0 <= found.nano_aiu <= MAX_NANO_AIU


@given(st.sampled_from(Protocol), st.binary(max_size=200))
def test_nothing_raises(protocol: Protocol, body: bytes) -> None:
    spent_in(protocol, body)


# --- the usual form and the careful reading come to the same --------------------------------------


def carefully(protocol: Protocol, document: Any) -> Spent:
    meter = Meter(protocol)
    meter._note_unusual(json.dumps(document).encode())
    return meter.spent


COUNTS = st.one_of(st.integers(0, 3), st.integers(0, MAX_TOKENS))
COST = st.one_of(st.none(), st.fixed_dictionaries({"total_nano_aiu": st.integers(0, MAX_NANO_AIU)}))
USAGES = {
    CHAT: st.fixed_dictionaries(
        {"prompt_tokens": COUNTS},
        optional={
            "completion_tokens": COUNTS,
            "prompt_tokens_details": st.fixed_dictionaries({}, optional={"cached_tokens": COUNTS}),
            "completion_tokens_details": st.none(),
        },
    ),
    RESPONSES: st.fixed_dictionaries(
        {"input_tokens": COUNTS},
        optional={
            "output_tokens": COUNTS,
            "input_tokens_details": st.fixed_dictionaries({"cache_write_tokens": COUNTS}),
            "output_tokens_details": st.fixed_dictionaries({"reasoning_tokens": COUNTS}),
        },
    ),
    MESSAGES: st.fixed_dictionaries(
        {},
        optional={
            "input_tokens": COUNTS,
            "output_tokens": COUNTS,
            "cache_read_input_tokens": COUNTS,
            "cache_creation_input_tokens": COUNTS,
        },
    ),
}


@pytest.mark.parametrize("protocol", list(USAGES))
@given(data=st.data())
def test_the_usual_form_is_read_as_number_by_number(
    protocol: Protocol, data: st.DataObject
) -> None:
    usage, costs = data.draw(USAGES[protocol]), data.draw(COST)
    document: dict[str, Any] = {"usage": usage, "copilot_usage": costs}
    if protocol is RESPONSES and data.draw(st.booleans()):
        document = {"response": {"usage": usage}, "copilot_usage": costs}
    if protocol is MESSAGES and data.draw(st.booleans()):
        document = {"message": {"usage": usage}}
    assert spent_in(protocol, json.dumps(document).encode()) == carefully(protocol, document)
