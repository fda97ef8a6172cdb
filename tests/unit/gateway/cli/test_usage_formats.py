"""What `usage` prints."""

import csv
import io
import json

import pytest

from gateway.cli.usage_formats import as_csv, as_json, as_table
from gateway.domain.usage.report import Line

NOTHING = Line((), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.0)


def line(*values: str, nano_aiu: int = 296_100_000, estimated: int = 0, partial: int = 0) -> Line:
    return Line(values, 12345, partial, 1000, 500, 50, 200, 70, nano_aiu, estimated, 1.33)


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- table ------------------------------------------------------------------------------------


def test_a_table_is_aligned_and_ends_with_the_total() -> None:
    lines = [line("ci-bot", "gpt-5", nano_aiu=123_456_000_000), line("bob", "")]

    assert as_table(("key", "model"), lines) == (
        "key     model  requests  partial  input  cached  cache_write  output  reasoning"
        "  credits     USD  premium\n"
        "ci-bot  gpt-5     12345        0   1000     500           50     200         70"
        "   123.46  1.2346     1.33\n"
        "bob     -         12345        0   1000     500           50     200         70"
        "     0.30  0.0030     1.33\n"
        "total             24690        0   2000    1000          100     400        140"
        "   123.75  1.2375     2.66\n"
    )


def test_the_total_is_of_exact_credits_and_not_of_rounded_ones() -> None:
    text = as_table(("key",), [line(str(number), nano_aiu=4_000_000) for number in range(10)])

    assert text.splitlines()[1].split()[8] == "0.00"
    assert text.splitlines()[-1].split()[8] == "0.04"


def test_estimates_and_partial_ones_are_marked_and_explained() -> None:
    text = as_table(("key",), [line("a", estimated=100_000_000), line("b", partial=3)])
    header, first, second, total, blank, *notes = text.splitlines()

    assert ("~0.30" in first, "~0.30" in second, "~0.59" in total) == (True, False, True)
    assert (header.split()[2], second.split()[2], total.split()[2]) == ("partial", "3", "3")
    assert blank == ""
    assert [note.split()[0] for note in notes] == ["~", "partial:"]
    assert "0.10 credits in all" in notes[0]


def test_a_table_of_nothing_has_a_total_of_nothing() -> None:
    header, total = as_table(("key",), []).splitlines()

    assert header.split()[0] == "key"
    assert total.split()[:2] == ["total", "0"]


def test_a_model_cannot_move_the_cursor_or_turn_the_text() -> None:
    text = as_table(("model",), [line("a\x1b[2J\n\u202eb\x9b")])

    assert text.splitlines()[1].startswith("a?[2J??b? ")


# --- csv --------------------------------------------------------------------------------------


def test_csv_has_every_sum_exactly_and_no_total() -> None:
    (row,) = read(as_csv(("key",), [line("ci-bot", nano_aiu=2**62 + 1)]))

    assert row == {
        "key": "ci-bot",
        "requests": "12345",
        "partial": "0",
        "input_tokens": "1000",
        "cached_tokens": "500",
        "cache_write_tokens": "50",
        "output_tokens": "200",
        "reasoning_tokens": "70",
        "nano_aiu": "4611686018427387905",
        "estimated_nano_aiu": "0",
        "premium_requests": "1.33",
        "credits": "4611686018.427387905",
        "usd": "46116860.18427387905",
    }


@pytest.mark.parametrize(("nano_aiu", "credit"), [(0, "0"), (1, "0.000000001"), (10**11, "100")])
def test_credits_are_plain_numbers(nano_aiu: int, credit: str) -> None:
    (row,) = read(as_csv(("key",), [line("a", nano_aiu=nano_aiu)]))

    assert row["credits"] == credit


@pytest.mark.parametrize("model", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\uff1d1"])
def test_a_model_is_no_formula(model: str) -> None:
    (row,) = read(as_csv(("model",), [line(model)]))

    assert row["model"] == f"'{model}"


@pytest.mark.parametrize("model", ['a,"b"', "a\nb", "a\rb", "\t=1", "\r=1", "\n=1"])
def test_whatever_a_model_is_called_stays_in_its_cell_and_line(model: str) -> None:
    text = as_csv(("model", "key"), [line(model, "k")])
    (row,) = read(text)

    assert len(text.splitlines()) == 2
    assert row["key"] == "k"
    assert row["model"] == model.translate(dict.fromkeys(map(ord, "\t\r\n"), "?"))


def test_csv_of_nothing_is_its_header() -> None:
    assert len(as_csv(("key",), []).splitlines()) == 1


# --- json -------------------------------------------------------------------------------------


def test_json_is_a_list_of_objects() -> None:
    (found,) = json.loads(as_json(("key", "day"), [line("=a", "2026-11-25")]))

    assert found["key"] == "=a"
    assert found["day"] == "2026-11-25"
    assert found["nano_aiu"] == 296_100_000
    assert found["credits"] == 0.2961
    assert found["usd"] == 0.002961
    assert json.loads(as_json((), [])) == []


def test_without_words_there_is_one_line() -> None:
    assert json.loads(as_json((), [NOTHING]))[0]["requests"] == 0
