"""A call's arguments: when they are over, however they are cut."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.translation.messages_over_chat import arguments as owner
from gateway.domain.translation.messages_over_chat.arguments import Arguments

texts = st.text(st.sampled_from('{}[]"\\,:ué😀'), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def told(*pieces: str) -> list[bool]:
    """After each piece: whether they are over."""
    arguments, found = Arguments(), []
    for piece in pieces:
        arguments.add(piece)
        found.append(arguments.are_over)
    return found


@given(st.dictionaries(texts, values, max_size=4), st.booleans(), st.data())
@example({"x": '\\"}'}, False, None)
@example({"x": "\\"}, False, None)
def test_they_are_over_with_their_last_brace(
    value: dict[str, Any], is_ascii: bool, data: st.DataObject | None
) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    sizes = [1] * len(text)
    if data:
        sizes = data.draw(st.lists(st.integers(1, 5), min_size=len(text), max_size=len(text)))
    pieces = []
    for size in sizes:
        pieces.append(text[:size])
        text = text[size:]
        if not text:
            break
    assert told(*pieces) == [False] * (len(pieces) - 1) + [True]


@given(st.dictionaries(texts, values, max_size=4), st.integers(1, 5))
def test_they_are_over_when_they_are_asked_late(value: dict[str, Any], size: int) -> None:
    text, arguments = json.dumps(value), Arguments()
    for at in range(0, len(text), size):
        arguments.add(text[at : at + size])
    assert arguments.are_over
    assert arguments.are_over


@pytest.mark.parametrize(
    "text", ['{"x":"\\ud83d"}', '{"x":"\\ude00\\ud83d"}', '{"x":NaN}', '{"x":"\ud83d"}']
)
def test_what_only_strict_parsers_refuse_is_over(text: str) -> None:
    assert told(text) == [True]
    assert told(*text)[-1]


@pytest.mark.parametrize("text", ["", "{", "}", "{}}", "{} {}", '{"x"}', '"}', "[}", "x{}", "}{}"])
def test_what_is_no_object_is_not_over(text: str) -> None:
    assert told(text) == [False]


def test_blanks_before_them_are_nothing() -> None:
    assert told(" ", "\n{}") == [False, True]


def test_what_is_nested_too_deep_is_not_over() -> None:
    assert told('{"a":' * 100_000 + "1" + "}" * 100_000) == [False]


def test_they_are_decoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    is_json = owner._is_json

    def counted(text: str) -> bool:
        asked.append(text)
        return is_json(text)

    monkeypatch.setattr(owner, "_is_json", counted)
    told('{"x":"', *"}" * 100, '\\"', *"}" * 100)
    assert not asked
    told("{x}", *"}" * 100)
    told("{x}", *"{}" * 100)
    assert asked == ["{x}"] * 2
    asked.clear()
    arguments = Arguments()
    arguments.add("{x}")
    assert not arguments.are_over
    assert not arguments.are_over
    assert len(asked) == 1


def test_they_are_shown_to_nobody() -> None:
    arguments = Arguments()
    arguments.add('{"secret":"\\')
    assert not arguments.are_over
    assert "secret" not in repr(arguments)
