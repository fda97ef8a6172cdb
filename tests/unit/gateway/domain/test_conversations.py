"""Which requests belong together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.domain.conversations import conversation_of

KEY, OTHER_KEY = "ab" * 32, "cd" * 32


@dataclass(frozen=True)
class Body:
    prompt_cache_key: str | None = None
    user_id: str | None = None


def name(
    headers: Mapping[str, str] | None = None,
    body: Body | None = None,
    first: bytes = b"hello",
    key: str = KEY,
) -> bytes:
    return conversation_of(CIMultiDict(headers or {}), body or Body(), lambda: first, key)


FULL_BODY = Body("cache", "user")
FULL_HEADERS = {
    "X-Session-Id": "one",
    "X-Session-Affinity": "two",
    "Session-Id": "three",
    "X-Claude-Code-Session-Id": "four",
}


def test_the_surest_name_counts_and_then_the_next() -> None:
    """Each step takes away what counted before."""
    assert name(FULL_HEADERS, FULL_BODY) == name(body=Body(prompt_cache_key="cache"))
    body = replace(FULL_BODY, prompt_cache_key=None)
    assert name(FULL_HEADERS, body) == name(body=Body(user_id="user"))
    left = dict(FULL_HEADERS)
    for header in FULL_HEADERS:
        assert name(left) == name({header: FULL_HEADERS[header]})
        del left[header]
    assert name(left) == name()


def test_the_same_word_in_two_places_is_not_the_same_conversation() -> None:
    said = [name(body=Body("w")), name(body=Body(None, "w")), name(first=b"w")]
    said += [name({header: "w"}) for header in FULL_HEADERS]
    assert len(set(said)) == len(said)


def test_a_name_is_one_keys_own() -> None:
    for named in (Body("w"), Body(None, "w"), Body()):
        assert name(body=named) != name(body=named, key=OTHER_KEY)


def test_an_unnamed_conversation_is_known_by_how_it_begins() -> None:
    assert name(first=b"hello") == name(first=b"hello") != name(first=b"good morning")


def test_a_named_one_is_not_read() -> None:
    def not_to_be_read() -> bytes:
        raise AssertionError("read")

    assert conversation_of({}, Body("w"), not_to_be_read, KEY) == name(body=Body("w"))


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_an_empty_name_is_none(empty: str | None) -> None:
    headers = {} if empty is None else {"X-Session-Id": empty}
    assert name(headers, Body(empty, empty)) == name()


def test_a_long_name_is_a_name_to_its_last_character() -> None:
    assert name(body=Body("x" * 10_000 + "a")) != name(body=Body("x" * 10_000 + "b"))


@given(st.text(), st.text(), st.text(alphabet=st.characters(categories=["Cs"])))
def test_any_text_gives_sixteen_bytes(cache: str, user: str, broken: str) -> None:
    assert len(name({}, Body(cache, user))) == 16
    assert len(name({}, Body(broken, user))) == 16


def test_what_was_said_is_not_in_the_name() -> None:
    assert b"secret" not in name(body=Body("secret"))
