"""Where a request wants to be counted, and what its end adds there. Values in, values out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.domain.api_keys import ApiKey
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import MINUTE_SECONDS, Period, span_at
from gateway.domain.budgets.reservation import Reservation
from gateway.domain.budgets.standing import RateStanding
from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim
from gateway.domain.groups import Group

MOST_KNOWN = 10_000
"""Keys whose claims are remembered; with one more all are forgotten."""


def claims_of(key: ApiKey, group: Group, came: float, now: float) -> Iterator[Claim]:
    """The key's budget, its group's, and at last the key's rate.

    came, now: seconds since the epoch. What a request uses of a budget belongs to when it came, as
    in the ledger. A rate is a budget of a minute, of the present one: a caller could hold back a
    body until nobody remembers the minute in which it began. The ledger knows nothing of minutes,
    so its counter is trusted as it is.
    """
    holder = Holder(HolderKind.KEY, key.id)
    if key.budget is not None:
        yield _claim(holder, key.budget, came)
    if group.budget is not None:
        yield _claim(Holder(HolderKind.GROUP, group.id), group.budget, came)
    if key.rate is not None and key.rate.limits_anything:
        rate = Budget(
            Period.MINUTE, key.rate.requests_per_minute, tokens=key.rate.tokens_per_minute
        )
        yield _claim(holder, rate, now)._replace(trusts_missing=True)


class Claims(NamedTuple):
    """Those of one request, and their counters."""

    claims: tuple[Claim, ...]
    counters: tuple[Counter, ...]


class RecentClaims:
    """What `claims_of` says, remembered for the minute in which it is the same."""

    def __init__(self) -> None:
        self._minute = -1.0
        self._known: dict[str, tuple[ApiKey, Group, Claims]] = {}

    def of(self, key: ApiKey, group: Group, came: float, now: float) -> Claims:
        """See claims_of. A key or a group that a reload has replaced is another one."""
        minute = now // MINUTE_SECONDS
        if came // MINUTE_SECONDS != minute:
            return _made(key, group, came, now)
        if minute != self._minute or len(self._known) > MOST_KNOWN:
            self._minute, self._known = minute, {}
        found = self._known.get(key.id)
        if found is not None and found[0] is key and found[1] is group:
            return found[2]
        made = _made(key, group, came, now)
        self._known[key.id] = (key, group, made)
        return made


def _made(key: ApiKey, group: Group, came: float, now: float) -> Claims:
    claims = tuple(claims_of(key, group, came, now))
    return Claims(claims, tuple(claim.counter for claim in claims))


def rate_standing(claims: Sequence[Claim], answer: Answer, now: float) -> RateStanding | None:
    """How the rate among the claims, the last of them, stands after the answer; None without."""
    claim = claims[-1]
    if claim.budget.period is not Period.MINUTE or not answer.used:
        return None
    end = claim.counter.span.end
    return RateStanding(claim.budget, answer.used[-1], end, end - now if end > now else 0.0)


def settled(
    reservation: Reservation, use: Totals, now: float
) -> Iterable[tuple[Sequence[Counter], Totals]]:
    """What a request's end adds, and to which counters: perhaps none, or nothing.

    What it used is used of the minute in which that is known: requests that take longer than a
    minute would be limited by nothing else. Its place is given back in the minute it had it in.
    """
    counters = reservation.counters
    # The rate's is the last.
    last = counters[-1]
    if last.span.end > now or not last.span.is_minute:
        return ((counters, use),)
    found: list[tuple[Sequence[Counter], Totals]] = [
        (counters[:-1], use),
        ((last,), Totals(released=use.released)),
    ]
    if reservation.rate is not None and reservation.rate.rate.tokens is not None:
        present = Counter(last.holder, span_at(Period.MINUTE, now))
        found.append(((present,), Totals(tokens=use.tokens)))
    return found


def _claim(holder: Holder, budget: Budget, moment: float) -> Claim:
    return Claim(Counter(holder, span_at(budget.period, moment)), budget)
