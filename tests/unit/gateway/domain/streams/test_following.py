"""What holds for every stream, whatever is in it and wherever it is cut."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.protocols import STREAMED, Protocol
from gateway.domain.streams.following import Follower, follower_for
from gateway.domain.streams.likeness import Likeness
from tests.unit.gateway.domain.streams.shapes import (
    CHURNING,
    CLAUDE_SPLIT,
    CLAUDE_STREAM,
    DONE,
    FIRST,
    GPT_CALLS,
    GPT_STREAM,
    GPT_USAGE,
    LINE_ENDS,
    MESSAGES_STREAM,
    STEADY,
    USED,
    arguments,
    claude,
    cut,
    event,
    follow,
    gpt,
    gpt_delta,
    is_whole,
    named,
    opening,
    said,
)

words = st.text(st.sampled_from('aé🦊 "\\\n[D'), max_size=6)
indexes = st.sampled_from([0, 0, 0, 1, 2])
usages = st.fixed_dictionaries(
    {},
    optional={
        "usage": st.builds(lambda count: {"completion_tokens": count}, st.integers(-1, 99)),
        "copilot_usage": st.builds(lambda sum_: {"total_nano_aiu": sum_}, st.integers(-1, 99)),
    },
)
reasons = st.sampled_from([None, None, "stop", "tool_calls", "length"])

chat_chunks = st.one_of(
    st.sampled_from([*GPT_STREAM, *GPT_CALLS, *CLAUDE_STREAM, *CLAUDE_SPLIT, FIRST, GPT_USAGE]),
    st.builds(
        lambda text, index, reason: gpt_delta({"content": text}, reason, index),
        words,
        indexes,
        reasons,
    ),
    st.builds(
        lambda text, index, reason: claude({"content": text}, reason, index),
        words,
        indexes,
        reasons,
    ),
    st.builds(
        lambda number, call, index: gpt_delta(opening(number, call), None, index),
        st.integers(0, 3),
        indexes,
        indexes,
    ),
    st.builds(
        lambda text, call, index: claude(arguments(text, call), None, index),
        words,
        indexes,
        indexes,
    ),
    st.builds(lambda text: gpt_delta({"content": text, "padding": "abc"}), words),
    st.just(gpt([{"index": n, "delta": {"content": "x"}} for n in (0, 1)], usage=USED)),
    st.builds(
        lambda text, used: gpt(
            [{"index": 0, "delta": {"content": text}, "finish_reason": None}], **used
        ),
        words,
        usages,
    ),
    st.builds(lambda used: gpt([], **used), usages),
    st.sampled_from([{"choices": None}, {"id": "only"}, {"choices": "none of ours"}]),
)
messages_events = st.one_of(
    st.sampled_from(MESSAGES_STREAM),
    st.builds(
        lambda text: {"type": "content_block_delta", "index": 0, "delta": {"text": text}}, words
    ),
    st.builds(lambda used: {"type": "message_delta", **used}, usages),
)
responses_events = st.one_of(
    st.sampled_from([*STEADY, *CHURNING]),
    st.builds(
        lambda text, index, id_: {
            "type": "response.output_text.delta",
            "delta": text,
            "output_index": index,
            "item_id": id_,
        },
        words,
        indexes,
        st.sampled_from(["a", "b", "c"]),
    ),
)
errors = st.sampled_from(
    [
        {"type": "error", "error": {"code": "x", "message": "y"}},
        {"type": "response.failed", "response": {"error": {"code": "x"}}},
    ]
)
bare_lines = st.sampled_from([b": comment\n\n", b"\n", b"data:\n\n", b"id: 7\n\n", b"event: e\n\n"])


def of_protocol(events: st.SearchStrategy[Any], name: bool) -> st.SearchStrategy[list[bytes]]:
    written = events.map(named if name else event)
    odd = st.one_of(bare_lines, errors.map(named), st.just(DONE), st.just(b"data: {broken\n\n"))
    # Mostly what the protocol is made of.
    return st.lists(st.one_of(written, written, written, written, odd), max_size=14)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Protocol, int, bytes]:
    """A protocol, the answers asked for, and a stream in one form of line ends and fields."""
    protocol = draw(st.sampled_from(STREAMED))
    events = {
        Protocol.CHAT: of_protocol(chat_chunks, name=False),
        Protocol.MESSAGES: of_protocol(messages_events, name=True),
        Protocol.RESPONSES: of_protocol(responses_events, name=True),
    }[protocol]
    stream = b"".join(draw(events))
    if draw(st.booleans()):
        stream = stream.replace(b"data: ", b"data:")
    stream = stream.replace(b"\n", draw(st.sampled_from([*LINE_ENDS.values()])))
    tail = draw(st.sampled_from([b"", b"", b"data: [DONE]", b"data: {", b"event: message_stop"]))
    return protocol, draw(st.sampled_from([1, 1, 2])), stream + tail


def outcome(one: Follower, chunks: list[bytes]) -> tuple[object, ...]:
    return follow(one, chunks), one.events, one.is_complete, one.failure, one.spent


def new(protocol: Protocol, choices: int) -> Follower:
    return follower_for(protocol, choices=choices, created=7, model="m")


@given(streams(), st.lists(st.integers(0, 100_000), max_size=12))
def test_wherever_a_stream_is_cut_the_same_comes_out(
    case: tuple[Protocol, int, bytes], places: list[int]
) -> None:
    protocol, choices, stream = case
    whole = outcome(new(protocol, choices), [stream])
    events = stream.replace(b"\n\n", b"\n\n\0").replace(b"\r\r", b"\r\r\0").split(b"\0")
    one_by_one = [bytes([byte]) for byte in stream]
    for chunks in (cut(stream, places), events, one_by_one):
        assert outcome(new(protocol, choices), chunks) == whole


@given(streams())
def test_what_is_known_without_reading_is_what_reading_finds(
    case: tuple[Protocol, int, bytes],
) -> None:
    protocol, choices, stream = case
    whole = outcome(new(protocol, choices), [stream])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Likeness, "learn", lambda self, event, sent: None)
        assert outcome(new(protocol, choices), [stream]) == whole


@given(streams(), st.lists(st.integers(0, 100_000), max_size=12))
def test_only_whole_events_come_out(case: tuple[Protocol, int, bytes], places: list[int]) -> None:
    protocol, choices, stream = case
    one = new(protocol, choices)
    before = 0
    for chunk in cut(stream, places):
        found = one.feed(chunk)
        assert is_whole(found)
        assert one.events >= before
        # Events are what a client sees, pings and the [DONE] of Responses apart.
        assert one.events - before <= len(said(found))
        before = one.events
    assert is_whole(one.finish())


TERMINALS = {
    Protocol.CHAT: b"[DONE]",
    Protocol.MESSAGES: b"message_stop",
    Protocol.RESPONSES: b"response.completed",
}


@given(streams(), st.integers(0, 100_000))
def test_a_part_of_a_stream_is_complete_only_with_its_terminal(
    case: tuple[Protocol, int, bytes], place: int
) -> None:
    protocol, choices, stream = case
    part = stream[: place % (len(stream) + 1)]
    one = new(protocol, choices)
    found = one.feed(part)
    if one.is_complete:
        assert TERMINALS[protocol] in found
    rest = one.finish()
    if one.is_complete and TERMINALS[protocol] not in part:
        assert protocol is Protocol.CHAT
        assert rest.endswith(DONE)
        assert b'"usage":{' in part
    assert not (one.is_complete and one.failure)


@given(st.lists(chat_chunks, max_size=14))
def test_one_answer_has_one_choice_and_one_end(chunks: list[Any]) -> None:
    stream = b"".join(event(chunk) for chunk in chunks) + DONE
    found = follow(new(Protocol.CHAT, 1), [stream])
    seen = [data for _, data in said(found) if data != "[DONE]"]
    readable = [chunk for chunk in map(json.loads, seen) if isinstance(chunk.get("choices"), list)]
    choices = [choice for chunk in readable for choice in chunk["choices"]]
    assert {choice.get("index", 0) for choice in choices} <= {0}
    assert sum(bool(choice.get("finish_reason")) for choice in choices) <= 1
    for chunk in readable:
        assert chunk["object"] == "chat.completion.chunk"
        assert all(chunk[name] for name in ("id", "created", "model"))


@given(st.lists(chat_chunks, max_size=14))
def test_no_text_is_lost_or_moved(chunks: list[Any]) -> None:
    """All text in the order it came; all arguments, and each call's own in order."""
    stream = b"".join(event(chunk) for chunk in chunks) + DONE
    found = follow(new(Protocol.CHAT, 1), [stream])
    sent = [json.loads(data) for _, data in said(found) if data != "[DONE]"]
    assert _texts(sent) == _texts(chunks)
    assert _ids(sent) == _ids(chunks)


def _deltas(chunks: list[Any]) -> list[Any]:
    lists = [chunk.get("choices") for chunk in chunks]
    return [each["delta"] for choices in lists if isinstance(choices, list) for each in choices]


def _texts(chunks: list[Any]) -> str:
    return "".join(delta.get("content") or "" for delta in _deltas(chunks))


def _ids(chunks: list[Any]) -> list[Any]:
    pieces = [piece for delta in _deltas(chunks) for piece in delta.get("tool_calls") or ()]
    return [(piece.get("id"), piece["function"]["arguments"]) for piece in pieces]
