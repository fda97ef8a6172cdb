"""Where a request is counted, and what its end adds there."""

from dataclasses import replace

from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.budget_claims import RecentClaims, claims_of, rate_standing, settled
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.reservation import Reservation
from gateway.domain.budgets.standing import RateStanding
from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Finding
from gateway.domain.groups import Group

NOW = 1_795_613_422.5
"""2026-11-25T13:30:22.5Z."""
DAY, RATE = Budget(Period.DAY, requests=9), Budget(Period.MINUTE, requests=3, tokens=100)
KEY = ApiKey("bot", "team", None, None, False, budget=DAY, rate=Rate(3, 100))
GROUP = Group("team", "copilot", (), budget=DAY)
BOT = Holder(HolderKind.KEY, "bot")
MINUTE, TODAY = (Counter(BOT, span_at(each, NOW)) for each in (Period.MINUTE, Period.DAY))
NEXT = Counter(BOT, span_at(Period.MINUTE, NOW + 60))
USE = Totals(0, 1, 7, 5)


def held(rate: Budget = RATE) -> Reservation:
    return Reservation((TODAY, MINUTE), RateStanding(rate, Totals(1), MINUTE.span.end, 37.5))


def test_a_rate_is_claimed_last_and_trusts_what_is_there() -> None:
    claims = list(claims_of(KEY, GROUP, NOW, NOW))
    assert [claim.counter.name for claim in claims] == [
        "key:bot:2026-11-25",
        "group:team:2026-11-25",
        "key:bot:2026-11-25T13:30",
    ]
    assert [claim.trusts_missing for claim in claims] == [False, False, True]
    assert claims[2].budget == RATE


def test_a_rate_that_limits_nothing_claims_nothing() -> None:
    key = replace(KEY, budget=None, rate=Rate(None, None))
    assert list(claims_of(key, replace(GROUP, budget=None), NOW, NOW)) == []


def test_no_counter_of_a_rate_has_the_name_of_another_one() -> None:
    """Whatever ids look like."""
    ids = ("a", "a:2026-11-25T13", "a:2026-11-25T13:30", "a:2026", "30")
    names = [
        claim.counter.name
        for key_id in ids
        for moment in (NOW, NOW + 60)
        for period in Period
        for claim in claims_of(
            replace(KEY, id=key_id, budget=replace(DAY, period=period)), GROUP, moment, moment
        )
        if claim.counter.holder.kind is HolderKind.KEY and period is not Period.MINUTE
    ]
    rates = {name for name in names if name[-3] == ":"}
    others = set(names) - rates
    assert (len(rates), len(others)) == (2 * len(ids), 2 * len(ids))


def test_how_the_rate_stands_is_in_the_answer() -> None:
    claims = list(claims_of(KEY, GROUP, NOW, NOW))
    used = (Totals(5), Totals(6), Totals(2, 0, 40))
    answer = Answer((Finding.FINE,) * 3, True, used)
    assert rate_standing(claims, answer, NOW) == RateStanding(
        RATE, Totals(2, 0, 40), MINUTE.span.end, 37.5
    )
    assert rate_standing(claims[:2], answer, NOW) is None


def test_within_its_minute_all_is_settled_where_it_was_counted() -> None:
    assert list(settled(held(), USE, NOW + 37.4)) == [((TODAY, MINUTE), USE)]


def test_later_the_place_is_given_back_there_and_tokens_are_used_now() -> None:
    assert list(settled(held(), USE, NOW + 37.5)) == [
        ((TODAY,), USE),
        ((MINUTE,), Totals(released=1)),
        ((NEXT,), Totals(tokens=7)),
    ]


def test_tokens_that_are_not_limited_begin_no_minute() -> None:
    found = list(settled(held(replace(RATE, tokens=None)), USE, NOW + 60))
    assert found == [((TODAY,), USE), ((MINUTE,), Totals(released=1))]


def test_a_day_that_is_over_is_settled_where_it_was_counted() -> None:
    """Only minutes are too short for a request."""
    reservation = Reservation((TODAY,))
    assert list(settled(reservation, USE, NOW + 86_400)) == [((TODAY,), USE)]


def test_what_is_remembered_of_claims_is_what_they_are() -> None:
    recent = RecentClaims()
    other = replace(KEY, budget=None)
    for key, group, moment in (
        *((KEY, GROUP, NOW), (KEY, GROUP, NOW + 1), (KEY, GROUP, NOW + 60)),
        *((other, GROUP, NOW + 60), (other, replace(GROUP, budget=None), NOW + 60)),
        *((KEY, GROUP, NOW + 86_400), (KEY, GROUP, NOW)),
    ):
        for came in (moment, moment - 1, moment - 60, moment - 86_400):
            claims = tuple(claims_of(key, group, came, moment))
            counters = tuple(claim.counter for claim in claims)
            assert recent.of(key, group, came, moment) == (claims, counters)


def test_a_request_whose_body_took_long_counts_in_the_minute_that_it_is() -> None:
    """Of the rate; in the budgets where the ledger has it. Nobody can use an old minute again."""
    for made in (
        claims_of(KEY, GROUP, NOW - 86_400, NOW),
        RecentClaims().of(KEY, GROUP, NOW - 86_400, NOW).claims,
    ):
        assert [claim.counter.name for claim in made] == [
            "key:bot:2026-11-24",
            "group:team:2026-11-24",
            "key:bot:2026-11-25T13:30",
        ]
