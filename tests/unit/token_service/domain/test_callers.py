"""Which caller is meant, and what it may use (design §2, invariant 1)."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.callers import (
    LOCAL_CALLER,
    WORDS,
    Caller,
    IdentityKind,
    Presented,
    Refusal,
    directory,
)
from token_service.domain.errors import CallerUnauthenticated

NAMES = st.sampled_from(["*", "a", "b", "c"])
GATEWAY = Caller("gateway", frozenset({"*"}), direct_allowed=True)
CI = Caller("ci", frozenset({"a"}), direct_allowed=True)
TOKEN = "the-token"
DIRECTORY = directory(
    [
        (IdentityKind.TOKEN_SHA256, sha256(TOKEN.encode()).hexdigest(), GATEWAY),
        (IdentityKind.SPIFFE_ID, "spiffe://corp.example/gateway", GATEWAY),
        (IdentityKind.DNS_SAN, "ci.corp.example", CI),
    ]
)


@pytest.mark.parametrize(
    ("accounts", "direct_allowed", "account", "is_direct", "may"),
    [
        ({"*"}, True, "a", False, True),
        ({"*"}, True, "a", True, False),
        ({"a"}, True, "a", True, True),
        ({"a"}, False, "a", True, False),
        ({"a"}, False, "a", False, True),
        ({"*", "a"}, True, "a", True, True),
        ({"*", "a"}, True, "b", True, False),
        ({"a"}, True, "b", False, False),
        ({"*"}, True, "*", True, True),
    ],
)
def test_what_a_caller_may_use(
    accounts: set[str], direct_allowed: bool, account: str, is_direct: bool, may: bool
) -> None:
    caller = Caller("c", frozenset(accounts), direct_allowed)

    assert caller.may_use(account, is_direct) is may


@given(st.frozensets(NAMES), st.booleans(), st.sampled_from(["a", "b", "c", "d"]))
def test_a_github_credential_is_given_only_by_name(
    accounts: frozenset[str], direct_allowed: bool, account: str
) -> None:
    caller = Caller("c", accounts, direct_allowed)

    assert caller.may_use(account, True) == (direct_allowed and account in accounts)
    # Who may have the credential may have anything else of the account.
    assert caller.may_use(account, False) or not caller.may_use(account, True)


@given(st.text(), st.booleans())
def test_on_loopback_without_callers_everything_may_be_used(account: str, direct: bool) -> None:
    assert LOCAL_CALLER.may_use(account, direct)


def test_a_token_is_looked_up_by_its_digest() -> None:
    assert DIRECTORY.by_token(Presented(bearer=TOKEN)) is GATEWAY


@given(st.one_of(st.none(), st.text(), st.just(sha256(TOKEN.encode()).hexdigest())))
def test_no_other_token_is_a_callers(bearer: str | None) -> None:
    if bearer == TOKEN:
        return
    with pytest.raises(CallerUnauthenticated) as raised:
        DIRECTORY.by_token(Presented(bearer=bearer))

    assert raised.value.message in WORDS.values()


@pytest.mark.parametrize(
    ("presented", "caller"),
    [
        (Presented(spiffe_ids=("spiffe://corp.example/gateway",)), GATEWAY),
        (Presented(dns_names=("other.example", "CI.corp.example")), CI),
        (
            Presented(spiffe_ids=("spiffe://corp.example/gateway",), dns_names=("x.example",)),
            GATEWAY,
        ),
    ],
)
def test_a_certificate_is_known_by_one_of_its_names(presented: Presented, caller: Caller) -> None:
    assert DIRECTORY.by_certificate(presented) is caller


@pytest.mark.parametrize(
    ("presented", "why"),
    [
        (Presented(), Refusal.CREDENTIAL_MISSING),
        (Presented(bearer=TOKEN), Refusal.CREDENTIAL_MISSING),
        (Presented(spiffe_ids=("spiffe://corp.example/gateway/x",)), Refusal.CALLER_UNKNOWN),
        (Presented(dns_names=("spiffe://corp.example/gateway",)), Refusal.CALLER_UNKNOWN),
        (Presented(spiffe_ids=("ci.corp.example",)), Refusal.CALLER_UNKNOWN),
        (
            Presented(
                spiffe_ids=("spiffe://corp.example/gateway",), dns_names=("ci.corp.example",)
            ),
            Refusal.CALLER_UNKNOWN,
        ),
    ],
)
def test_a_certificate_of_nobody_or_of_two(presented: Presented, why: Refusal) -> None:
    with pytest.raises(CallerUnauthenticated) as raised:
        DIRECTORY.by_certificate(presented)

    assert raised.value.detail == why


def test_what_was_presented_is_not_shown() -> None:
    assert TOKEN not in repr(Presented(bearer=TOKEN))


def test_every_refusal_of_an_identity_has_words() -> None:
    assert set(WORDS) == set(Refusal) - {Refusal.RATE, Refusal.STREAMS}
