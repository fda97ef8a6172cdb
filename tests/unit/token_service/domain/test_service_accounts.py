"""What a Kubernetes token's claims have to say."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.jwt_issuer import AUDIENCE, ISSUER, Issuer
from token_service.domain.callers import Refusal
from token_service.domain.errors import CallerUnauthenticated
from token_service.domain.service_accounts import LEEWAY_SECONDS, TokenRules, account_of, judge

NOW = 1_795_000_000
RULES = TokenRules(ISSUER, AUDIENCE)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def claims(**changes: Any) -> dict[str, Any]:
    return Issuer(now=NOW).claims(**changes)


@pytest.mark.parametrize("audience", [AUDIENCE, [AUDIENCE], ["another", AUDIENCE]])
def test_a_token_for_us_names_its_account(audience: Any) -> None:
    found = judge(claims(aud=audience), RULES, NOW)

    assert found.service_account == "copilot/gateway"
    assert found.expires_at == NOW + 3600 + LEEWAY_SECONDS


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://other.example"}, Refusal.ISSUER_WRONG),
        ({"iss": None}, Refusal.ISSUER_WRONG),
        ({"iss": [ISSUER]}, Refusal.ISSUER_WRONG),
        ({"aud": "another"}, Refusal.AUDIENCE_WRONG),
        ({"aud": []}, Refusal.AUDIENCE_WRONG),
        ({"aud": None}, Refusal.AUDIENCE_WRONG),
        ({"aud": {AUDIENCE: 1}}, Refusal.AUDIENCE_WRONG),
        ({"aud": AUDIENCE + "x"}, Refusal.AUDIENCE_WRONG),
        ({"exp": NOW - 61}, Refusal.TOKEN_EXPIRED),
        ({"exp": NOW - LEEWAY_SECONDS}, Refusal.TOKEN_EXPIRED),
        ({"exp": None}, Refusal.TOKEN_MALFORMED),
        ({"exp": True}, Refusal.TOKEN_MALFORMED),
        ({"exp": str(NOW + 60)}, Refusal.TOKEN_MALFORMED),
        ({"exp": float("nan")}, Refusal.TOKEN_MALFORMED),
        ({"exp": float("inf")}, Refusal.TOKEN_MALFORMED),
        ({"nbf": NOW + 61}, Refusal.TOKEN_NOT_YET_VALID),
        ({"nbf": "soon"}, Refusal.TOKEN_MALFORMED),
        ({"sub": None}, Refusal.TOKEN_MALFORMED),
        ({"sub": "system:serviceaccount:copilot"}, Refusal.TOKEN_MALFORMED),
        ({"sub": "system:serviceaccount:copilot:gateway:x"}, Refusal.TOKEN_MALFORMED),
        ({"sub": "x system:serviceaccount:copilot:gateway"}, Refusal.TOKEN_MALFORMED),
        ({"sub": "system:serviceaccount:copilot:gateway\n"}, Refusal.TOKEN_MALFORMED),
        ({"sub": "copilot/gateway"}, Refusal.TOKEN_MALFORMED),
    ],
)
def test_a_claim_that_does_not_hold(changes: dict[str, Any], why: Refusal) -> None:
    with pytest.raises(CallerUnauthenticated) as raised:
        judge(claims(**changes), RULES, NOW)

    assert raised.value.detail == why


@pytest.mark.parametrize("changes", [{"exp": NOW - 59}, {"nbf": NOW + 60}, {"nbf": None}])
def test_clocks_may_differ_a_little(changes: dict[str, Any]) -> None:
    assert judge(claims(**changes), RULES, NOW).service_account == "copilot/gateway"


@given(st.dictionaries(st.sampled_from(["iss", "aud", "exp", "nbf", "sub"]), ANYTHING))
def test_no_claims_whatever_crash_the_judge(changes: dict[str, Any]) -> None:
    given = {**claims(), **changes}
    try:
        found = judge(given, RULES, NOW)
    except CallerUnauthenticated:
        return
    assert account_of(given["sub"]) == found.service_account
    assert found.expires_at > NOW
