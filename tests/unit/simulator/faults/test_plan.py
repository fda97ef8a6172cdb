"""From answers to writes: the bytes stay the same, however they are divided, until they end."""

import gzip
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.faults.plan import Ending, Plan, Step, faulty_plan, plain_plan
from simulator.scenario.faults import Fault
from simulator.wire.answer import DONE, EVENTS, TEXT, Answer, Event

EVENT_TEXTS = [b'{"a":"one"}', '{"a":"grün"}'.encode(), '{"a":"🦊"}'.encode(), DONE]
PLAIN = b"".join(b"data: " + event + b"\n\n" for event in EVENT_TEXTS)


def stream(gap: float = 0.5) -> Answer:
    return Answer(200, EVENTS, events=[Event(text) for text in EVENT_TEXTS], gap_seconds=gap)


def plan(gap: float = 0.5, **fault: object) -> Plan:
    return faulty_plan(stream(gap), Fault.model_validate(fault), gzip=False)


def sent(made: Plan) -> bytes:
    return b"".join(step.data for step in made.steps)


def test_plain_streams_pause_before_each_event_but_the_first() -> None:
    steps = list(plain_plan(stream(), gzip=False).steps)
    assert [step.pause for step in steps] == [0.0, 0.5, 0.5, 0.5]
    assert b"".join(step.data for step in steps) == PLAIN


def test_plain_bodies_are_sent_at_once_with_their_length() -> None:
    made = plain_plan(Answer(200, TEXT, b"body"), gzip=False)
    assert (made.whole, made.length, list(made.steps)) == (b"body", 4, [])


writes = st.one_of(
    st.builds(lambda n: {"events": n}, st.integers(1, 6)),
    st.builds(lambda n: {"bytes": n}, st.integers(1, 40)),
    st.just({"split_utf8": True}),
    st.just({"all_at_once": True}),
)


@given(writes)
def test_however_divided_the_bytes_are_the_same(division: dict[str, object]) -> None:
    made = plan(writes=division)
    assert sent(made) == PLAIN
    assert made.ending is Ending.FINISH


@given(writes, st.integers(0, len(PLAIN) + 5), st.sampled_from(["finish", "cut", "reset"]))
def test_an_end_keeps_exactly_the_first_bytes(
    division: dict[str, object], offset: int, how: str
) -> None:
    made = plan(writes=division, end={"how": how, "after_bytes": offset})
    assert sent(made) == PLAIN[:offset]
    assert made.ending.value == how


@given(writes, st.integers(0, len(PLAIN) + 5))
def test_a_stall_comes_after_exactly_the_first_bytes(
    division: dict[str, object], offset: int
) -> None:
    steps = list(plan(0, writes=division, stall={"after_bytes": offset, "seconds": 9}).steps)
    (stall,) = [number for number, step in enumerate(steps) if step.pause == 9]
    assert b"".join(step.data for step in steps[:stall]) == PLAIN[:offset]
    assert b"".join(step.data for step in steps) == PLAIN


def test_one_byte_a_write() -> None:
    assert all(len(step.data) == 1 for step in plan(writes={"bytes": 1}).steps)


@given(st.integers(0, len(PLAIN) + 5), st.integers(1, 40))
def test_one_byte_a_write_in_a_stretch(after: int, length: int) -> None:
    made = plan(writes={"bytes": 1, "after_bytes": after, "for_bytes": length})
    assert sent(made) == PLAIN
    ends, offset = set(), 0
    for step in made.steps:
        offset += len(step.data)
        ends.add(offset)
    assert set(range(max(after, 1), min(after + length, len(PLAIN)) + 1)) <= ends
    assert len(ends) <= len(EVENT_TEXTS) + length + 1


def test_characters_are_split_in_their_middle() -> None:
    pieces = [step.data for step in plan(writes={"split_utf8": True}).steps]
    assert pieces[1] == b'data: {"a":"gr\xc3'
    with pytest.raises(UnicodeDecodeError):
        pieces[1].decode()


def test_several_events_a_write_keep_the_pause_before_the_first() -> None:
    steps = list(plan(writes={"events": 3}).steps)
    assert [step.pause for step in steps] == [0.0, 0.5]


def test_places_can_be_counted_in_events() -> None:
    assert sent(plan(end={"how": "cut", "after_events": 1})) == b'data: {"a":"one"}\n\n'
    assert sent(plan(end={"how": "cut", "after_events": 0})) == b""


def test_an_end_without_a_place_comes_instead_of_the_headers() -> None:
    made = plan(end={"how": "reset"}, delay_seconds=2)
    assert (made.sends_headers, made.ending, made.delay_seconds) == (False, Ending.RESET, 2)


def test_a_stall_without_a_place_comes_before_the_headers_and_is_bounded() -> None:
    assert plan(stall={}).delay_seconds == 3600
    assert plan(stall={"seconds": 3}, delay_seconds=1).delay_seconds == 4


def test_slow_accounts_are_slow_with_and_without_faults() -> None:
    slow = replace(stream(), delay_seconds=2)
    whole = Answer(200, TEXT, b"body", delay_seconds=2)
    assert plain_plan(slow, gzip=False).delay_seconds == 2
    assert plain_plan(whole, gzip=False).delay_seconds == 2
    assert faulty_plan(slow, Fault(delay_seconds=1), gzip=False).delay_seconds == 3


def test_named_events_say_their_names() -> None:
    answer = Answer(200, EVENTS, events=[Event(b"{}", "ping")])
    assert sent(plain_plan(answer, gzip=False)) == b"event: ping\ndata: {}\n\n"
    fault = Fault(line_ends="crlf", space_after_colon=False)
    assert sent(faulty_plan(answer, fault, gzip=False)) == b"event:ping\r\ndata:{}\r\n\r\n"


def test_a_stall_at_the_end_is_a_silence_after_everything() -> None:
    assert list(plan(stall={"after_events": 99}).steps)[-1] == Step(3600.0, b"")


def test_a_body_that_breaks_off_says_the_length_it_would_have_had() -> None:
    """Only so can a client notice."""
    fault = Fault.model_validate({"end": {"how": "cut", "after_bytes": 2}})
    made = faulty_plan(Answer(200, TEXT, b"body"), fault, gzip=False)
    assert (sent(made), made.length) == (b"bo", 4)
    clean = Fault.model_validate({"end": {"how": "finish", "after_bytes": 2}})
    assert faulty_plan(Answer(200, TEXT, b"body"), clean, gzip=False).length == 2


@given(writes)
def test_compressed_streams_can_be_read_write_by_write(division: dict[str, object]) -> None:
    fault = Fault.model_validate({"writes": division, "gzip": True})
    made = faulty_plan(stream(), fault, gzip=False)
    assert made.headers["Content-Encoding"] == "gzip"
    steps = list(made.steps)
    assert gzip.decompress(b"".join(step.data for step in steps)) == PLAIN
    reader = zlib.decompressobj(wbits=31)
    assert b"".join(reader.decompress(step.data) for step in steps[:-1]) == PLAIN


def test_a_cut_compressed_stream_has_no_trailer() -> None:
    made = plan(gzip=True, end={"how": "cut", "after_events": 1})
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(sent(made)) == b'data: {"a":"one"}\n\n'
    assert not reader.eof


def test_a_hanging_answer_sends_nothing() -> None:
    made = faulty_plan(Answer(504, TEXT, hangs=True), Fault(unknown_fields=True), gzip=False)
    assert not made.sends_headers
