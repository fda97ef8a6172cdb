"""Chat streams: what passes untouched, what is repaired, and when one is complete (§6.1, §6.2)."""

import json
from typing import Any

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.streams import chat
from gateway.domain.streams.chat import ChatFollower
from gateway.domain.streams.failures import StreamFailure
from tests.unit.gateway.domain.streams.shapes import (
    CLAUDE_SPLIT,
    CLAUDE_STREAM,
    COSTS,
    CREATED,
    DONE,
    FIRST,
    GPT_CALLS,
    GPT_STREAM,
    GPT_USAGE,
    USED,
    arguments,
    chat_stream,
    claude,
    event,
    follow,
    gpt,
    gpt_delta,
    opening,
    payloads,
)


def follower(choices: int = 1) -> ChatFollower:
    return ChatFollower(choices, created=7, model="asked-for")


def through(*chunks: Any, choices: int = 1, done: bool = True) -> list[Any]:
    """The chunks that reach the caller."""
    return payloads(follow(follower(choices), [chat_stream(chunks, done)]))


def reasons(chunks: list[Any]) -> list[str]:
    found = [choice.get("finish_reason") for each in chunks for choice in each["choices"]]
    return [reason for reason in found if reason]


def calls(chunks: list[Any]) -> dict[int, tuple[str, str]]:
    """Id and arguments of each call, by the index a client keys on."""
    found: dict[int, tuple[str, str]] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls") or ():
                id_, text = found.get(piece["index"], ("", ""))
                more = piece.get("function", {}).get("arguments", "")
                found[piece["index"]] = (piece.get("id") or id_, text + more)
    return found


def text_of(chunks: list[Any]) -> str:
    deltas = [choice["delta"] for each in chunks for choice in each["choices"]]
    return "".join(delta.get("content") or "" for delta in deltas)


# --- what is healthy ---


@pytest.mark.parametrize("chunks", [GPT_STREAM, GPT_CALLS], ids=["text", "calls"])
def test_a_recorded_stream_passes_as_it_came_but_for_its_first_chunk(chunks: list[Any]) -> None:
    one = follower()
    assert follow(one, [chat_stream(chunks)]) == chat_stream(chunks[1:])
    assert one.is_complete
    assert one.events == len(chunks)  # without the first, with [DONE]
    assert one.failure is None


def test_a_healthy_event_is_handed_out_as_the_same_object() -> None:
    one = follower()
    chunks = [event(gpt_delta({"content": text})) for text in ("one", "two", 'three "3"')]
    assert all(one.feed(chunk) is chunk for chunk in chunks)
    assert one.events == 3


def test_half_an_event_waits_for_the_rest() -> None:
    one = follower()
    whole = event(gpt_delta({"content": "Hi 🦊"}))
    for cut in range(1, len(whole)):
        one = follower()
        assert one.feed(whole[:cut]) == b""
        assert one.events == 0
        assert one.feed(whole[cut:]) == whole


def test_comments_pass_and_are_no_events() -> None:
    one = follower()
    assert one.feed(b": keepalive\n\n") == b": keepalive\n\n"
    assert one.events == 0


@pytest.mark.parametrize("silent", [b"data:\n\n", b"data: \n\n", b"event: x\r\ndata\r\n\r\n"])
def test_events_that_say_nothing_are_dropped(silent: bytes) -> None:
    one = follower()
    assert one.feed(silent) == b""
    assert one.events == 0


def test_what_cannot_be_read_is_for_the_callers_parser_to_judge() -> None:
    broken = b"data: {broken\n\n"
    assert follower().feed(broken) == broken


def test_nothing_passes_after_the_end() -> None:
    one = follower()
    one.feed(chat_stream(GPT_STREAM))
    events = one.events
    assert one.feed(event(gpt_delta({"content": "more"})) + b": late\n\n") == b""
    assert one.finish() == b""
    assert one.events == events


# --- what is dropped and completed ---


