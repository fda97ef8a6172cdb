"""Signatures of tokens."""

from hypothesis import given
from hypothesis import strategies as st

from simulator.wire.token_string import SigningKey, TokenFacts, is_genuine, write_token

KEY = SigningKey(b"key")
FACTS = TokenFacts("0" * 32, ("acme", "other"), 1_795_352_400, "sku", "business", "203.0.113.7")


def test_genuine_under_its_own_key_only() -> None:
    token = write_token(FACTS, KEY)
    assert is_genuine(token, KEY)
    assert not is_genuine(token, SigningKey(b"other"))


@given(st.text())
def test_nothing_else_is_genuine(text: str) -> None:
    assert not is_genuine(text, KEY)


def test_organizations_are_listed() -> None:
    assert ";ol=acme,other;exp=1795352400;" in write_token(FACTS, KEY)


def test_the_key_is_not_in_a_repr() -> None:
    assert "key" not in repr(KEY).replace("SigningKey", "")
