"""The contract of the BudgetCounters port: alone, and on a shared store."""

import asyncio
import contextlib
from dataclasses import replace

import pytest

from gateway.adapters.shared_state import State
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.totals import GIVEN_BACK, NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, Finding
from gateway.ports.shared_state import BudgetCounters
from runtime.clock import SystemClock

pytestmark = pytest.mark.anyio

FINE = Finding.FINE
BUDGET = Budget(Period.DAY, requests=3)
SPAN = span_at(Period.DAY, SystemClock().now())


@pytest.fixture
def budgets(state: State) -> BudgetCounters:
    return state.budgets


def counter(name: str = "a", kind: HolderKind = HolderKind.KEY) -> Counter:
    return Counter(Holder(kind, name), SPAN)


A, B, TEAM = counter("a"), counter("b"), counter("a", HolderKind.GROUP)


async def whole(budgets: BudgetCounters, *counters: Counter) -> None:
    for each in counters:
        await budgets.seed(each, NOTHING)


async def take(
    budgets: BudgetCounters, *counters: Counter, budget: Budget = BUDGET
) -> tuple[Finding, ...] | None:
    """What was found against it; None when it was counted."""
    answer = await budgets.take([Claim(each, budget) for each in counters])
    return None if answer.is_granted else answer.findings


async def totals(budgets: BudgetCounters, counter: Counter) -> Totals | None:
    (found,) = await budgets.totals([counter])
    return found