def test_chunks_with_nothing_for_a_caller_are_dropped() -> None:
    references = {"choices": None, "copilot_references": [{"id": "r"}], "id": "x"}
    no_model = {"choices": [], "prompt_filter_results": [], "object": "chat.completion.chunk"}
    nothing = {"copilot_confirmation": {"id": "c"}}
    one = follower()
    for chunk in (FIRST, references, no_model, nothing):
        assert one.feed(event(chunk)) == b""
    assert one.events == 0


def test_an_empty_chunk_that_is_well_formed_passes() -> None:
    chunk = event(gpt([], prompt_filter_results=[]))
    assert follower().feed(chunk) == chunk


def test_missing_fields_are_taken_from_earlier_chunks() -> None:
    bare = {"choices": [{"delta": {"content": "x"}, "index": 0}]}
    first, second = through(gpt_delta({"content": "Hi"}), bare)
    for name in ("id", "object", "created", "model"):
        assert second[name] == first[name]


def test_missing_fields_without_earlier_chunks_are_the_requests() -> None:
    (chunk,) = through({"choices": [{"delta": {"content": "x"}, "index": 0}]})
    assert chunk["object"] == "chat.completion.chunk"
    assert (chunk["created"], chunk["model"], chunk["id"]) == (7, "asked-for", "chatcmpl-7")


@pytest.mark.parametrize("empty", ["", None])
def test_empty_fields_are_completed_as_missing_ones_are(empty: Any) -> None:
    chunk = gpt_delta({"content": "x"}) | {"object": empty, "created": empty and 0, "id": empty}
    (found,) = through(chunk)
    assert found["object"] == "chat.completion.chunk"
    assert (found["created"], found["id"]) == (7, "chatcmpl-7")
    assert found["model"] == "gpt-4o-mini-2024-07-18"


def test_claude_chunks_get_an_object_and_keep_every_other_byte() -> None:
    chunk = claude({"content": 'Let me "see" 🦊', "role": "assistant"})
    for _ in range(3):
        sent = follower().feed(event(chunk))
        assert sent == event({"object": "chat.completion.chunk", **chunk})


def test_claude_chunks_are_completed_alike_whether_examined_or_not() -> None:
    one = follower()
    texts = ["one", "two", 'a "third"', "", "back\\slash", "last"]
    found = [
        payloads(one.feed(event(claude({"content": text, "role": "assistant"}))))[0]
        for text in texts
    ]
    assert [chunk["choices"][0]["delta"]["content"] for chunk in found] == texts
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}


def test_usage_in_a_chunk_without_choices_gets_an_empty_list_of_them() -> None:
    (chunk,) = through({**GPT_USAGE, "choices": None})
    assert chunk["choices"] == []
    assert chunk["usage"] == USED


def test_padding_is_taken_out_wherever_it_is() -> None:
    chunk = gpt_delta({"content": "x", "padding": "abc"}) | {"padding": "de"}
    chunk["choices"][0]["padding"] = "f"
    assert through(chunk) == [gpt_delta({"content": "x"})]


# --- finishing ---


def test_the_finishing_chunk_waits_for_the_next_event() -> None:
    one = follower()
    finish = event(gpt_delta({}, "stop"))
    assert one.feed(finish) == b""
    assert one.events == 0
    assert one.feed(event(GPT_USAGE)) == finish + event(GPT_USAGE)
    assert one.events == 2


def test_the_finishing_chunk_passes_as_it_came_with_done() -> None:
    one = follower()
    finish = event(gpt_delta({"content": "last"}, "length"))
    one.feed(finish)
    assert one.feed(DONE) == finish + DONE


def test_a_comment_does_not_release_the_finishing_chunk() -> None:
    one = follower()
    one.feed(event(gpt_delta({}, "stop")))
    assert one.feed(b": ping\n\n") == b": ping\n\n"


def test_claude_says_its_usage_in_the_finishing_chunk() -> None:
    chunks = through(*CLAUDE_STREAM)
    assert text_of(chunks) == "Let me see."
    assert chunks[-1]["usage"] == USED
    assert reasons(chunks) == ["stop"]


# --- an answer split into choices ---


