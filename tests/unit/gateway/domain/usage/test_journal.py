"""Lines of the journal: there and back, cut off anywhere, and what has no end in them."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.usage import journal
from gateway.domain.usage.journal import (
    NEWLINE,
    Begun,
    Ended,
    Line,
    Sent,
    Unfinished,
    encode,
    read,
    records_of,
    text_of,
)
from tests.fakes.usage_records import a_beginning, a_record, a_sending

LINES: list[Line] = [
    a_beginning(),
    a_sending(),
    Ended(a_record(nano_aiu=7, is_partial=True, first_byte_seconds=0.5, caller_request_id='"\n')),
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_is_read_back_as_it_was(line: Line) -> None:
    assert read(encode(line)) == line
    assert b"\n" not in encode(line)


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_cut_off_anywhere_is_none(line: Line) -> None:
    whole = encode(line)
    assert [read(whole[:end]) for end in range(len(whole))] == [None] * len(whole)


@given(st.binary())
def test_what_is_no_line_is_none(garbage: bytes) -> None:
    assert read(garbage) is None


def test_a_newer_versions_fields_are_passed_over() -> None:
    newer = msgspec.json.decode(encode(Ended(a_record())))
    newer["record"]["weather"] = "fine"
    newer["sealed"] = True
    assert read(msgspec.json.encode(newer)) == Ended(a_record())


def test_an_older_versions_lines_lack_fields_and_are_read() -> None:
    older = b'{"line":"begun","request_id":"r","time":1,"key_id":"k","group_id":"g",'
    older += b'"platform":"copilot","endpoint":"/v1/messages"}'
    assert read(older) == Begun("r", 1, "k", "g", "copilot", "/v1/messages")


def test_of_many_lines_the_records_are_those_that_ended() -> None:
    whole = [encode(line) for line in (*LINES, Ended(a_record("r-2")))]
    torn = [b"", b"\0", whole[0][:-1], whole[2][:-1]]
    assert [record.request_id for record in records_of([*torn, *whole])] == ["r-1", "r-2"]


def test_a_line_is_no_less_an_end_for_saying_so_last() -> None:
    line = msgspec.json.decode(encode(Ended(a_record())))
    turned = msgspec.json.encode({"record": line["record"], "line": line["line"]})
    assert records_of([turned]) == [a_record()]


@pytest.mark.parametrize("line", [a_beginning(), a_sending()])
def test_a_line_that_says_first_that_it_is_no_end_is_not_read(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "read", pytest.fail)
    assert records_of([encode(line)]) == []


def test_only_what_has_no_end_is_unfinished() -> None:
    unfinished = Unfinished()
    for line in (a_beginning("a"), a_beginning("b"), a_sending("a"), Ended(a_record("a"))):
        unfinished.note(line)
    assert [record.request_id for record in unfinished.records()] == ["b"]


def test_the_latest_attempt_is_what_is_known() -> None:
    unfinished = Unfinished()
    for line in (a_beginning(), a_sending(attempts=1), a_sending(attempts=2)):
        unfinished.note(line)
    (record,) = unfinished.records()
    assert (record.account_id, record.attempts, record.outcome) == ("seat-2", 2, "crashed")
    assert record.is_partial
    assert record.is_counted


def test_a_request_that_was_never_sent_counts_in_no_budget() -> None:
    unfinished = Unfinished()
    unfinished.note(a_beginning())
    (record,) = unfinished.records()
    assert not record.is_counted


def test_an_end_whose_beginning_was_in_a_segment_before_leaves_nothing() -> None:
    unfinished = Unfinished()
    unfinished.note(Ended(a_record()))
    unfinished.note(a_sending("other"))
    assert list(unfinished.records()) == []
    assert isinstance(a_sending(), Sent)


def test_lines_are_written_as_each_alone_would_be() -> None:
    lines: list[Line] = [a_beginning(), a_sending(), Ended(a_record())]
    assert text_of(lines) == b"".join(encode(line) + NEWLINE for line in lines)


def test_a_text_that_is_none_costs_no_other_line() -> None:
    half = a_record(requested_model="half \ud83d")
    lines: list[Line] = [a_beginning(), Ended(half), a_sending()]
    found = [read(line) for line in text_of(lines).splitlines()]
    assert found == [a_beginning(), Ended(a_record(requested_model="half ?")), a_sending()]
