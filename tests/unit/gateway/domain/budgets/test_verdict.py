"""Whether a request is counted, and what a caller is told who is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from gateway.domain.budget_refusals import refusal
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.known import Nothing
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.totals import NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, Finding, judge, judge_alone, used_up
from gateway.domain.errors import Fault

NOW = 1_795_613_400.0
"""2026-11-25T13:30:00Z."""
FINE, MISSING = Finding.FINE, Finding.MISSING
DAY, MONTH = Budget(Period.DAY, requests=10), Budget(Period.MONTH, tokens=1_000)
BOT, TEAM = Holder(HolderKind.KEY, "ci-bot"), Holder(HolderKind.GROUP, "team")


def claim(budget: Budget, holder: Holder = BOT, trusts_missing: bool = False) -> Claim:
    return Claim(Counter(holder, span_at(budget.period, NOW)), budget, trusts_missing)


def found(
    *claims: Claim, totals: Totals = NOTHING, is_whole: bool = True, by: Callable[..., Answer]
) -> Answer:
    return by(claims, lambda counter: Nothing(is_whole, totals))


@pytest.mark.parametrize(
    ("totals", "finding"),
    [
        (Totals(9), FINE),
        (Totals(10), Finding.REQUESTS),
        (Totals(12, released=3), FINE),
        (Totals(tokens=999), FINE),
        (Totals(tokens=1_000), Finding.TOKENS),
        (Totals(nano_aiu=4_999_999_999), FINE),
        (Totals(nano_aiu=5_000_000_001), Finding.CREDITS),
        (Totals(10, tokens=1_000), Finding.REQUESTS),
    ],
)
def test_a_budget_is_used_up_when_one_measure_is(totals: Totals, finding: Finding) -> None:
    assert used_up(Budget(Period.DAY, 10, 1_000, 5 * 10**9), totals) is finding
    assert used_up(Budget(Period.DAY), totals) is FINE


def test_a_request_is_counted_in_all_or_in_none() -> None:
    both = (claim(DAY), claim(MONTH, TEAM))
    assert found(*both, by=judge) == Answer((FINE, FINE), True)
    assert found(*both, totals=Totals(10), by=judge) == Answer((Finding.REQUESTS, FINE), False)


def test_what_is_in_shadow_stands_in_nobodys_way() -> None:
    shadow = claim(replace(DAY, is_shadow=True))
    assert found(shadow, totals=Totals(10), by=judge) == Answer((Finding.REQUESTS,), True)


def test_what_is_not_whole_is_not_trusted_unless_it_must_be() -> None:
    assert found(claim(DAY), is_whole=False, by=judge) == Answer((MISSING,), False)
    trusting = claim(DAY, trusts_missing=True)
    assert found(trusting, is_whole=False, by=judge) == Answer((FINE,), True)
    used = found(trusting, is_whole=False, totals=Totals(10), by=judge)
    assert used == Answer((Finding.REQUESTS,), False)


@pytest.mark.parametrize(
    ("budget", "totals", "finding", "is_granted"),
    [
        (DAY, Totals(9), FINE, True),
        (DAY, Totals(10), Finding.REQUESTS, False),
        (replace(DAY, refuses_unknown=True), Totals(9), Finding.UNCHECKED, False),
        (replace(DAY, refuses_unknown=True), Totals(10), Finding.REQUESTS, False),
        (replace(DAY, refuses_unknown=True, is_shadow=True), Totals(9), FINE, True),
    ],
)
def test_without_the_others_a_budget_says_whether_to_go_on(
    budget: Budget, totals: Totals, finding: Finding, is_granted: bool
) -> None:
    answer = found(claim(budget), totals=totals, by=judge_alone)
    assert answer == Answer((finding,), is_granted)


def test_a_refusal_says_whose_budget_how_much_and_until_when() -> None:
    error = refusal([claim(DAY)], [Finding.REQUESTS], NOW)
    assert error.fault is Fault.POLICY_BUDGET
    assert error.message == (
        "The budget of the key 'ci-bot', 10 requests a day, is used up; "
        "it begins anew at 2026-11-26T00:00:00Z."
    )
    assert error.retry_after == 10.5 * 3600


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding.TOKENS, "1000 tokens a month"),
        (Finding.CREDITS, "500 credits a month"),
    ],
)
def test_a_limit_is_said_in_its_own_measure(finding: Finding, words: str) -> None:
    budget = replace(MONTH, nano_aiu=500 * 10**9)
    error = refusal([claim(budget, TEAM)], [finding], NOW)
    assert f"the group 'team', {words}, is" in error.message
    assert error.message.endswith("at 2026-12-01T00:00:00Z.")


def test_fractions_of_credits_are_said_as_they_were_written() -> None:
    error = refusal([claim(Budget(Period.DAY, nano_aiu=250_000_000))], [Finding.CREDITS], NOW)
    assert "0.25 credits" in error.message


def test_of_several_the_one_that_ends_last_is_said() -> None:
    claims = [claim(DAY), claim(MONTH, TEAM)]
    for order in (claims, claims[::-1]):
        findings = [
            Finding.REQUESTS if each.counter.holder == BOT else Finding.TOKENS for each in order
        ]
        assert "the group 'team'" in refusal(order, findings, NOW).message


def test_what_is_in_shadow_is_not_what_a_caller_is_told() -> None:
    claims = [claim(replace(MONTH, is_shadow=True)), claim(DAY, TEAM)]
    error = refusal(claims, [Finding.TOKENS, Finding.REQUESTS], NOW)
    assert "the group 'team'" in error.message


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        (Finding.REQUESTS, "This key may send 5 requests a minute; "),
        (Finding.TOKENS, "This key may use 900 tokens a minute; "),
    ],
)
def test_who_is_too_fast_is_told_by_which_measure_and_when_to_come_back(
    finding: Finding, words: str
) -> None:
    rate = Budget(Period.MINUTE, requests=5, tokens=900)
    error = refusal([claim(rate)], [finding], NOW + 22.5)
    assert (error.fault, error.retry_after) == (Fault.POLICY_RATE, 37.5)
    assert error.message == words + "the next minute begins in 38 s."


def test_who_is_too_fast_and_over_budget_is_told_what_lasts_longer() -> None:
    claims = [claim(DAY), claim(Budget(Period.MINUTE, requests=5))]
    error = refusal(claims, [Finding.REQUESTS, Finding.REQUESTS], NOW)
    assert error.fault is Fault.POLICY_BUDGET
    last_minute = span_at(Period.DAY, NOW).end - 30
    claims = [
        Claim(Counter(each.counter.holder, span_at(each.budget.period, last_minute)), each.budget)
        for each in claims
    ]
    error = refusal(claims, [Finding.REQUESTS, Finding.REQUESTS], last_minute)
    assert error.fault is Fault.POLICY_BUDGET


def test_a_minute_that_is_over_by_now_is_not_asked_for_at_once() -> None:
    error = refusal([claim(Budget(Period.MINUTE, requests=5))], [Finding.REQUESTS], NOW + 75)
    assert error.retry_after == 1.0


@pytest.mark.parametrize("finding", [Finding.MISSING, Finding.UNCHECKED])
def test_not_to_know_is_another_refusal(finding: Finding) -> None:
    error = refusal([claim(DAY), claim(MONTH, TEAM)], [FINE, finding], NOW)
    assert (error.fault, error.retry_after) == (Fault.POLICY_BUDGET_UNKNOWN, 5.0)
    assert "the group 'team'" in error.message


def test_a_period_that_ends_this_moment_is_not_asked_for_at_once() -> None:
    end = span_at(Period.DAY, NOW).end
    assert refusal([claim(DAY)], [Finding.REQUESTS], end - 0.001).retry_after == 1.0
