"""Many like events at once are what they would be one by one, whatever stands between them."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.protocols import STREAMED, Protocol
from gateway.domain.streams.chat import ChatFollower
from gateway.domain.streams.following import Follower, follower_for
from gateway.domain.streams.likeness import Likeness
from gateway.domain.streams.responses import ResponsesFollower
from gateway.domain.streams.text_pattern import FIRST_REACH_BYTES
from tests.unit.gateway.domain.streams.shapes import (
    COSTS,
    DONE,
    GPT_USAGE,
    LINE_ENDS,
    USED,
    arguments,
    claude,
    cut,
    event,
    follow,
    gpt_delta,
    named,
    payloads,
)

words = st.text(st.sampled_from('aé🦊 "\\\n\r[D{:,'), max_size=6) | st.just("x" * 9_000)
ids = st.sampled_from(["a", "b", "c", "d/+=", 'q"q', "ü"])


def chat_event(kind: int, text: str, id_: str, number: int) -> bytes:
    chunk = [
        gpt_delta({"content": text}),
        gpt_delta({"content": text, "padding": id_ * 3}),
        {**gpt_delta({"content": text}), "obfuscation": id_ * 3},
        claude({"content": text, "role": "assistant"}),
        claude(arguments(text, 0)),
        claude(arguments(text, 0), index=1),
        claude({"content": "", "reasoning_text": text}),
        {**gpt_delta({"content": text}), "usage": USED, "copilot_usage": COSTS},
    ][kind]
    return event(chunk)


def messages_event(kind: int, text: str, id_: str, number: int) -> bytes:
    delta = [{"text": text}, {"thinking": text}, {"partial_json": text}][kind % 3]
    return named({"type": "content_block_delta", "index": kind, "delta": delta})


def responses_event(kind: int, text: str, id_: str, number: int) -> bytes:
    part = {"output_index": kind % 2, "item_id": id_, "delta": text}
    if kind >= 2:
        part = {"sequence_number": number, **part}
    if kind >= 4:
        part = {**part, "logprobs": [], "obfuscation": id_ * 2}
    if kind >= 6:
        del part["output_index"]
    return named({"type": "response.output_text.delta", **part})


EVENTS = {
    Protocol.CHAT: chat_event,
    Protocol.MESSAGES: messages_event,
    Protocol.RESPONSES: responses_event,
}
ODD = [
    b": comment\n\n",
    b"\n",
    b"data:\n\n",
    b"id: 7\n\n",
    b"data: {broken\n\n",
    b'data: {"delta":"\n',
    event(gpt_delta({}, "stop")),
    event(GPT_USAGE),
    named({"type": "ping"}),
    named({"type": "error", "error": {"code": "x", "message": "y"}}),
    DONE,
]


@st.composite
def runs(draw: st.DrawFn) -> tuple[Protocol, bytes]:
    """A protocol, and a stream of runs of events of one kind, with odd ones here and there."""
    protocol = draw(st.sampled_from(STREAMED))
    written = EVENTS[protocol]
    number = itertools.count(draw(st.sampled_from([0, 8, 98])))
    parts: list[bytes] = []
    for kind in draw(st.lists(st.integers(0, 7), max_size=4)):
        values = draw(st.lists(st.tuples(words, ids), max_size=12))
        like = [written(kind, text, id_, next(number)) for text, id_ in values]
        parts += like * draw(st.sampled_from([1, 1, 3]))
        parts += draw(st.lists(st.sampled_from(ODD[:-5] + ODD), max_size=1))
    stream = b"".join(parts)
    if draw(st.integers(0, 4)) == 0:
        stream = stream.replace(b"data: ", b"id: 1\ndata: ")
    if draw(st.integers(0, 3)) == 0:
        stream = stream.replace(b"\n", draw(st.sampled_from([*LINE_ENDS.values()])))
    return protocol, stream


def outcome(protocol: Protocol, chunks: list[bytes]) -> tuple[object, ...]:
    one = follower_for(protocol, created=7, model="m")
    return follow(one, chunks), one.events, one.is_complete, one.failure, one.spent


def events_of(stream: bytes) -> list[bytes]:
    return stream.replace(b"\n\n", b"\n\n\0").replace(b"\r\r", b"\r\r\0").split(b"\0")


@given(runs(), st.lists(st.integers(0, 1_000_000), max_size=8))
def test_wherever_runs_are_cut_the_same_comes_out(
    case: tuple[Protocol, bytes], places: list[int]
) -> None:
    protocol, stream = case
    whole = outcome(protocol, [stream])
    assert outcome(protocol, cut(stream, places)) == whole
    assert outcome(protocol, events_of(stream)) == whole


@given(runs())
def test_a_run_is_what_reading_each_of_its_events_finds(case: tuple[Protocol, bytes]) -> None:
    protocol, stream = case
    whole = outcome(protocol, [stream])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Likeness, "learn", lambda self, event, sent: None)
        assert outcome(protocol, [stream]) == whole


# --- what is known without being read ---


class Reading:
    """Counts the events that a follower reads."""

    def __init__(self, follower: Follower, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        take = follower._take  # type: ignore[attr-defined]

        def counted(event: bytes, data: bytes) -> bytes:
            self.count += 1
            sent: bytes = take(event, data)
            return sent

        patch.setattr(follower, "_take", counted)


def deltas(count: int) -> list[dict[str, Any]]:
    """Events of which each has another id and number, as Copilot's have."""
    return [
        {
            "type": "response.output_text.delta",
            "sequence_number": number,
            "item_id": f"sealed{number}+/=",
            "output_index": 0,
            "delta": f'word "{number}" 🦊\n',
            "obfuscation": "x" * (number % 7),
        }
        for number in range(count)
    ]


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_ids_numbers_and_padding_make_no_event_unlike(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ResponsesFollower()
    reading = Reading(one, monkeypatch)
    events = deltas(1_000)
    written = [named(each) for each in events]
    chunks = [b"".join(written[n : n + at_once]) for n in range(0, len(written), at_once)]
    found = payloads(follow(one, chunks))
    assert found == [{**each, "item_id": "sealed0+/="} for each in events]
    assert one.events == len(events)
    assert reading.count <= 3


@pytest.mark.parametrize("at_once", [1, 7, 1_000])
def test_padding_that_is_taken_out_makes_no_event_unlike(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ChatFollower(1, created=7, model="m")
    reading = Reading(one, monkeypatch)
    chunks = [
        event(gpt_delta({"content": f"{n}", "padding": "abc"[: n % 3 + 1]})) for n in range(1_000)
    ]
    fed = [b"".join(chunks[n : n + at_once]) for n in range(0, len(chunks), at_once)]
    expected = b"".join(event(gpt_delta({"content": f"{n}"})) for n in range(1_000))
    assert follow(one, fed) == expected
    assert reading.count <= 2


def test_a_read_that_ends_within_an_event_is_known_up_to_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = ChatFollower(1, created=7, model="m")
    reading = Reading(one, monkeypatch)
    stream = b"".join(event(gpt_delta({"content": f"{n}"})) for n in range(500))
    cuts = range(0, len(stream), FIRST_REACH_BYTES)
    assert b"".join(one.feed(stream[n : n + FIRST_REACH_BYTES]) for n in cuts) == stream
    assert one.events == 500
    assert reading.count == 1


def test_a_read_of_like_events_is_handed_out_as_the_same_object() -> None:
    one = ChatFollower(1, created=7, model="m")
    chunks = [event(gpt_delta({"content": f'"{n}"'})) for n in range(400)]
    one.feed(b"".join(chunks[:200]))
    read = b"".join(chunks[200:210])
    assert one.feed(read) is read
    assert one.events == 210


@pytest.mark.parametrize("place", range(40))
def test_an_event_that_is_not_alike_is_seen_wherever_it_stands(place: int) -> None:
    one = ChatFollower(1, created=7, model="m")
    like = [event(gpt_delta({"content": f"{n}"})) for n in range(40)]
    one.feed(like[0])
    # It finishes the answer, and so is held back until the end.
    end = event(gpt_delta({}, "length"))
    found = one.feed(b"".join([*like[:place], end, *like[place:]]))
    assert found == b"".join(like)
    assert one.finish() == b""
    assert one.feed(DONE) == end + DONE


def test_what_is_like_an_event_is_none_behind_half_a_line() -> None:
    one = ChatFollower(1, created=7, model="m")
    like = event(gpt_delta({"content": "a"}))
    one.feed(like + b": half a comment, ")
    assert one.feed(like) == b": half a comment, " + like
    assert one.events == 1
