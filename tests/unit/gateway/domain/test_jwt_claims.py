"""From claims to a key of the moment."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.jwt_claims import (
    MOST_PERSON_CHARACTERS,
    WORDS,
    CallerRules,
    ClaimNames,
    Refusal,
    Rule,
    caller,
    claim,
    groups_open_to,
    is_token_caller,
    plain_grant,
    safe,
)

POD = "system:serviceaccount:ci:runner"
KUBERNETES = {
    "sub": POD,
    "kubernetes.io": {"namespace": "ci", "serviceaccount": {"name": "runner"}},
}
ACCOUNTS = {"engineering": frozenset({"seat-1", "seat-2"}), "others": frozenset({"azure-1"})}


def rules(*found: Rule, **fields: Any) -> CallerRules:
    names = ClaimNames(**fields.pop("names", {}))
    return CallerRules("https://sso.example", names, found, accounts=ACCOUNTS, **fields)


def rule(claim: str, matches: str, group: str = "engineering", **limits: Any) -> Rule:
    return Rule(claim, matches, replace(plain_grant(group), **limits))


def person(sub: str, **claims: Any) -> dict[str, Any]:
    return {"sub": sub, "exp": 2_000_000_000, **claims}


def refusal(claims: dict[str, Any], found: CallerRules) -> str:
    with pytest.raises(GatewayError) as raised:
        caller(claims, found)
    assert raised.value.fault is Fault.POLICY_TOKEN
    return raised.value.message


def test_a_person_gets_what_the_first_rule_that_fits_gives() -> None:
    found = rules(
        rule("groups", "ai-*", max_concurrency=4, max_waiting=7, may_mark_agent=True),
        rule("groups", "*", "others"),
    )
    key = caller(person("ada", groups=["staff", "ai-users"]), found)

    assert (key.id, key.person, key.group) == ("jwt:ada", "ada", "engineering")
    assert (key.max_concurrency, key.max_waiting, key.may_mark_agent) == (4, 7, True)
    assert (key.account, key.expires_at) == (None, 2_000_000_000)
    assert caller(person("ada", groups="staff"), found).group == "others"


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("ai-users", True),
        (["x", "ai-users"], True),
        ("AI-users", False),
        ("my-ai-users", False),
        ([], False),
        (None, False),
        ({"ai-users": 1}, False),
        ([["ai-users"]], False),
        (5, False),
        ("ai-users\nx", True),
    ],
)
def test_a_claim_is_a_text_or_a_list_of_texts(value: Any, fits: bool) -> None:
    assert rule("groups", "ai-*").fits({"groups": value}) is fits


def test_a_pod_is_known_by_its_service_account() -> None:
    found = rules(rule("sub", "system:serviceaccount:ci:*"))
    assert caller({**KUBERNETES, "exp": 5}, found).id == f"jwt:{POD}"
    by_name = rules(
        rule("kubernetes.io.namespace", "ci"),
        names={"person": "kubernetes.io.serviceaccount.name"},
    )
    assert caller(KUBERNETES, by_name).id == "jwt:runner"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("kubernetes.io.namespace", "ci"),
        ("kubernetes.io.serviceaccount.name", "runner"),
        ("kubernetes.io.serviceaccount.uid", None),
        ("kubernetes.namespace", None),
        ("sub.x", None),
        ("a.b", "whole"),
        ("a.b.c", "longest"),
        ("a.c", "nested"),
        ("a.b.d", "shorter"),
        ("", None),
        (".", None),
        ("a.", None),
    ],
)
def test_names_hold_dots_themselves(path: str, value: Any) -> None:
    claims = {
        **KUBERNETES,
        "a.b": "whole",
        "a": {"b": {"c": "shadowed", "d": "shorter"}, "c": "nested"},
        "a.b.c": "longest",
    }
    assert claim(claims, path) == value


@given(
    st.dictionaries(st.text("a.b"), st.recursive(st.text("a."), lambda x: st.lists(x, max_size=2))),
    st.text("a.b", max_size=8),
)
def test_whatever_a_token_holds_a_claim_is_looked_up(claims: dict[str, Any], path: str) -> None:
    claim(claims, path)


@pytest.mark.parametrize("sub", ["", "  ", None, 7, [], {}, [1]])
def test_a_token_that_says_not_whose_it_is(sub: Any) -> None:
    found = rules(default=plain_grant("others"))
    assert WORDS[Refusal.NO_PERSON] in refusal({"sub": sub}, found)


def test_whom_no_rule_fits() -> None:
    found = (rule("groups", "ai-*"),)
    assert WORDS[Refusal.NO_GROUP] in refusal(person("ada"), rules(*found))
    key = caller(person("ada"), rules(*found, default=plain_grant("others")))
    assert (key.group, key.max_concurrency, key.may_mark_agent) == ("others", None, False)
    assert WORDS[Refusal.NO_GROUP] in refusal(person("ada"), CallerRules())


def test_a_claim_may_name_the_group_itself() -> None:
    found = rules(
        rule("sub", "root"),
        names={"group": "team"},
        default=plain_grant("others"),
    )
    assert caller(person("ada", team=["x", "engineering"]), found).group == "engineering"
    assert caller(person("ada", team="unheard-of"), found).group == "others"
    assert caller(person("root", team="others"), found).group == "engineering"


def test_a_claim_may_bind_to_an_account_and_a_foreign_one_does_not_unbind() -> None:
    found = rules(rule("sub", "*"), names={"account": "seat"})
    assert caller(person("ada", seat="seat-2"), found).account == "seat-2"
    assert caller(person("ada"), found).account is None
    for foreign in ("azure-1", "", ["seat-1"], 5):
        assert WORDS[Refusal.NO_ACCOUNT] in refusal(person("ada", seat=foreign), found)
    bound = rules(rule("sub", "*", account="seat-1"), names={"account": "seat"})
    assert caller(person("ada", seat="seat-2"), bound).account == "seat-1"


def test_a_person_is_the_same_with_every_token_and_another_ones_is_not() -> None:
    found = rules(default=plain_grant("others"))
    elsewhere = CallerRules("https://other.example", default=plain_grant("others"))
    first, later = person("ada", iat=1), person("ada", iat=2)
    assert caller(first, found) == caller(later, found)
    digests = {
        caller(claims, each).sha256
        for claims in (first, person("bob"))
        for each in (found, elsewhere)
    }
    assert len(digests) == 4
    assert all(len(each) == 64 for each in digests)


@pytest.mark.parametrize(
    ("said", "called"),
    [
        ("ada@example.com", "ada@example.com"),
        (POD, POD),
        ("repo:org/name:ref:refs/heads/main", "repo:org/name:ref:refs/heads/main"),
        ("a b", "a_b~c8687a08aa5d"),
    ],
)
def test_how_a_person_is_called(said: str, called: str) -> None:
    assert safe(said) == called


def test_people_are_told_apart_whatever_is_replaced_or_cut() -> None:
    assert len({safe("a b"), safe("a_b"), safe("a\nb"), safe("a b" * 90), safe("a b" * 91)}) == 5


@given(st.text(st.characters(), min_size=1))
def test_a_name_is_short_and_safe(said: str) -> None:
    name = safe(said)
    assert 0 < len(name) <= MOST_PERSON_CHARACTERS
    assert name.isascii()
    assert name.isprintable()
    assert " " not in name


def test_halves_of_characters_break_nothing() -> None:
    key = caller(person("\ud800"), rules(default=plain_grant("others")))
    assert key.id.startswith("jwt:_~")


@pytest.mark.parametrize(
    ("key_id", "is_one"),
    [
        ("jwt:jo@example.com", True),
        ("jwt:system:serviceaccount:ci:bot", True),
        ("jwt:" + safe("Jo Doe"), True),
        ("jwt:", False),
        ("jwt:a b", False),
        ("jwt:" + "a" * 101, False),
        ("jo", False),
    ],
)
def test_the_ids_of_token_callers_are_told_from_keys(key_id: str, is_one: bool) -> None:
    assert is_token_caller(key_id) is is_one


def test_the_groups_that_holders_of_tokens_may_be_in() -> None:
    found = rules(rule("dept", "*", "others"))
    assert groups_open_to(found) == {"others"}
    assert groups_open_to(replace(found, default=plain_grant("engineering"))) == set(ACCOUNTS)
    assert groups_open_to(rules(names={"group": "team"})) == set(ACCOUNTS)
    assert groups_open_to(rules()) == set()
