"""What is taken for a token, and what its registered claims have to say."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.api_keys import ALPHABET, new_key
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_checks import (
    MOST_CHARACTERS,
    WORDS,
    Expected,
    Refusal,
    check,
    looks_like_token,
    refused,
)

NOW = 1_795_000_000.0
EXPECTED = Expected("https://sso.example", "copilot-gateway", leeway=60)
GOOD: dict[str, Any] = {
    "iss": "https://sso.example",
    "aud": ["other", "copilot-gateway"],
    "nbf": NOW,
    "exp": NOW + 3600,
}


def part(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


HEADER = part({"alg": "RS256", "kid": "k1", "typ": "JWT"})


@pytest.mark.parametrize(
    ("text", "is_meant"),
    [
        (f"{HEADER}.{part({})}.c2ln", True),
        (f"{part({'alg': 'none'})}.{part({})}.", True),
        (f"{part(b'{ ' + json.dumps({'alg': 'ES256'}).encode()[1:])}.e30.c2ln", True),
        (f"{HEADER}.{part({})}", False),
        (f"{HEADER}.a.b.c.d", False),
        (f"{HEADER}.{part({})}.not base64", False),
        (f"{part({'typ': 'JWT'})}.e30.c2ln", False),
        (f"{part({'alg': 5})}.e30.c2ln", False),
        (f"{part(['alg'])}.e30.c2ln", False),
        (f"{part(b'{' * 5000)}.e30.c2ln", False),
        ("e.e.e", False),
        ("", False),
        ("..", False),
        ("sk-some-other-key", False),
        (f"{HEADER}.{'a' * MOST_CHARACTERS}.c2ln", False),
        (f"{HEADER}.é.c2ln", False),
    ],
)
def test_what_is_meant_as_a_token(text: str, is_meant: bool) -> None:
    assert looks_like_token(text) is is_meant


@given(st.text(ALPHABET, min_size=32, max_size=32))
def test_a_key_of_ours_never_is(characters: str) -> None:
    assert not looks_like_token(new_key(characters))


@given(st.one_of(st.text(), st.text("e.yJ{}").map(lambda text: "e" + text)))
def test_whatever_is_presented_is_told_apart(text: str) -> None:
    looks_like_token(text)


def test_a_good_tokens_end() -> None:
    assert check(GOOD, EXPECTED, NOW) == NOW + 3660


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"iss": "https://sso.example/"}, Refusal.ISSUER),
        ({"iss": "HTTPS://sso.example"}, Refusal.ISSUER),
        ({"iss": None}, Refusal.ISSUER),
        ({"aud": "another"}, Refusal.AUDIENCE),
        ({"aud": "copilot-gateway-2"}, Refusal.AUDIENCE),
        ({"aud": []}, Refusal.AUDIENCE),
        ({"aud": None}, Refusal.AUDIENCE),
        ({"aud": {"copilot-gateway": 1}}, Refusal.AUDIENCE),
        ({"exp": NOW - 60}, Refusal.EXPIRED),
        ({"exp": None}, Refusal.MALFORMED),
        ({"exp": True}, Refusal.MALFORMED),
        ({"exp": "2030"}, Refusal.MALFORMED),
        ({"exp": float("nan")}, Refusal.MALFORMED),
        ({"exp": float("inf")}, Refusal.MALFORMED),
        ({"nbf": NOW + 61}, Refusal.NOT_YET_VALID),
        ({"nbf": "soon"}, Refusal.MALFORMED),
    ],
)
def test_what_is_no_token_for_this_gateway(changes: dict[str, Any], refusal: Refusal) -> None:
    claims = {**GOOD, **changes}
    with pytest.raises(GatewayError) as raised:
        check(claims, EXPECTED, NOW)

    assert raised.value.fault is Fault.CALLER_KEY_TOKEN
    assert WORDS[refusal] in raised.value.message


@pytest.mark.parametrize(
    "changes",
    [{"aud": "copilot-gateway"}, {"exp": NOW - 59}, {"nbf": NOW + 60}, {"iat": NOW + 9999}],
)
def test_what_is_one(changes: dict[str, Any]) -> None:
    check({**GOOD, **changes}, EXPECTED, NOW)
    check({name: value for name, value in GOOD.items() if name != "nbf"}, EXPECTED, NOW)


def test_each_refusal_says_why_in_words_of_its_own() -> None:
    assert WORDS.keys() == set(Refusal)
    assert len({refused(each).message for each in Refusal}) == len(Refusal)
