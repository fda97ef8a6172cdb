"""An event is known without being read only if it differs inside one JSON string."""

import pytest

from gateway.domain.streams.framing import ends_in
from gateway.domain.streams.likeness import MAX_MISSES, RARELY, Field, Kind, Likeness
from gateway.domain.streams.patterns import Pattern

TEXTS = (Field(b'"text":"'),)


def event(text: str, number: int = 1) -> bytes:
    return b'data: {"text":"%b","n":%d}\n\n' % (text.encode(), number)


def learned(examined: bytes, sent: bytes | None = None) -> Pattern:
    likeness = Likeness(TEXTS)
    likeness.learn(examined, sent or examined)
    assert likeness.pattern is not None
    return likeness.pattern


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
    assert learned(event("one")).of(other) is other


@pytest.mark.parametrize("text", [r"a \"quote\" in it", r"\\", r"\\\"", "", r"ends in \\\\"])
def test_whatever_the_examined_text_was(text: str) -> None:
    other = event("two")
    assert learned(event(text)).of(other) is other


UNLIKE = pytest.mark.parametrize(
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
        b'data: {"text":","n":1}\n\n',
        b'data: {"n":1}\n\n',
        b"",
    ],
)


@UNLIKE
def test_any_other_difference_is_looked_at(other: bytes) -> None:
    assert learned(event("one")).of(other) is None


def one_by_one(pattern: Pattern, buffer: bytes) -> tuple[int, int]:
    """Where the like events at the beginning end, and how many they are."""
    count = start = 0
    for end in ends_in(buffer):
        if pattern.of(buffer[start:end]) is None:
            break
        count, start = count + 1, end
    return start, count


@UNLIKE
def test_many_are_alike_up_to_that(other: bytes) -> None:
    pattern = learned(event("one"))
    like = event("1") + event(r"\"2\"")
    for buffer in (other, like + other, like + other + like, other + like):
        assert pattern.run(buffer, 0)[:2] == one_by_one(pattern, buffer)
        assert pattern.run(b"xyz" + buffer, 3)[0] == 3 + one_by_one(pattern, buffer)[0]


def test_what_stands_before_the_text_may_be_changed() -> None:
    pattern = learned(event("one"), b'data: {"added":0,"text":"one","n":1}\n\n')
    assert pattern.of(event("two")) == b'data: {"added":0,"text":"two","n":1}\n\n'


def test_what_stands_behind_the_text_may_be_changed() -> None:
    pattern = learned(event("one"), b'data: {"text":"one","n":2}\n\n')
    assert pattern.of(event("two")) == b'data: {"text":"two","n":2}\n\n'


def test_nothing_is_alike_after_forgetting() -> None:
    likeness = Likeness(TEXTS)
    likeness.learn(event("one"), event("one"))
    likeness.forget()
    assert likeness.pattern is None


def test_patterns_that_never_fit_are_made_rarely() -> None:
    likeness = Likeness(TEXTS)
    fitting = []
    for number in range(2 * RARELY):
        examined = event("one", number)
        likeness.learn(examined, examined)
        if likeness.pattern is not None:
            fitting.append(number)
    assert fitting == [*range(MAX_MISSES), RARELY - 1, 2 * RARELY - 1]


def test_a_pattern_that_fits_now_and_then_is_worth_making() -> None:
    likeness = Likeness(TEXTS)
    for number in range(3 * MAX_MISSES):
        examined = event("one", number)
        likeness.learn(examined, examined)
        assert likeness.pattern is not None
        assert likeness.pattern.of(event("two", number)) is not None


# --- several values ---

OTHERS = (Field(b'"id":"', Kind.CHANGED), Field(b'"n":', Kind.NUMBER), Field(b'"pad":"'))


def numbered(text: str, id_: str = "a", number: str = "1", pad: str = "") -> bytes:
    fields = f'"n":{number},"id":"{id_}","in":0,"text":"{text}","pad":"{pad}"'
    return b"event: e\ndata: {%b}\n\n" % fields.encode()


def of_several(examined: bytes, sent: bytes) -> Pattern:
    likeness = Likeness(TEXTS, OTHERS)
    likeness.learn(examined, sent)
    assert likeness.pattern is not None
    return likeness.pattern


def test_an_event_may_differ_in_several_values() -> None:
    examined = numbered("one")
    other = numbered(r"\"two\"", number="10", pad="xy")
    assert of_several(examined, examined).of(other) is other


def test_what_was_changed_once_is_changed_always() -> None:
    pattern = of_several(numbered("one", "b"), numbered("one", "a"))
    assert pattern.of(numbered("two", "c", "22", "x")) == numbered("two", "a", "22", "x")


def test_what_was_left_out_once_is_left_out_always() -> None:
    pattern = of_several(numbered("one", "b"), numbered("one", "b").replace(b'"id":"b",', b""))
    assert pattern.of(numbered("two", "c")) == numbered("two").replace(b'"id":"a",', b"")


def test_an_unchanged_value_has_to_stay() -> None:
    pattern = of_several(numbered("one", "a"), numbered("one", "a"))
    assert pattern.of(numbered("two", "b")) is None


@pytest.mark.parametrize(
    "other",
    [
        numbered("two", "a"),  # perhaps in need of no change at all
        numbered("two", r"c\u0061"),
        numbered("two", "ü"),
        numbered("two", 'c","finish":"'),
        numbered("two", "c", "-1"),
        numbered("two", "c", "1.5"),
        numbered("two", "c", ""),
        numbered('two","finish":"', "c"),
        numbered("two\n\ndata: [DONE]\n\n", "c"),
        numbered("two\r\rdata: [DONE]\r\r", "c"),
        numbered("two", "c", pad='x","finish":"'),
        numbered("two", "c").replace(b'"in":0', b'"in":1'),
        numbered("two", "c") + numbered("three", "d"),
        numbered("two", "c")[:-1],
        numbered("two", "c")[:40],
        b"event: e\ndata: {}\n\n",
        b"",
    ],
)
def test_any_other_difference_from_several_values_is_looked_at(other: bytes) -> None:
    pattern = of_several(numbered("one", "b"), numbered("one", "a"))
    assert pattern.of(other) is None
    like = numbered("1", "x") + numbered("2", "y")
    for buffer in (other, like + other, like + other + like, other + like):
        assert pattern.run(buffer, 0)[:2] == one_by_one(pattern, buffer)


def test_values_that_are_sent_in_another_order_are_none_that_differ() -> None:
    likeness = Likeness(TEXTS, OTHERS)
    likeness.learn(b'data: {"text":"a","n":1}\n\n', b'data: {"n":1,"text":"a"}\n\n')
    assert likeness.pattern is None


def test_which_of_two_texts_was_sent_is_not_guessed() -> None:
    likeness = Likeness(TEXTS)
    likeness.learn(b'data: {"text":"a","text":"a"}\n\n', b'data: {"text":"a"}\n\n')
    assert likeness.pattern is None


def test_a_text_that_is_sent_twice_is_none_that_differs() -> None:
    likeness = Likeness(TEXTS)
    likeness.learn(b'data: {"text":"a"}\n\n', b'data: {"text":"a","text":"a"}\n\n')
    assert likeness.pattern is None


def test_an_end_that_may_be_half_of_one_makes_no_pattern() -> None:
    likeness = Likeness(TEXTS)
    likeness.learn(b'data: {"text":"a"}\n\r', b'data: {"text":"a"}\n\r')
    assert likeness.pattern is None