def test_split_choices_become_one() -> None:
    chunks = through(*CLAUDE_SPLIT)
    assert {choice["index"] for chunk in chunks for choice in chunk["choices"]} == {0}
    assert text_of(chunks) == "I look."
    assert calls(chunks) == {0: ("call_0", '{"a":1}'), 1: ("call_1", "{}")}
    assert reasons(chunks) == ["tool_calls"]
    assert [chunk.get("usage") for chunk in chunks if chunk.get("usage")] == [USED]
    assert [chunk["copilot_usage"] for chunk in chunks if "copilot_usage" in chunk] == [COSTS]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_a_finish_before_other_choices_waits_for_them() -> None:
    chunks = through(
        claude({"content": "I look.", "role": "assistant"}),
        claude({"content": None}, "stop", usage=USED),
        claude(opening(0, 0), index=1),
        claude(arguments("{}", 0), index=1),
        claude({"content": None}, "tool_calls", index=1),
    )
    assert reasons(chunks) == ["tool_calls"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert chunks[-1]["usage"] == USED
    assert calls(chunks) == {0: ("call_0", "{}")}


def test_what_a_finishing_chunk_adds_is_sent_before_what_overtakes_it() -> None:
    chunks = through(
        claude({"content": "first "}),
        claude({"content": "last words"}, "stop", usage=USED),
        claude(opening(0, 0), index=1),
    )
    assert text_of(chunks[:2]) == "first last words"
    assert calls(chunks[2:]) == {0: ("call_0", "")}
    assert reasons(chunks) == ["stop"]
    assert text_of(chunks[3:]) == ""
    assert [chunk.get("usage") for chunk in chunks] == [None, None, None, USED]


def test_what_overtakes_the_end_may_be_like_what_came_before_it() -> None:
    chunks = through(
        gpt_delta({"content": "a"}),
        gpt_delta({"content": "b"}),
        gpt_delta({"content": "c"}, "stop"),
        gpt_delta({"content": "d"}),
    )
    assert text_of(chunks) == "abcd"
    assert reasons(chunks) == ["stop"]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    ("said", "left"),
    [
        (["stop", "tool_calls"], "tool_calls"),
        (["tool_calls", "stop"], "tool_calls"),
        (["stop", "length"], "length"),
        (["length", "tool_calls", "stop"], "tool_calls"),
        (["stop", "stop"], "stop"),
        (["content_filter", "length"], "content_filter"),
    ],
)
def test_one_finish_reason_is_left_the_weightiest(said: list[str], left: str) -> None:
    ends = [claude({"content": None}, each, index=index) for index, each in enumerate(said)]
    assert reasons(through(claude({"content": "x"}), *ends)) == [left]


def test_calls_never_share_an_index() -> None:
    chunks = through(
        claude(opening(0, 0), index=1),
        claude(opening(1, 0)),
        claude(arguments("b", 0)),
        claude(arguments("a", 0), index=1),
        claude(opening(2, 1), index=1),
        claude(opening(3, 1)),
    )
    assert calls(chunks) == {
        0: ("call_0", "a"),
        1: ("call_1", "b"),
        2: ("call_2", ""),
        3: ("call_3", ""),
    }


def test_another_id_under_the_same_index_is_another_call() -> None:
    chunks = through(
        gpt_delta(opening(0, 0)),
        gpt_delta(arguments("a", 0)),
        gpt_delta(opening(1, 0)),
        gpt_delta(arguments("b", 0)),
        gpt_delta(arguments("c", 0)),
    )
    assert calls(chunks) == {0: ("call_0", "a"), 1: ("call_1", "bc")}


