"""An event is known without being read only if it differs inside one JSON string."""

import pytest

from gateway.domain.streams.likeness import MAX_MISSES, RARELY, Likeness

OPENINGS = (b'"text":"',)


def event(text: str, number: int = 1) -> bytes:
    return b'data: {"text":"%b","n":%d}\n\n' % (text.encode(), number)


def learned(text: str = "one") -> Likeness:
    likeness = Likeness(OPENINGS)
    examined = event(text)
    likeness.learn(examined, examined)
    return likeness


@pytest.mark.parametrize(
    "text",
    [
        "two",
        "",
        "a longer text 🦊",
        r"line\nbreak",
        r"\"quoted\"",
        r"an \"odd\" one",
        r"\u0022",
        r"\\",
        r"C:\\dir\\",
    ],
)
def test_another_text_is_alike(text: str) -> None:
    other = event(text)
    assert learned().of(other) is other


@pytest.mark.parametrize("text", [r"a \"quote\" in it", r"\\", r"\\\"", "", r"ends in \\\\"])
def test_whatever_the_examined_text_was(text: str) -> None:
    other = event("two")
    assert learned(text).of(other) is other


@pytest.mark.parametrize(
    "other",
    [
        event("two", number=2),
        event('two","finish_reason":"stop'),
        event(r"two\\" + '","finish":"'),
        event("two\n\ndata: [DONE]\n\n"),
        event("two\r\rdata: [DONE]\r\r"),
        event("two") + event("three"),
        b": comment\n\n" + event("two"),
        event("two")[:-1],
        b'data: {"text":"',
        b'data: {"n":1}\n\n',
        b"",
    ],
)
def test_any_other_difference_is_looked_at(other: bytes) -> None:
    assert learned().of(other) is None


def test_what_stands_before_the_text_may_be_changed() -> None:
    likeness = Likeness(OPENINGS)
    likeness.learn(event("one"), b'data: {"added":0,"text":"one","n":1}\n\n')
    assert likeness.of(event("two")) == b'data: {"added":0,"text":"two","n":1}\n\n'


def test_a_change_behind_the_text_is_not_repeated() -> None:
    likeness = Likeness(OPENINGS)
    likeness.learn(event("one"), b'data: {"text":"one","n":2}\n\n')
    assert likeness.of(event("two")) is None


def test_nothing_is_alike_after_forgetting() -> None:
    likeness = learned()
    likeness.forget()
    assert likeness.of(event("two")) is None


def test_patterns_that_never_fit_are_made_rarely() -> None:
    likeness = Likeness(OPENINGS)
    fitting = []
    for number in range(2 * RARELY):
        examined = event("one", number)
        likeness.learn(examined, examined)
        if likeness.has_pattern:
            fitting.append(number)
    assert fitting == [*range(MAX_MISSES), RARELY - 1, 2 * RARELY - 1]


def test_a_pattern_that_fits_now_and_then_is_worth_making() -> None:
    likeness = Likeness(OPENINGS)
    for number in range(3 * MAX_MISSES):
        examined = event("one", number)
        likeness.learn(examined, examined)
        assert likeness.of(event("two", number)) is not None
