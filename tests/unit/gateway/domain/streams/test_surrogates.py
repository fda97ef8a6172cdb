"""Halves of characters: marked while they are read, and joined where both have come."""

import json
from typing import Any

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.streams.surrogates import Joining, marked, restored

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


def test_one_half_is_waited_for() -> None:
    joining = Joining()
    assert not joining.half
    joining.joined(json.dumps(chunk("\ud83d")).encode())
    assert joining.half
    joining.joined(json.dumps(chunk("\ude00")).encode())
    assert not joining.half


def test_of_several_halves_the_first_is_waited_for() -> None:
    both = {"choices": [*chunk("\ud83d")["choices"], *chunk("\udbff", choice=1)["choices"]]}
    found = joined(both, chunk("\ude00"))
    assert found[0]["choices"][1]["delta"]["content"] == "\udbff"
    assert found[1] == chunk("😀")


def test_what_is_no_json_stays_what_it_is() -> None:
    joining = Joining()
    for data in (b"{", b"", b"[" * 100_000):
        assert joining.joined(data) == data
