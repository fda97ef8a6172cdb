"""What a stream says that it costs, as far as it came; and what knowing that costs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.protocols import STREAMED, Protocol
from gateway.domain.streams.chat import ChatFollower
from gateway.domain.streams.following import follower_for
from gateway.domain.usage.reading import Meter
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.domain.usage.tokens import Tokens
from tests.unit.gateway.domain.streams.shapes import (
    CHURNING,
    CLAUDE_STREAM,
    COSTS,
    DONE,
    GPT_STREAM,
    GPT_USAGE,
    MESSAGES_STREAM,
    USED,
    chat_stream,
    claude,
    cut,
    event,
    follow,
    gpt,
    gpt_delta,
    messages_stream,
    named,
    responses_stream,
)

CREDITS = 296_100_000
RESPONSES_USED = {"input_tokens": 9, "output_tokens": 2}
RESPONSES = [
    *CHURNING[:-1],
    {**CHURNING[-1], "response": {**CHURNING[-1]["response"], "usage": RESPONSES_USED}},
]
WHOLE: dict[str, tuple[Protocol, bytes, Spent]] = {
    "gpt": (Protocol.CHAT, chat_stream(GPT_STREAM), Spent(Tokens(9, 2), CREDITS)),
    "claude": (Protocol.CHAT, chat_stream(CLAUDE_STREAM), Spent(Tokens(9, 2), CREDITS)),
    "messages": (Protocol.MESSAGES, messages_stream(), Spent(Tokens(9, 5), CREDITS)),
    "responses": (
        Protocol.RESPONSES,
        responses_stream(RESPONSES),
        Spent(Tokens(9, 2), CREDITS),
    ),
}
kinds = pytest.mark.parametrize("kind", WHOLE)


class Counting(Meter):
    """Counts how often it was given something to read."""

    def __init__(self, protocol: Protocol) -> None:
        super().__init__(protocol)
        self.notes = 0

    def note(self, data: bytes) -> None:
        self.notes += 1
        super().note(data)


def spent(protocol: Protocol, *chunks: bytes) -> Spent:
    one = follower_for(protocol)
    follow(one, chunks)
    return one.spent


@kinds
def test_a_whole_stream_says_all_of_it(kind: str) -> None:
    protocol, stream, expected = WHOLE[kind]
    assert spent(protocol, stream) == expected


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.integers(0, 100_000), max_size=12))
def test_wherever_it_is_cut_it_costs_the_same(kind: str, places: list[int]) -> None:
    protocol, stream, expected = WHOLE[kind]
    assert spent(protocol, *cut(stream, places)) == expected


@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 100_000))
def test_a_part_of_a_stream_never_costs_more_than_the_whole(kind: str, place: int) -> None:
    protocol, stream, expected = WHOLE[kind]
    one = follower_for(protocol)
    one.feed(stream[: place % (len(stream) + 1)])
    assert one.spent.tokens.input in (0, expected.tokens.input)
    assert one.spent.tokens.output <= expected.tokens.output
    assert one.spent.nano_aiu in (None, expected.nano_aiu)
    if one.is_complete:
        assert one.spent == expected


@pytest.mark.parametrize("protocol", STREAMED)
def test_at_first_it_is_nothing(protocol: Protocol) -> None:
    assert follower_for(protocol).spent is NOTHING


@kinds
def test_only_events_that_may_say_it_are_read_for_it(kind: str) -> None:
    protocol, stream, expected = WHOLE[kind]
    meter = Counting(protocol)
    follow(follower_for(protocol, meter=meter), [stream])
    assert meter.notes == (2 if protocol is Protocol.MESSAGES else 1)
    assert meter.spent == expected


def test_the_input_of_a_message_is_known_when_it_breaks_off() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "x"}}
    stream = messages_stream([*MESSAGES_STREAM[:4], error])
    assert spent(Protocol.MESSAGES, stream) == Spent(Tokens(9, 1))


def test_a_response_that_failed_may_say_what_it_cost() -> None:
    failed = {
        "type": "response.failed",
        "response": {"error": {"code": "server_error"}, "usage": RESPONSES_USED},
        "copilot_usage": COSTS,
    }
    one = follower_for(Protocol.RESPONSES)
    follow(one, [responses_stream([*RESPONSES[:3], failed])])
    assert one.failure is not None
    assert one.spent == Spent(Tokens(9, 2), CREDITS)


def test_an_incomplete_response_says_it_like_a_complete_one() -> None:
    stream = responses_stream([*RESPONSES[:-1], {**RESPONSES[-1], "type": "response.incomplete"}])
    assert spent(Protocol.RESPONSES, stream) == Spent(Tokens(9, 2), CREDITS)


def test_usage_that_grows_from_chunk_to_chunk_is_the_last_one() -> None:
    chunks = [
        {**gpt_delta({"content": "x"}), "usage": {"prompt_tokens": 9, "completion_tokens": n}}
        for n in (1, 2, 2, 3)
    ]
    assert spent(Protocol.CHAT, chat_stream(chunks)) == Spent(Tokens(9, 3))


def test_credits_beside_text_are_not_taken_for_text() -> None:
    """Chunks alike but for their text are known unread; one that says what it costs is not."""
    chunks = [
        {**gpt_delta({"content": "x"}), "copilot_usage": {"total_nano_aiu": n}} for n in (1, 2)
    ]
    assert spent(Protocol.CHAT, chat_stream(chunks)).nano_aiu == 2


def test_a_chunk_in_an_unknown_form_may_say_it_all_the_same() -> None:
    chunk = {"choices": "none of ours", "usage": USED}
    assert spent(Protocol.CHAT, event(chunk)) == Spent(Tokens(9, 2))


@pytest.mark.parametrize("odd", [None, 7, "much", [], {}, {"prompt_tokens": -1}])
def test_usage_that_is_none_neither_raises_nor_stops_the_stream(odd: Any) -> None:
    chunks = [gpt_delta({"content": "a"}), {**GPT_USAGE, "usage": odd, "copilot_usage": odd}]
    one = follower_for(Protocol.CHAT)
    assert follow(one, [chat_stream(chunks)]).endswith(DONE)
    assert one.is_complete
    assert one.spent is NOTHING
    message = named({"type": "message_delta", "usage": odd, "copilot_usage": odd})
    assert spent(Protocol.MESSAGES, message) is NOTHING


# --- usage that the caller did not ask for ---


def unasked() -> ChatFollower:
    return ChatFollower(1, created=7, model="m", wants_usage=False)


@pytest.mark.parametrize("done", [True, False])
def test_the_chunk_that_has_nothing_but_usage_is_for_whoever_asked(done: bool) -> None:
    one = unasked()
    expected = chat_stream(GPT_STREAM[1:-1])
    assert follow(one, [chat_stream(GPT_STREAM, done)]) == expected
    assert one.is_complete
    assert one.spent == Spent(Tokens(9, 2), CREDITS)


@pytest.mark.parametrize("choices", [[], None])
def test_it_is_known_by_having_no_choices(choices: Any) -> None:
    for costs in ({"usage": USED}, {"usage": None, "copilot_usage": COSTS}):
        chunk = {**gpt([], **costs), "choices": choices}
        assert follow(unasked(), [event(chunk)]) == b""


def test_usage_in_a_chunk_with_choices_stays_as_it_is() -> None:
    finish = {**gpt_delta({}, "stop"), "usage": USED, "copilot_usage": COSTS}
    chunks = [gpt_delta({"content": "Hi"}), finish]
    one = unasked()
    assert follow(one, [chat_stream(chunks)]) == chat_stream(chunks)
    assert one.spent == Spent(Tokens(9, 2), CREDITS)
    held = chat_stream([claude({"content": "a"}), claude({"content": None}, "stop", usage=USED)])
    assert b'"usage"' in follow(unasked(), [held])


def test_the_end_that_waited_goes_out_when_the_usage_comes() -> None:
    one = unasked()
    finish = event(gpt_delta({}, "stop"))
    assert one.feed(event(gpt_delta({"content": "Hi"})) + finish) == event(
        gpt_delta({"content": "Hi"})
    )
    assert one.feed(event(GPT_USAGE)) == finish
    assert one.feed(DONE) == DONE
