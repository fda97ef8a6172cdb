"""What a caller is told whose request meets a budget or a rate."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.budgets.totals import Counter
from gateway.domain.budgets.verdict import Claim, Finding, is_in_the_way
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.usage.credits import NANO_AIU_PER_CREDIT

RETRY_UNKNOWN_SECONDS = 5.0


def refusal(claims: Sequence[Claim], findings: Sequence[Finding], now: float) -> GatewayError:
    """The error for a request that was not granted.

    Of several budgets that are used up the one that ends last: before that nothing is gained by
    asking again. now: seconds since the epoch.
    """
    in_the_way = [each for each in zip(claims, findings, strict=True) if is_in_the_way(*each)]
    used_up = [(claim, finding) for claim, finding in in_the_way if finding.is_used_up]
    if not used_up:
        return _unknown(in_the_way[0][0].counter)
    claim, finding = max(used_up, key=lambda each: each[0].counter.span.end)
    end = claim.counter.span.end
    if claim.budget.period is Period.MINUTE:
        return _too_fast(claim.budget, finding, end - now)
    return GatewayError(
        Fault.POLICY_BUDGET,
        f"The budget of {_whose(claim.counter)}, {_limit(claim.budget, finding)} a "
        f"{claim.budget.period.value}, is used up; it begins anew at {_rfc3339(end)}.",
        retry_after=max(1.0, end - now),
    )


def _too_fast(rate: Budget, finding: Finding, seconds: float) -> GatewayError:
    does = "send" if finding is Finding.REQUESTS else "use"
    wait = max(1.0, seconds)
    return GatewayError(
        Fault.POLICY_RATE,
        f"This key may {does} {_limit(rate, finding)} a minute; "
        f"the next minute begins in {math.ceil(wait)} s.",
        retry_after=wait,
    )


def _unknown(counter: Counter) -> GatewayError:
    return GatewayError(
        Fault.POLICY_BUDGET_UNKNOWN,
        f"What is left of the budget of {_whose(counter)} cannot be told at the moment; try again.",
        retry_after=RETRY_UNKNOWN_SECONDS,
    )


def _whose(counter: Counter) -> str:
    return f"the {counter.holder.kind.value} '{counter.holder.id}'"


def _limit(budget: Budget, finding: Finding) -> str:
    if finding is Finding.CREDITS:
        credits_ = Decimal(budget.nano_aiu or 0) / NANO_AIU_PER_CREDIT
        return f"{credits_.normalize():f} credits"
    return f"{budget.requests if finding is Finding.REQUESTS else budget.tokens} {finding.value}"


def _rfc3339(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
