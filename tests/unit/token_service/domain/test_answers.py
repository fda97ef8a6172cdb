"""Reading what GitHub answered."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.answers import LONGEST_SENTENCE, Answer, sentence

DATE = "Sun, 22 Nov 2026 13:00:00 GMT"
AT = 1795352400.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "30"}, 30.0),
        ({"retry-after": " 30 "}, 30.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "208800"}, 900.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Sun, 22 Nov 2026 13:01:00 GMT", "date": DATE}, 60.0),
        ({"retry-after": "Sun, 22 Nov 2026 12:59:00 GMT", "date": DATE}, 0.0),
        ({"retry-after": "Sun, 22 Nov 2026 13:01:00 GMT"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(AT) + 45), "date": DATE}, 45),
        (
            {"x-ratelimit-remaining": "7", "x-ratelimit-reset": str(int(AT) + 45), "date": DATE},
            None,
        ),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(AT) + 45)}, None),
    ],
)
def test_wait_hint(headers: dict[str, str], seconds: float | None) -> None:
    """Hints are read against GitHub's own clock and capped at 15 minutes."""
    assert Answer(429, headers).wait_hint() == seconds


@given(st.dictionaries(st.sampled_from(["retry-after", "date", "x-ratelimit-reset"]), st.text()))
def test_no_header_breaks_the_hint(headers: dict[str, str]) -> None:
    hint = Answer(429, {**headers, "x-ratelimit-remaining": "0"}).wait_hint()

    assert hint is None or 0 <= hint <= 900


@given(st.binary(max_size=200))
def test_no_body_breaks_reading_it(body: bytes) -> None:
    content = Answer(200, {}, body).json_object()

    assert content is None or isinstance(content, dict)


def test_date_is_read_as_seconds() -> None:
    assert Answer(200, {"date": DATE}).date() == AT


@given(st.text())
def test_a_sentence_is_one_bounded_printable_line(text: str) -> None:
    made = sentence(text)

    assert len(made) <= LONGEST_SENTENCE
    assert made.isprintable()


def test_a_body_is_never_shown() -> None:
    assert "secret" not in repr(Answer(200, {"x": "secret"}, b"secret"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Bad credentials: ghu_simulated", "Bad credentials: …"),
        ("the token (github_pat_11AB_c) is old", "the token (… is old"),
        ("got Authorization: token gho_a1, sorry", "got Authorization: token … sorry"),
        ("tid=1;exp=2;sku=x:abc was revoked", "… was revoked"),
        ('the key "' + "0a" * 20 + '" is old', "the key … is old"),
        ("see https://github.com/settings/copilot/features?and=so&on=1 first",) * 2,
        ("no_copilot_access for programmatic_token_generation",) * 2,
    ],
)
def test_a_sentence_holds_no_credential(text: str, shown: str) -> None:
    assert sentence(text).startswith(shown)
