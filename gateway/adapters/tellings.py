"""What a process says to the shared store of its budgets, as lua/budgets.lua takes and answers it.

Values and their form; sends nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import msgspec

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.known import KEEP_SECONDS, Heard, Known, Unsent
from gateway.domain.budgets.totals import Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, Finding, answered
from gateway.ports.clock import Clock

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
NOTHING_ADDED = (0, 0, 0, 0, 0)
PER_COUNTER = 5


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
        for claims in kinds(self.questions):
            yield from (claim.counter for claim in claims)
        for question in self.questions:
            yield from (counter for counter, _ in question.seeds)
            yield from question.looks
        yield from self.unsent
        yield from self.announced


class Reading(NamedTuple):
    """The store's answer."""

    was_told: bool
    """Whether it had counted this before."""
    findings: bytes
    """A letter for each claim."""
    counters: Sequence[Heard]
    """Where each counter stands."""


def kinds(questions: Iterable[Question]) -> list[tuple[Claim, ...]]:
    """What the requests claim, once for all that claim the same.

    Callers keep a key's claims for as long as they stay the same, so whether they are can be told
    without looking into them; where they are not kept they are said more often, and that is all.
    """
    return list({id(each.claims): each.claims for each in questions if each.claims}.values())


def counters_packed(
    telling: Telling, counters: Sequence[Counter], known: Known, clock: Clock
) -> bytes:
    """The counters with what is known of them."""
    seeds = {counter: spent for each in telling.questions for counter, spent in each.seeds}
    unsent = telling.unsent
    now, wall = clock.monotonic(), clock.now()
    packed: list[str | int] = []
    for counter in counters:
        heard, added = known.heard(counter), unsent.get(counter)
        packed += (
            counter.name,
            _kept_seconds(counter, wall),
            heard.life,
            *_numbers(heard.totals),
            *(NOTHING_ADDED if added is None else _added(added, now)),
            *(_found(seeds[counter]) if counter in seeds else NOTHING_FOUND),
        )
    return msgspec.msgpack.encode(packed)


def requests_packed(telling: Telling, counters: Sequence[Counter]) -> bytes:
    """The kinds of requests with their claims, and then of which kind each request is."""
    positions = {counter: position for position, counter in enumerate(counters, 1)}
    numbers: dict[int, int] = {}
    packed: list[list[int]] = []
    for number, claims in enumerate(kinds(telling.questions), 1):
        numbers[id(claims)] = number
        kind: list[int] = []
        for counter, budget, trusts_missing in claims:
            flags = (int(budget.is_shadow), int(trusts_missing))
            kind += (positions[counter], *flags, *_limits(budget))
        packed.append(kind)
    requests = [numbers[id(each.claims)] for each in telling.questions if each.claims]
    return msgspec.msgpack.encode((packed, requests))


def read(answer: Sequence[bytes]) -> Reading:
    """What the script returned."""
    was_told, findings, packed, *lives = answer
    numbers = msgspec.msgpack.decode(packed)
    counters = []
    for start, life in zip(range(0, len(numbers), PER_COUNTER), lives, strict=True):
        is_whole, *totals = map(int, numbers[start : start + PER_COUNTER])
        name = life.decode("utf-8", "replace")
        counters.append(Heard(Totals(*totals), is_whole == 1, name))
    return Reading(was_told == b"1", findings, counters)


def answers(
    questions: Iterable[Question], findings: bytes, used: Callable[[Counter], Totals]
) -> list[Answer]:
    """What the findings are to each question, and where its counters stand."""
    found: list[Answer] = []
    made: dict[tuple[int, bytes], Answer] = {}
    start = 0
    for question in questions:
        claims = question.claims
        letters = findings[start : start + len(claims)]
        start += len(claims)
        answer = made.get((id(claims), letters))
        if answer is None:
            answer = answered(claims, [FINDINGS[letter] for letter in letters])
            answer = made[id(claims), letters] = answer.with_used(claims, used)
        found.append(answer)
    return found


def _kept_seconds(counter: Counter, wall: float) -> int:
    if counter.span.is_minute:
        return MINUTE_KEPT_SECONDS
    return max(LEAST_KEPT_SECONDS, int(counter.span.end + KEEP_SECONDS - wall))


def _numbers(totals: Totals) -> Sequence[int]:
    numbers = (totals.reserved, totals.released, totals.tokens, totals.nano_aiu)
    return numbers if max(numbers) <= MOST else [min(each, MOST) for each in numbers]


def _added(unsent: Unsent, now: float) -> Sequence[int]:
    return (*_numbers(unsent.use), int((now - unsent.since) * 1000))


def _found(seed: Totals) -> Iterable[int]:
    return (min(each, MOST) for each in (seed.requests, seed.tokens, seed.nano_aiu))


def _limits(budget: Budget) -> Iterable[int]:
    return (
        NO_LIMIT if limit is None else min(limit, MOST)
        for limit in (budget.requests, budget.tokens, budget.nano_aiu)
    )
