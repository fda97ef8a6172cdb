"""The arguments of `usage`, as an operator types them."""

from datetime import UTC, datetime

import pytest

from gateway.cli.usage_formats import FORMS
from gateway.cli.usage_question import FORMATS, question_of
from gateway.domain.usage.report import WORDS, Question

NOW = datetime(2026, 11, 25, 12, 30, tzinfo=UTC).timestamp()


def at(*parts: int) -> float:
    return datetime(*parts, tzinfo=UTC).timestamp()  # type: ignore[misc, arg-type]


def test_without_arguments_it_is_this_month_until_now() -> None:
    assert question_of("key", None, None, NOW) == Question(at(2026, 11, 1), NOW, ("key",))


def test_days_are_those_of_utc() -> None:
    asked = question_of("key, model", "2026-10-01", "2026-11-01", NOW)

    assert asked == Question(at(2026, 10, 1), at(2026, 11, 1), ("key", "model"))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01T12:00:00Z", at(2026, 11, 1, 12)),
        ("2026-11-01t12:00:00z", at(2026, 11, 1, 12)),
        ("2026-11-01 12:00:00+02:00", at(2026, 11, 1, 10)),
        ("2026-11-01T12:00:00.5-01:30", at(2026, 11, 1, 13, 30) + 0.5),
    ],
)
def test_times_are_those_of_rfc_3339(text: str, moment: float) -> None:
    assert question_of("key", text, None, NOW).since == moment


@pytest.mark.parametrize(
    ("by", "since", "until", "complaint"),
    [
        ("key", "yesterday", None, "--from: must be a day such as"),
        ("key", "2026-11-01T12:00:00", None, "--from: must be a day such as"),
        ("key", "20261101", None, "--from: must be a day such as"),
        ("key", "2026-02-30", None, "--from: there is no such time as 2026-02-30"),
        ("key", "2026-11-01T25:00:00Z", None, "--from: there is no such time"),
        ("key", None, "2026-13-01", "--to: there is no such time"),
        ("key", "2026-11-26", None, "--to: must be later than --from"),
        ("key", "2026-11-01", "2026-11-01", "--to: must be later than --from"),
        ("", None, None, "--by: needs words"),
        ("key,,model", None, None, "--by: needs words"),
        ("key,colour", None, None, "--by: there is nothing like 'colour'; there are: key, group"),
        ("key,key", None, None, "--by: 'key' is there twice"),
    ],
)
def test_what_is_wrong_is_said(
    by: str, since: str | None, until: str | None, complaint: str
) -> None:
    with pytest.raises(ValueError, match=f"^{complaint}"):
        question_of(by, since, until, NOW)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_of_a_report_can_be_asked_for(word: str) -> None:
    assert question_of(word, None, None, NOW).by == (word,)


def test_every_format_that_is_offered_is_there() -> None:
    assert set(FORMATS) == set(FORMS)