def test_several_choices_in_one_chunk_are_taken_apart() -> None:
    both = gpt(
        [
            {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"},
            {"index": 1, "delta": opening(0, 0), "finish_reason": "tool_calls"},
        ],
        usage=USED,
    )
    chunks = through(both)
    assert text_of(chunks) == "x"
    assert calls(chunks) == {0: ("call_0", "")}
    assert reasons(chunks) == ["tool_calls"]
    assert [chunk.get("usage") for chunk in chunks if chunk.get("usage")] == [USED]


def test_a_choice_that_goes_on_after_the_usage_ends_nothing_twice() -> None:
    chunks = through(
        claude({"content": "x"}, "stop"),
        GPT_USAGE,
        claude({"content": "y"}, "stop", index=1),
        claude({"content": None}, "stop", index=2),
    )
    assert text_of(chunks) == "xy"
    assert reasons(chunks) == ["stop"]


def test_choices_that_were_asked_for_stay_apart() -> None:
    sent = [
        gpt_delta({"content": "a"}),
        gpt_delta({"content": "b"}, index=1),
        gpt_delta(opening(0, 0), index=1),
        gpt_delta({}, "stop"),
        gpt_delta({}, "tool_calls", index=1),
    ]
    assert through(*sent, choices=2) == sent


@pytest.mark.parametrize(
    "chunks",
    [
        [claude(opening(number, 0), index=1) for number in range(5_000)],
        [gpt_delta({"content": "x"}, index=number) for number in range(2_000)],
    ],
    ids=["calls", "choices"],
)
def test_calls_and_choices_without_number_are_refused(chunks: list[Any]) -> None:
    with pytest.raises(GatewayError) as caught:
        follow(follower(), [chat_stream(chunks)])
    assert caught.value.fault is Fault.UPSTREAM_BAD_ANSWER


# --- complete or not ---


@pytest.mark.parametrize(
    ("chunks", "choices", "is_complete"),
    [
        (GPT_STREAM, 1, True),
        (CLAUDE_STREAM, 1, True),
        (CLAUDE_SPLIT, 1, True),
        (GPT_STREAM[:-1], 1, False),  # the usage is missing
        (GPT_STREAM[:-2], 1, False),
        ([*GPT_STREAM[:-2], GPT_USAGE], 1, False),  # the finish reason is missing
        (CLAUDE_SPLIT[:-1], 1, False),  # one choice has not finished
        ([GPT_USAGE], 1, False),
        ([], 1, False),
        ([gpt_delta({"content": "a"}, "stop"), GPT_USAGE], 2, True),
    ],
)
def test_a_clean_end_without_done_is_complete_if_all_was_said(
    chunks: list[Any], choices: int, is_complete: bool
) -> None:
    one = follower(choices)
    found = one.feed(chat_stream(chunks, done=False))
    assert not one.is_complete
    rest = one.finish()
    assert one.is_complete is is_complete
    assert (found + rest).endswith(DONE) is is_complete


def test_an_incomplete_stream_does_not_look_finished() -> None:
    one = follower()
    found = follow(one, [chat_stream(GPT_STREAM[:-1], done=False)])
    assert not one.is_complete
    assert reasons(payloads(found)) == []


def test_done_alone_completes_a_stream() -> None:
    one = follower()
    assert follow(one, [chat_stream(GPT_STREAM[:3])]).endswith(DONE)
    assert one.is_complete


@pytest.mark.parametrize("tail", [b"data: [DONE]", b"data:[DONE]\n", b"data: [DONE]\r\n"])
def test_the_last_event_needs_no_empty_line_behind_it(tail: bytes) -> None:
    one = follower()
    found = follow(one, [chat_stream(GPT_STREAM, done=False) + tail])
    assert one.is_complete
    assert b"[DONE]" in found


@pytest.mark.parametrize(
    "tail", [b"data: [DON", b"data: ", b'data: {"choices":[', b"data: 12", b"da", b":"]
)
def test_half_an_event_at_the_end_is_no_event(tail: bytes) -> None:
    one = follower()
    before = chat_stream(GPT_STREAM[:3], done=False)
    assert follow(one, [before + tail]) == chat_stream(GPT_STREAM[1:3], done=False)
    assert not one.is_complete


# --- failures ---


@pytest.mark.parametrize(
    ("chunk", "failure"),
    [
        (
            {"error": {"code": "rate_limited", "message": "slow down"}},
            StreamFailure("rate_limited", "", "slow down"),
        ),
        ({"choices": [], "error": {"type": "server_error"}}, StreamFailure("", "server_error", "")),
        ({"choices": None, "error": "broken"}, StreamFailure("", "", "broken")),
    ],
)
def test_an_error_ends_the_stream_and_is_not_passed_on(chunk: Any, failure: StreamFailure) -> None:
    one = follower()
    good = event(gpt_delta({"content": "Hi"}))
    assert one.feed(good + event(chunk) + good + DONE) == good
    assert one.failure == failure
    assert one.feed(good) == b""
    assert one.finish() == b""
    assert not one.is_complete


def test_an_error_after_the_finish_keeps_the_end_back() -> None:
    one = follower()
    assert one.feed(event(gpt_delta({}, "stop")) + event({"error": {"code": "x"}})) == b""
    assert one.failure == StreamFailure("x", "", "")


def test_a_json_error_instead_of_a_stream_is_a_failure() -> None:
    body = json.dumps({"error": {"code": "rate_limited", "message": "slow down"}}).encode()
    for end in (b"", b"\n", b"\n\n"):
        one = follower()
        assert follow(one, [body + end]) == b""
        assert one.failure == StreamFailure("rate_limited", "", "slow down")


def test_a_whole_answer_instead_of_a_stream_is_not_complete() -> None:
    one = follower()
    assert follow(one, [b'{"choices":[{"message":{"content":"Hi"}}]}']) == b""
    assert not one.is_complete
    assert one.failure is None


def test_done_is_written_once() -> None:
    assert chat.DONE_EVENT == DONE
    one = follower()
    found = follow(one, [chat_stream(GPT_STREAM) + DONE])
    assert found.count(b"[DONE]") == 1


def test_created_of_the_stream_stays_upstreams() -> None:
    assert {chunk["created"] for chunk in through(*GPT_STREAM)} == {CREATED}


# --- half a character ---


def escaped(*chunks: Any) -> bytes:
    """A stream with escapes for all that is not ASCII, as Python writes it."""
    return b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in chunks) + DONE


