"""What a process says to the shared store of its budgets, as lua/budgets.lua takes and answers it.

Values and their form; sends nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.known import KEEP_SECONDS, Heard, Known, Unsent
from gateway.domain.budgets.totals import NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Claim, Finding
from gateway.ports import Clock

LEAST_KEPT_SECONDS = 3600
MINUTE_KEPT_SECONDS = 180
"""From its last change: a minute is of use while it lasts, by every replica's clock."""
FINDINGS = {
    ord("."): Finding.FINE,
    ord("r"): Finding.REQUESTS,
    ord("t"): Finding.TOKENS,
    ord("c"): Finding.CREDITS,
    ord("?"): Finding.MISSING,
}
MOST = 2**53
"""The script counts no further; nor does anybody else, but upstream may say any number."""
NO_LIMIT = -1
NOTHING_FOUND = (-1, 0, 0)
PER_COUNTER = 6


@dataclass(slots=True, eq=False)
class Question:
    """A request to be counted, or counters to seed or to look at."""

    claims: tuple[Claim, ...] = ()
    seeds: tuple[tuple[Counter, Totals], ...] = ()
    looks: tuple[Counter, ...] = ()
    is_granted: bool = False
    """Whether the store has counted it."""
    is_left: bool = False
    """Whether nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class Telling:
    """All that goes in one call."""

    number: int
    questions: tuple[Question, ...]
    unsent: Mapping[Counter, Unsent]
    announced: tuple[Counter, ...] = ()

    def without_questions(self) -> "Telling":
        """For when nobody waits for their answers."""
        return replace(self, questions=(), announced=())

    def counters(self) -> list[Counter]:
        """Every counter it is about, once."""
        return list(dict.fromkeys(self._mentioned()))

    def _mentioned(self) -> Iterable[Counter]:
        for question in self.questions:
            yield from (claim.counter for claim in question.claims)
            yield from (counter for counter, _ in question.seeds)
            yield from question.looks
        yield from self.unsent
        yield from self.announced


class Reading(NamedTuple):
    """The store's answer."""

    was_told: bool
    """Whether it had counted this before."""
    findings: Sequence[Finding]
    counters: Sequence[Heard]
    """Where each counter stands."""


def counters_packed(
    telling: Telling, counters: Sequence[Counter], known: Known, clock: Clock
) -> bytes:
    """The counters with what is known of them."""
    seeds = {counter: spent for each in telling.questions for counter, spent in each.seeds}
    now, wall = clock.monotonic(), clock.now()
    packed: list[str | int] = []
    for counter in counters:
        heard, unsent = known.heard(counter), telling.unsent.get(counter)
        seed = seeds.get(counter)
        packed += (
            counter.name,
            _kept_seconds(counter, wall),
            heard.life,
            *_numbers(heard.totals),
            *_numbers(NOTHING if unsent is None else unsent.use),
            0 if unsent is None else int((now - unsent.since) * 1000),
            *_found(seed),
        )
    return msgspec.msgpack.encode(packed)


def requests_packed(telling: Telling, counters: Sequence[Counter]) -> bytes:
    """The requests with their claims."""
    positions = {counter: position for position, counter in enumerate(counters, 1)}
    packed: list[int] = []
    for question in telling.questions:
        packed.append(len(question.claims))
        for counter, budget, trusts_missing in question.claims:
            flags = (int(budget.is_shadow), int(trusts_missing))
            packed += (positions[counter], *flags, *_limits(budget))
    return msgspec.msgpack.encode(packed)


def read(answer: Sequence[bytes]) -> Reading:
    """What the script returned."""
    was_told, findings, *rest = answer
    counters = []
    for start in range(0, len(rest), PER_COUNTER):
        is_whole, life, *numbers = rest[start : start + PER_COUNTER]
        totals = Totals(*map(int, numbers))
        counters.append(Heard(totals, is_whole == b"1", life.decode("utf-8", "replace")))
    return Reading(was_told == b"1", [FINDINGS[each] for each in findings], counters)


def _kept_seconds(counter: Counter, wall: float) -> int:
    if counter.span.is_minute:
        return MINUTE_KEPT_SECONDS
    return max(LEAST_KEPT_SECONDS, int(counter.span.end + KEEP_SECONDS - wall))


def _numbers(totals: Totals) -> Iterable[int]:
    numbers = (totals.reserved, totals.released, totals.tokens, totals.nano_aiu)
    return (min(each, MOST) for each in numbers)


def _found(seed: Totals | None) -> Iterable[int]:
    if seed is None:
        return NOTHING_FOUND
    return (min(each, MOST) for each in (seed.requests, seed.tokens, seed.nano_aiu))


def _limits(budget: Budget) -> Iterable[int]:
    return (
        NO_LIMIT if limit is None else min(limit, MOST)
        for limit in (budget.requests, budget.tokens, budget.nano_aiu)
    )
