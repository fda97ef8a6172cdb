"""Halves of characters: marked while they are read, and joined where both have come."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.streams.surrogates import (
    MOST_EVENTS,
    MOST_HALVES,
    MOST_STEPS,
    Joining,
    marked,
    restored,
)

# Halves in any order, whole characters, and what looks like an escape and is none.
texts = st.lists(
    st.sampled_from(["\ud83d", "\ude00", "\udbff", "😀", "\\", "\\ud83d", '"', "u", "é", "ud83d"])
).map("".join)
documents = st.recursive(
    st.none() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(documents)
@example("\\\ud83d")
@example({"a": "\ud83d" * 3, "\ude00": ["\ud83d\\", "\ude00\ud83d"]})
def test_what_is_marked_can_be_read_and_restored(document: Any) -> None:
    data = json.dumps(document).encode()
    msgspec.json.decode(marked(data))
    assert restored(marked(data)) == data


@given(st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3), max_leaves=4))
def test_what_has_no_halves_is_not_marked(document: Any) -> None:
    for data in (json.dumps(document).encode(), json.dumps(document, ensure_ascii=False).encode()):
        assert marked(data) == data


def test_letters_keep_their_case() -> None:
    data = b'{"a":"\\uD83D","b":"\\uDe00","c":"\\uD83D\\uDE00"}'
    assert restored(marked(data)) == data


# --- joining ---


def chunk(text: Any, choice: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": choice, "delta": {"content": text}}]}


def joined(*documents: Any) -> list[Any]:
    joining = Joining()
    return [json.loads(joining.joined(json.dumps(each).encode())) for each in documents]


def test_a_first_half_goes_to_where_the_text_goes_on() -> None:
    assert joined(chunk("a\ud83d"), chunk("\ude00b")) == [chunk("a"), chunk("😀b")]


def test_what_says_nothing_of_the_text_does_not_part_the_halves() -> None:
    between = [{"type": "ping"}, chunk(""), chunk(None), chunk("other", choice=1)]
    assert joined(chunk("\ud83d"), *between, chunk("\ude00")) == [
        *(chunk(""), *between),
        chunk("😀"),
    ]


def test_a_half_is_not_joined_to_another_text() -> None:
    first, second = "\ud83d", "\ude00"
    assert joined(chunk(first), chunk(second, choice=1)) == [chunk(""), chunk(second, choice=1)]


def test_texts_are_told_apart_by_every_index_on_the_way() -> None:
    delta = {"type": "response.output_text.delta", "output_index": 1, "content_index": 0}
    for name in ("output_index", "content_index"):
        other = {**delta, name: 7, "delta": "\ude00"}
        assert joined({**delta, "delta": "\ud83d"}, other)[1] == other
    assert joined({**delta, "delta": "\ud83d"}, {**delta, "delta": "\ude00"})[1]["delta"] == "😀"


def test_a_half_without_the_other_stays_where_it_was() -> None:
    assert joined(chunk("a\ud83d"), chunk("b")) == [chunk("a"), chunk("\ud83db")]


def test_a_half_is_waited_for_until_the_other_comes() -> None:
    joining = Joining()
    assert not joining.half
    joining.joined(json.dumps(chunk("\ud83d")).encode())
    assert joining.half
    joining.joined(json.dumps(chunk("\ude00")).encode())
    assert not joining.half


def test_a_half_that_stays_alone_keeps_no_other_from_its_own() -> None:
    alone = {"response": {"instructions": "cut\ud83d"}}
    assert joined(alone, chunk("a\ud83d"), chunk("\ude00b"))[1:] == [chunk("a"), chunk("😀b")]


def test_of_several_halves_each_is_waited_for() -> None:
    both = {"choices": [*chunk("\ud83d")["choices"], *chunk("\ud83c", choice=1)["choices"]]}
    found = joined(both, chunk("\udf89", choice=1), chunk("\ude00"))
    assert found[1:] == [chunk("🎉", choice=1), chunk("😀")]


def call(arguments: str | None, index: int = 0, id_: str | None = None) -> dict[str, Any]:
    function = {} if arguments is None else {"arguments": arguments}
    fields = {"index": index, **({"id": id_} if id_ is not None else {}), "function": function}
    return {"choices": [{"index": 0, "delta": {"tool_calls": [fields]}}]}


def units(text: str) -> list[str]:
    """Of UTF-16: a character beyond the first plane is two."""
    data = text.encode("utf-16-be")
    pairs = (data[at : at + 2] for at in range(0, len(data), 2))
    return [pair.decode("utf-16-be", "surrogatepass") for pair in pairs]


TEXTS = (
    lambda piece: {"choices": [{"index": 0, "delta": {"reasoning_text": piece}}]},
    lambda piece: chunk(piece),
    lambda piece: chunk(piece, choice=1),
    lambda piece: call(piece),
    lambda piece: call(piece, index=1),
    lambda piece: {"output_index": 0, "content_index": 0, "delta": piece},
    lambda piece: {"output_index": 0, "content_index": 1, "delta": piece},
)
"""Makers of an event, each of another text."""


def last_text(value: Any) -> str:
    """The text that such an event holds."""
    while not isinstance(value, str):
        value = value[-1] if isinstance(value, list) else list(value.values())[-1]
    return value


@given(st.data())
def test_texts_that_grow_at_the_same_time_lose_nothing(data: st.DataObject) -> None:
    emoji = st.text(st.sampled_from("😀🎉aé"), max_size=5)
    said = data.draw(st.lists(emoji, min_size=len(TEXTS), max_size=len(TEXTS)))
    left = {number: units(text) for number, text in enumerate(said) if text}
    joining, heard = Joining(), [""] * len(TEXTS)
    while left:
        number = data.draw(st.sampled_from(sorted(left)))
        count = data.draw(st.integers(1, 3))
        piece, left[number] = "".join(left[number][:count]), left[number][count:]
        if not left[number]:
            del left[number]
        event = json.loads(json.dumps(TEXTS[number](piece)))
        heard[number] += last_text(json.loads(joining.joined(json.dumps(event).encode())))
    assert heard == said
    assert not joining.half


@pytest.mark.parametrize("opening", [call("", id_="b"), call(None, id_="b"), call("{", id_="b")])
def test_a_half_does_not_get_into_the_call_that_begins_under_its_index(opening: Any) -> None:
    found = joined(call('{"x":"\ud83d', id_="a"), opening, call("{}"))
    assert found[1:] == [opening, call("{}")]


def test_the_id_of_the_answer_parts_nothing() -> None:
    first, second = ({"id": "x", **chunk(text)} for text in ("a\ud83d", "b"))
    assert joined(first, second)[1] == {"id": "x", **chunk("\ud83db")}


def test_texts_of_a_list_go_on_in_its_order() -> None:
    tokens = [{"token": text} for text in ("\ud83d", "\ude00", "a")]
    assert joined(tokens) == [[{"token": ""}, {"token": "😀"}, {"token": "a"}]]


def test_another_call_keeps_its_half() -> None:
    other = call("", index=1, id_="b")
    assert joined(call("\ud83d", id_="a"), other, call('"}'))[2] == call('\ud83d"}')


@pytest.mark.parametrize("id_", ["a", ""])
def test_a_call_whose_id_comes_with_each_piece_is_joined(id_: str) -> None:
    assert joined(call("\ud83d", id_=id_), call("\ude00", id_=id_))[1] == call("😀", id_=id_)


def test_a_half_is_not_waited_for_for_ever() -> None:
    joining = Joining()
    joining.joined(json.dumps(chunk("\ud83d")).encode())
    for _ in range(MOST_EVENTS - 1):
        assert joining.half
        joining.joined(json.dumps(chunk("a", choice=1)).encode())
    assert joining.half
    joining.joined(b"{")
    assert not joining.half


def test_of_too_many_halves_the_latest_are_waited_for() -> None:
    firsts = [chunk("\ud83d", choice=number) for number in range(MOST_HALVES + 1)]
    seconds = [chunk("\ude00", choice=number) for number in range(MOST_HALVES + 1)]
    found = joined(*firsts, *seconds)[len(firsts) :]
    assert found == [seconds[0], *(chunk("😀", number + 1) for number in range(MOST_HALVES))]


@pytest.mark.parametrize("index", [None, [], {}, {"a": 1}, [{"a": []}], 1.5])
def test_an_index_of_another_type_is_none(index: Any) -> None:
    first, second = ({"index": index, "delta": text} for text in ("\ud83d", "\ude00"))
    assert joined(first, second)[1] == {"index": index, "delta": "😀"}


def nested(text: str, depth: int) -> Any:
    value: Any = {"a": text}
    for _ in range(depth - 1):
        value = {"p": [value]}
    return value


def test_a_text_that_lies_too_deep_stays_what_it_is() -> None:
    for depth, first in ((MOST_STEPS, ""), (MOST_STEPS + 1, "\ud83d"), (400, "\ud83d")):
        assert joined(nested("\ud83d", depth)) == [nested(first, depth)]


def test_what_is_no_json_stays_what_it_is() -> None:
    joining = Joining()
    for data in (b"{", b"", b"[" * 100_000):
        assert joining.joined(data) == data