def test_half_a_character_passes_as_it_came() -> None:
    chunks = [*GPT_STREAM[1:-2], *map(gpt_delta, ({"content": "\ud83d"}, {"content": "\ude00"}))]
    stream = escaped(*chunks, *GPT_STREAM[-2:])
    one = follower()
    assert follow(one, [stream]) == stream
    assert one.is_complete


def test_its_lines_pass_as_they_came() -> None:
    event = b"id: 1\r\ndata:" + json.dumps(gpt_delta({"content": "\ud83d"})).encode() + b"\r\n\r\n"
    assert follower().feed(event) == event


def test_what_has_half_a_character_is_repaired_as_the_rest_is() -> None:
    odd = claude({"content": "\ud83d", "padding": "abc"}, padding="abc")
    (found,) = payloads(follow(follower(), [escaped(odd)]))
    assert found["object"] == "chat.completion.chunk"
    assert found["choices"][0]["delta"] == {"content": "\ud83d"}
    assert "padding" not in found


def test_a_chunk_that_is_held_back_keeps_its_half() -> None:
    split = [
        claude({"content": "a \ud83d"}, "stop"),
        claude(opening(0, 0), index=1),
        claude(arguments('{"b":"\ud83d', 0), index=1),
        claude(arguments('\ude00"}', 0), "tool_calls", index=1, usage=USED),
    ]
    stream = follow(follower(), [escaped(*split)])
    found = payloads(stream)
    assert calls(found) == {0: ("call_0", '{"b":"\ud83d\ude00"}')}
    assert found[0]["choices"][0]["delta"]["content"] == "a \ud83d"
    assert reasons(found) == ["tool_calls"]
    assert b"\xef\xb7\x90" not in stream


def test_what_half_a_character_came_with_is_counted() -> None:
    one = follower()
    follow(one, [escaped(claude({"content": "\ud83d"}, "stop", usage=USED))])
    assert one.spent.tokens.output == USED["completion_tokens"]


def test_half_a_character_does_not_hide_a_failure() -> None:
    one = follower()
    assert follow(one, [escaped({"error": {"code": "boom", "message": "no \ud83d"}})]) == b""
    assert one.failure == StreamFailure("boom", "", "no \ufffd")