async def test_as_many_are_counted_as_the_limit_says(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    found = [await take(budgets, A) for _ in range(5)]

    assert found == [None, None, None, (Finding.REQUESTS,), (Finding.REQUESTS,)]
    assert await totals(budgets, A) == Totals(3)


async def test_those_who_ask_together_get_no_more(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    found = await asyncio.gather(
        *(take(budgets, A, budget=replace(BUDGET, requests=70)) for _ in range(600))
    )
    assert found.count(None) == 70


async def test_what_turns_out_not_to_count_makes_room(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    for _ in range(3):
        await take(budgets, A)
    budgets.add([A], GIVEN_BACK)

    assert await take(budgets, A) is None
    assert await take(budgets, A) == (Finding.REQUESTS,)
    assert await totals(budgets, A) == Totals(4, released=1)


@pytest.mark.parametrize(
    ("budget", "use", "finding"),
    [
        (Budget(Period.DAY, tokens=100), Totals(tokens=99), None),
        (Budget(Period.DAY, tokens=100), Totals(tokens=100), Finding.TOKENS),
        (Budget(Period.DAY, nano_aiu=5 * 10**15), Totals(nano_aiu=5 * 10**15 - 1), None),
        (Budget(Period.DAY, nano_aiu=5 * 10**15), Totals(nano_aiu=5 * 10**15), Finding.CREDITS),
        (Budget(Period.DAY, 9, 9, 9), Totals(9, 0, 9, 9), Finding.REQUESTS),
        (Budget(Period.DAY, 9, 9, 9), Totals(9, 1, 9, 9), Finding.TOKENS),
    ],
)
async def test_each_measure_has_its_limit(
    budgets: BudgetCounters, budget: Budget, use: Totals, finding: Finding | None
) -> None:
    await whole(budgets, A)
    budgets.add([A], use)
    assert await take(budgets, A, budget=budget) == (None if finding is None else (finding,))


async def test_a_request_is_counted_in_all_of_its_budgets_or_in_none(
    budgets: BudgetCounters,
) -> None:
    await whole(budgets, A, B, TEAM)
    for _ in range(2):
        assert await take(budgets, A, TEAM) is None
    assert await take(budgets, B, TEAM) is None

    assert await take(budgets, A, TEAM) == (FINE, Finding.REQUESTS)
    assert await totals(budgets, A) == Totals(2)
    assert await totals(budgets, TEAM) == Totals(3)


async def test_what_is_in_shadow_is_counted_and_found(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    shadow = Claim(A, replace(BUDGET, is_shadow=True))
    answers = [await budgets.take([shadow]) for _ in range(4)]

    assert answers[2:] == [
        Answer((FINE,), True, (Totals(3),)),
        Answer((Finding.REQUESTS,), True, (Totals(4),)),
    ]
    assert await totals(budgets, A) == Totals(4)


async def test_nobody_counts_where_it_is_not_known_what_was_before(
    budgets: BudgetCounters,
) -> None:
    await whole(budgets, A)
    assert await take(budgets, A, B) == (FINE, Finding.MISSING)
    assert await totals(budgets, A) == NOTHING
    assert await totals(budgets, B) is None


async def test_what_only_reports_does_not_count_there_either(budgets: BudgetCounters) -> None:
    shadow = replace(BUDGET, is_shadow=True)
    assert await take(budgets, A, budget=shadow) == (Finding.MISSING,)


async def test_who_must_counts_all_the_same(budgets: BudgetCounters) -> None:
    trusting = Claim(A, BUDGET, trusts_missing=True)
    found = [await budgets.take([trusting]) for _ in range(4)]

    assert [answer.is_granted for answer in found] == [True, True, True, False]
    assert await take(budgets, A) == (Finding.REQUESTS,)
    assert await totals(budgets, A) is None


async def test_a_counter_begins_with_what_was_found(budgets: BudgetCounters) -> None:
    await budgets.seed(A, Totals(2, 0, 30, 40))
    assert await totals(budgets, A) == Totals(2, 0, 30, 40)
    assert await take(budgets, A) is None
    assert await take(budgets, A) == (Finding.REQUESTS,)


async def test_what_was_counted_before_is_not_added_to_what_is_found(
    budgets: BudgetCounters,
) -> None:
    """It may be in it."""
    trusting = Claim(A, replace(BUDGET, requests=100), trusts_missing=True)
    for _ in range(5):
        await budgets.take([trusting])
    budgets.add([A], Totals(released=1, tokens=70))
    await budgets.seed(A, Totals(3, 0, 20, 90))
    assert await totals(budgets, A) == Totals(5, 1, 70, 90)
    await budgets.seed(A, Totals(8, 0, 20, 90))
    assert await totals(budgets, A) == Totals(9, 1, 70, 90)


async def test_what_was_used_counts_in_each(budgets: BudgetCounters) -> None:
    await whole(budgets, A, B)
    budgets.add([A, B], Totals(tokens=5, nano_aiu=2**50))
    budgets.add([A], Totals(released=1, tokens=1, nano_aiu=1))
    assert await totals(budgets, A) == Totals(0, 1, 6, 2**50 + 1)
    assert await totals(budgets, B) == Totals(0, 0, 5, 2**50)


async def test_what_upstream_makes_up_breaks_nothing(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    budgets.add([A], Totals(tokens=10**40))
    huge = replace(BUDGET, requests=10**40, tokens=10**30)
    assert await take(budgets, A, budget=replace(huge, tokens=100)) == (Finding.TOKENS,)
    assert await take(budgets, B, budget=huge) == (Finding.MISSING,)


async def test_counters_are_counted_apart(budgets: BudgetCounters) -> None:
    counters = [counter(f"key-{number}") for number in range(40)]
    await asyncio.gather(*(budgets.seed(each, NOTHING) for each in counters))
    once = replace(BUDGET, requests=1)
    found = await asyncio.gather(*(take(budgets, each, budget=once) for each in counters * 2))
    assert found == [None] * 40 + [(Finding.REQUESTS,)] * 40
    assert await budgets.totals(counters) == [Totals(1)] * 40


async def test_who_leaves_while_asking_is_not_counted(budgets: BudgetCounters) -> None:
    await whole(budgets, A)
    for rounds in range(6):
        asking = [asyncio.ensure_future(take(budgets, A)) for _ in range(3)]
        for _ in range(rounds):
            await asyncio.sleep(0)
        for each in asking:
            each.cancel()
        # Alone it is counted before anybody can leave.
        for each in asking:
            with contextlib.suppress(asyncio.CancelledError):
                if await each is None:
                    budgets.add([A], GIVEN_BACK)
    found = [await take(budgets, A) for _ in range(4)]
    assert found == [None, None, None, (Finding.REQUESTS,)]


# --- minutes ----------------------------------------------------------------------------------

MINUTE = span_at(Period.MINUTE, SystemClock().now())
RATE = Budget(Period.MINUTE, requests=2)
RATED = Counter(A.holder, MINUTE)


async def test_a_minute_counts_without_a_word_of_what_was_before(budgets: BudgetCounters) -> None:
    rate = Claim(RATED, RATE, trusts_missing=True)
    answers = [await budgets.take([rate]) for _ in range(3)]

    assert answers == [
        Answer((FINE,), True, (Totals(1),)),
        Answer((FINE,), True, (Totals(2),)),
        Answer((Finding.REQUESTS,), False, (Totals(2),)),
    ]
    assert await totals(budgets, RATED) == Totals(2)


async def test_a_minute_and_a_budget_are_taken_of_together_or_not_at_all(
    budgets: BudgetCounters,
) -> None:
    await whole(budgets, A)
    both = [Claim(A, BUDGET), Claim(RATED, RATE, trusts_missing=True)]
    answers = [await budgets.take(both) for _ in range(3)]

    assert [answer.is_granted for answer in answers] == [True, True, False]
    assert answers[-1] == Answer((FINE, Finding.REQUESTS), False, (Totals(2), Totals(2)))
    assert await totals(budgets, A) == Totals(2)


async def test_nothing_is_taken_of_a_minute_for_a_budget_that_is_used_up(
    budgets: BudgetCounters,
) -> None:
    await budgets.seed(A, Totals(3))
    both = [Claim(A, BUDGET), Claim(RATED, RATE, trusts_missing=True)]
    answer = await budgets.take(both)

    assert answer.findings == (Finding.REQUESTS, FINE)
    assert await totals(budgets, RATED) == NOTHING


async def test_a_minute_counts_tokens_and_gives_places_back(budgets: BudgetCounters) -> None:
    rate = Claim(RATED, replace(RATE, tokens=50), trusts_missing=True)
    for _ in range(2):
        await budgets.take([rate])
    budgets.add([RATED], GIVEN_BACK)
    assert (await budgets.take([rate])).is_granted
    budgets.add([RATED], Totals(released=2, tokens=50))
    answer = await budgets.take([rate])
    assert answer == Answer((Finding.TOKENS,), False, (Totals(3, 3, 50),))
