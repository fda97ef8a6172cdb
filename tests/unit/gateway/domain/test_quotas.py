"""Quota headers as copilot-upstream.md §4.2 has them, and as they might be."""

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.quotas import HEADERS, MAX_CHARACTERS, Quota, quotas_in

PREMIUM = "x-quota-snapshot-premium_interactions"
DECEMBER = 1_796_083_200.0
FIELDS = {
    "ent": "300",
    "ov": "0.0",
    "ovPerm": "false",
    "rem": "29.7",
    "rst": "2026-12-01T00:00:00Z",
}


def premium(**fields: str | None) -> tuple[Quota, ...]:
    """What a header says whose fields are these; None is one that is not there."""
    there = {name: value for name, value in {**FIELDS, **fields}.items() if value is not None}
    return quotas_in({PREMIUM: urlencode(there)})


def test_a_header_as_it_was_seen() -> None:
    text = "ent=300&ov=0.0&ovPerm=false&rem=29.7&rst=2026-12-01T00%3A00%3A00Z&totRem=3830.1"
    assert quotas_in({PREMIUM: text}) == (
        Quota("premium_interactions", 300.0, 29.7, 0.0, DECEMBER),
    )


def test_all_six_are_looked_up_and_no_other() -> None:
    headers = dict.fromkeys([*HEADERS, "x-quota-snapshot-secret", "rem"], urlencode(FIELDS))
    names = [quota.name for quota in quotas_in(headers)]
    assert names == [
        *("chat", "completions", "premium_interactions", "premium_models", "session", "weekly")
    ]


def test_less_than_nothing_may_remain() -> None:
    (quota,) = premium(rem="-12.5", ov="37.5")
    assert (quota.remaining_percent, quota.overage) == (-12.5, 37.5)


def test_unlimited_is_minus_one() -> None:
    (quota,) = premium(ent="-1", rem="100.0")
    assert quota.entitlement == -1


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-01T00:00:00Z", DECEMBER),
        ("2026-12-01T00:00:00.000Z", DECEMBER),
        ("2026-12-01T02:00:00+02:00", DECEMBER),
        ("2026-12-01", DECEMBER),
        (None, None),
    ],
)
def test_the_end_of_the_period(text: str | None, moment: float | None) -> None:
    (quota,) = premium(rst=text)
    assert quota.resets_at == moment


@pytest.mark.parametrize("name", ["ent", "ov", "rem"])
@pytest.mark.parametrize(
    "text", [None, "", "x", "nan", "inf", "-Infinity", "1e400", "1e16", "1_000", "٣", "0x10"]
)
def test_a_number_that_is_none_takes_its_quota_away(name: str, text: str | None) -> None:
    assert premium(**{name: text}) == ()


@pytest.mark.parametrize("text", ["soon", "1796083200", "2026-13-01T00:00:00Z", "nan"])
def test_an_end_that_is_none_takes_its_quota_away(text: str) -> None:
    assert premium(rst=text) == ()


def test_one_that_cannot_be_read_leaves_the_others() -> None:
    headers = {PREMIUM: "<html>", "x-usage-ratelimit-weekly": urlencode(FIELDS)}
    assert [quota.name for quota in quotas_in(headers)] == ["weekly"]


def test_of_a_repeated_field_the_first_counts() -> None:
    (quota,) = quotas_in({PREMIUM: urlencode(FIELDS) + "&rem=99"})
    assert quota.remaining_percent == 29.7


@pytest.mark.parametrize("more", ["&a=1" * 20, "&a=" + "x" * MAX_CHARACTERS])
def test_what_is_far_too_long_is_not_read(more: str) -> None:
    assert quotas_in({PREMIUM: urlencode(FIELDS) + more}) == ()


@given(st.text(max_size=80), st.sampled_from(["", "ent=", "ent=1&ov=0&rem=1&rst="]))
def test_nothing_raises(text: str, before: str) -> None:
    for quota in quotas_in(dict.fromkeys(HEADERS, before + text)):
        assert quota.remaining_percent == quota.remaining_percent
