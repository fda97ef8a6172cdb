"""Keys of the company's own."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain import api_keys
from gateway.domain.api_keys import ALPHABET, RANDOM_CHARACTERS, ApiKey, find, is_mistyped, new_key
from gateway.domain.errors import Fault, GatewayError

bodies = st.text(ALPHABET, min_size=RANDOM_CHARACTERS, max_size=RANDOM_CHARACTERS)
NOW = 1_795_000_000.0


def ring(key: str, expires_at: float | None = None) -> dict[str, ApiKey]:
    stored = hashlib.sha256(key.encode()).hexdigest()
    return {stored: ApiKey("ci-bot", "engineering", None, expires_at, False)}


@given(bodies)
def test_a_key_is_recognisable_and_long_enough(body: str) -> None:
    key = new_key(body)
    assert key.startswith("cgw_")
    assert len(set(ALPHABET)) == 62
    assert 62**RANDOM_CHARACTERS > 2**128
    assert not is_mistyped(key)


@given(bodies, st.data())
def test_one_wrong_character_is_a_typo(body: str, data: st.DataObject) -> None:
    key = new_key(body)
    at = data.draw(st.integers(len("cgw_"), len(key) - 1))
    other = data.draw(st.sampled_from([c for c in ALPHABET if c != key[at]]))
    assert is_mistyped(key[:at] + other + key[at + 1 :])


@given(bodies, st.integers(5, 41))
def test_a_key_cut_short_is_a_typo(body: str, length: int) -> None:
    assert is_mistyped(new_key(body)[:length])


@pytest.mark.parametrize("body", ["", "a" * 31, "a" * 33, "-" * 32])
def test_a_key_is_made_of_exactly_enough_characters(body: str) -> None:
    with pytest.raises(ValueError, match="characters"):
        new_key(body)


def test_a_known_key_is_found_by_its_digest() -> None:
    assert find(ring("any string will do"), "any string will do", NOW).id == "ci-bot"


@pytest.mark.parametrize(
    ("presented", "words"),
    [("cgw_nearly", "mistyped"), ("sk-something", "not known"), ("", "not known")],
)
def test_an_unknown_key_is_refused_and_a_typo_said(presented: str, words: str) -> None:
    with pytest.raises(GatewayError) as caught:
        find(ring("another"), presented, NOW)
    assert caught.value.fault is Fault.CALLER_KEY_UNKNOWN
    assert words in caught.value.message
    assert presented == "" or presented not in caught.value.message


def test_a_key_ends_at_its_expiry() -> None:
    keys = ring("k", expires_at=NOW)
    assert find(keys, "k", NOW - 0.001).id == "ci-bot"
    with pytest.raises(GatewayError) as caught:
        find(keys, "k", NOW)
    assert caught.value.fault is Fault.CALLER_KEY_EXPIRED


def test_the_digest_is_sha256() -> None:
    assert api_keys.digest("abc") == hashlib.sha256(b"abc").hexdigest()


def test_a_key_shows_no_digest() -> None:
    """Whoever reads it in a log could try keys against it, and tell which caller it is."""
    assert "abcd" not in repr(ApiKey("k", "g", None, None, False, sha256="abcd"))
