"""Whether a request may be counted in its budgets. Values in, values out.

The shared store decides the same in its own language (adapters/lua/budgets.lua): whoever changes
the rules here changes them there.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple, Protocol

import msgspec

from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.totals import Counter, Totals


class Finding(Enum):
    """What stands against a request, of one budget. What is used up has its measure's name."""

    FINE = "fine"
    REQUESTS = "requests"
    TOKENS = "tokens"
    CREDITS = "credits"
    MISSING = "missing"
    """Nobody has said yet what was used before."""
    UNCHECKED = "unchecked"
    """The others are not to be asked at the moment, and the budget wants them to be."""

    @property
    def is_used_up(self) -> bool:
        """Whether the budget has nothing left."""
        return self in _USED_UP


_FINE = Finding.FINE
_USED_UP = frozenset({Finding.REQUESTS, Finding.TOKENS, Finding.CREDITS})


class Claim(NamedTuple):
    """A request wants to be counted here."""

    counter: Counter
    budget: Budget
    trusts_missing: bool = False
    """Whether it is content with a counter that is not known to be whole."""

    @property
    def refuses_unknown(self) -> bool:
        """Whether not to know is a reason to refuse; what only reports refuses nothing."""
        return self.budget.refuses_unknown and not self.budget.is_shadow


class Stand(Protocol):
    """What one process knows of a counter."""

    @property
    def total(self) -> Totals:
        """What was used, as far as it is known."""

    @property
    def is_whole(self) -> bool:
        """Whether somebody has said what was used before."""


class Answer(msgspec.Struct, frozen=True):
    """What was found, of each claim in its order; the request is counted in all or in none."""

    findings: tuple[Finding, ...]
    is_granted: bool
    used: tuple[Totals, ...] = ()
    """What the claims' counters stand at with it, as far as it is known; empty: not asked for."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing at all was found."""
        return self.findings.count(_FINE) == len(self.findings)

    def with_used(self, claims: Sequence[Claim], known: Callable[[Counter], Totals]) -> "Answer":
        """The same, with where the counters stand."""
        used = tuple([known(claim.counter) for claim in claims])
        return Answer(self.findings, self.is_granted, used)


def used_up(budget: Budget, totals: Totals) -> Finding:
    """The first measure of which nothing is left."""
    if budget.requests is not None and totals.requests >= budget.requests:
        return Finding.REQUESTS
    if budget.tokens is not None and totals.tokens >= budget.tokens:
        return Finding.TOKENS
    if budget.nano_aiu is not None and totals.nano_aiu >= budget.nano_aiu:
        return Finding.CREDITS
    return _FINE


def is_in_the_way(claim: Claim, finding: Finding) -> bool:
    """Whether the request cannot be counted because of it."""
    if finding is _FINE:
        return False
    return not (finding.is_used_up and claim.budget.is_shadow)


def answered(claims: Sequence[Claim], findings: Sequence[Finding]) -> Answer:
    """What the findings come to."""
    return Answer(tuple(findings), True not in map(is_in_the_way, claims, findings))


def judge(claims: Sequence[Claim], known: Callable[[Counter], Stand]) -> Answer:
    """By what one process knows."""
    findings = []
    is_granted = True
    for claim in claims:
        stand = known(claim.counter)
        finding = used_up(claim.budget, stand.total)
        # What is used up is so whatever else there may be.
        if finding is _FINE and not (claim.trusts_missing or stand.is_whole):
            finding = Finding.MISSING
        if finding is not _FINE and is_in_the_way(claim, finding):
            is_granted = False
        findings.append(finding)
    return Answer(tuple(findings), is_granted)


def judge_alone(claims: Sequence[Claim], known: Callable[[Counter], Stand]) -> Answer:
    """By what one of several processes knows, while it hears nothing of the others."""
    found = judge(claims, known)
    return answered(claims, [_alone(*each) for each in zip(claims, found.findings, strict=True)])


def _alone(claim: Claim, finding: Finding) -> Finding:
    if claim.refuses_unknown and not finding.is_used_up:
        return Finding.UNCHECKED
    return finding
