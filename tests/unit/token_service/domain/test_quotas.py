"""What `GET /copilot_internal/user` means (copilot-upstream.md §4.1), and when to ask again."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from token_service.domain.answers import Answer
from token_service.domain.quotas import (
    LONGEST_SECONDS,
    REFUSED_SECONDS,
    Allowance,
    Miss,
    Outcome,
    Quota,
    judge,
    next_poll,
)

DECEMBER = 1_796_083_200.0
UNLIMITED = {
    "quota_id": "chat",
    "entitlement": 0,
    "remaining": 0,
    "quota_remaining": 0.0,
    "percent_remaining": 100.0,
    "unlimited": True,
    "overage_count": 0,
    "overage_permitted": False,
    "has_quota": True,
}
PREMIUM = {
    "quota_id": "premium_interactions",
    "entitlement": 7000,
    "remaining": 2079,
    "quota_remaining": 2079.4,
    "percent_remaining": 29.7,
    "unlimited": False,
    "overage_count": 0,
    "overage_permitted": False,
    "has_quota": True,
}
BODY = {
    "login": "octocat",
    "organization_list": [{"login": "acme", "name": "Acme"}],
    "copilot_plan": "individual_pro",
    "quota_reset_date": "2026-12-01",
    "quota_reset_date_utc": "2026-12-01T00:00:00.000Z",
    "token_based_billing": True,
    "quota_snapshots": {
        "chat": UNLIMITED,
        "completions": UNLIMITED,
        "premium_interactions": PREMIUM,
    },
}
FREE = {
    "copilot_plan": "free",
    "limited_user_quotas": {"chat": 12, "completions": 0},
    "monthly_quotas": {"chat": 500, "completions": 4000},
    "limited_user_reset_date": "2026-12-01",
}


def read(body: Any) -> Any:
    return judge(Answer(200, {}, json.dumps(body).encode()))


def one(**fields: Any) -> Quota:
    """The quota that a snapshot with these fields is."""
    (quota,) = read({"quota_snapshots": {"premium_interactions": {**PREMIUM, **fields}}}).quotas
    assert isinstance(quota, Quota)
    return quota


def test_an_answer_as_it_was_seen() -> None:
    assert read(BODY) == Allowance(
        quotas=(
            Quota("chat", -1.0, None, 0.0, False),
            Quota("completions", -1.0, None, 0.0, False),
            Quota("premium_interactions", 7000.0, 2079.4, 0.0, False),
        ),
        plan="individual_pro",
        counts_credits=True,
        resets_at=DECEMBER,
    )


def test_the_free_plan_says_it_in_other_words() -> None:
    allowance = read(FREE)
    assert allowance.quotas == (
        Quota("chat", 500.0, 12.0, 0.0, False),
        Quota("completions", 4000.0, 0.0, 0.0, True),
    )
    assert allowance.resets_at == DECEMBER


def test_nobody_is_named() -> None:
    assert "octocat" not in repr(read(BODY))
    assert "cme" not in repr(read(BODY))


def test_less_than_nothing_may_remain() -> None:
    quota = one(quota_remaining=-12.5, remaining=-12, overage_count=3)
    assert (quota.remaining, quota.overage, quota.is_used_up) == (-12.5, 3.0, True)


def test_a_pool_can_be_empty_although_each_seat_is_unlimited() -> None:
    quota = one(entitlement=-1, unlimited=True, has_quota=False)
    assert (quota.entitlement, quota.remaining, quota.is_used_up) == (-1.0, None, True)


def test_minus_one_is_unlimited_whatever_else_is_said() -> None:
    assert one(entitlement=-1, unlimited=None, remaining=None, quota_remaining=None) == Quota(
        "premium_interactions", -1.0, None, 0.0, False
    )


def test_without_the_finer_figure_the_whole_number_counts() -> None:
    assert one(quota_remaining=None).remaining == 2079.0


def test_other_names_and_fields_are_passed_over() -> None:
    snapshots = {**BODY["quota_snapshots"], "acme-special": PREMIUM}  # type: ignore[dict-item]
    names = [quota.name for quota in read({**BODY, "new": 1, "quota_snapshots": snapshots}).quotas]
    assert names == ["chat", "completions", "premium_interactions"]


@pytest.mark.parametrize("plan", [None, 7, "Octo Cat <o@example.com>", "x" * 65])
def test_a_plan_that_is_no_word_is_none(plan: object) -> None:
    assert read({**BODY, "copilot_plan": plan}).plan == ""


@pytest.mark.parametrize("value", [None, "soon", 7, "2026-13-01"])
def test_an_end_that_is_none_is_not_there(value: object) -> None:
    body = {**BODY, "quota_reset_date_utc": value, "quota_reset_date": value}
    assert read(body).resets_at is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>hello</html>",
        "[]",
        "null",
        "{}",
        '{"quota_snapshots": null}',
        '{"quota_snapshots": []}',
        '{"quota_snapshots": {"chat": 5, "completions": {}}}',
        '{"quota_snapshots": {"chat": {"entitlement": NaN, "remaining": 1}}}',
        '{"quota_snapshots": {"chat": {"entitlement": 1, "remaining": Infinity}}}',
        '{"quota_snapshots": {"chat": {"entitlement": true, "remaining": 1}}}',
        '{"quota_snapshots": {"chat": {"entitlement": "1", "remaining": 1}}}',
        '{"quota_snapshots": {"chat": {"entitlement": 1, "remaining": 1' + "0" * 400 + "}}}",
        '{"limited_user_quotas": {"chat": 5}}',
        "[" * 5000,
    ],
)
def test_garbage_is_a_value(text: str) -> None:
    assert judge(Answer(200, {}, text.encode())) == Miss(Outcome.UNREADABLE)


DATE = {"date": "Wed, 18 Nov 2026 21:06:40 GMT"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "miss"),
    [
        (401, {}, "Bad credentials", Miss(Outcome.REFUSED)),
        (403, {}, "Resource not accessible by integration", Miss(Outcome.REFUSED)),
        (404, {}, "Not Found", Miss(Outcome.REFUSED)),
        (429, {"retry-after": "90"}, "", Miss(Outcome.RATE_LIMITED, 90.0)),
        (429, {}, "", Miss(Outcome.RATE_LIMITED)),
        (403, {}, "API rate limit exceeded for user ID 1.", Miss(Outcome.RATE_LIMITED)),
        (403, {"retry-after": "5"}, "no", Miss(Outcome.RATE_LIMITED, 5.0)),
        (500, {}, "<html>", Miss(Outcome.UNAVAILABLE)),
        (503, {"retry-after": "20"}, "", Miss(Outcome.UNAVAILABLE, 20.0)),
        (302, {"location": "https://evil.example"}, "", Miss(Outcome.UNAVAILABLE)),
    ],
)
def test_refusals(status: int, headers: dict[str, str], body: str, miss: Miss) -> None:
    content = json.dumps({"message": body}).encode()
    assert judge(Answer(status, {**DATE, **headers}, content)) == miss


@given(st.recursive(st.none() | st.floats() | st.text(max_size=5), st.lists, max_leaves=3))
def test_nothing_raises(value: object) -> None:
    for body in (value, {"quota_snapshots": value, "monthly_quotas": value}, {**FREE, "a": value}):
        read(body)
    read({**BODY, "quota_reset_date_utc": value, "quota_snapshots": {"chat": value}})
    read({"quota_snapshots": {"chat": dict.fromkeys(PREMIUM, value)}})


# --- when it is asked again -------------------------------------------------------------------

GOOD = Allowance(())


def test_intervals_are_spread() -> None:
    assert next_poll(GOOD, 0, 900.0, 0.0) == pytest.approx(810)
    assert next_poll(GOOD, 0, 900.0, 0.5) == pytest.approx(900)
    assert 980 < next_poll(GOOD, 0, 900.0, 0.999) < 990


def test_who_was_refused_is_asked_for_after_an_hour() -> None:
    assert next_poll(Miss(Outcome.REFUSED), 7, 900.0, 0.5) == REFUSED_SECONDS
    assert next_poll(Miss(Outcome.REFUSED), 1, 7200.0, 0.5) == 7200


@pytest.mark.parametrize(
    "outcome", [Outcome.RATE_LIMITED, Outcome.UNAVAILABLE, Outcome.UNREADABLE, Outcome.CRASHED]
)
def test_pauses_grow_up_to_an_hour(outcome: Outcome) -> None:
    pauses = [next_poll(Miss(outcome), misses, 900.0, 0.5) for misses in (1, 2, 3, 4, 400)]
    assert pauses == [900, 1800, 3600, LONGEST_SECONDS, LONGEST_SECONDS]


def test_what_github_asks_for_is_the_least() -> None:
    assert next_poll(Miss(Outcome.RATE_LIMITED, 600.0), 1, 60.0, 0.5) == 600
    assert next_poll(Miss(Outcome.UNAVAILABLE, 5.0), 1, 60.0, 0.5) == 60
