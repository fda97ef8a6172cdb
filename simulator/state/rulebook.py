"""The rules of a run in their order, and how often each was met. The first that is due applies.

What a rule leaves to chance is drawn from the seed, the rule's number and how often it was met:
in the same order of requests the same rules apply.
"""

import hashlib
from dataclasses import dataclass
from itertools import count

from simulator.scenario.faults import Endpoint, Fault, Match

MOST_RULES = 10_000
DRAWN_BYTES = 8
ALL_DRAWS = 1 << 8 * DRAWN_BYTES


@dataclass(frozen=True, slots=True)
class Asked:
    """What a rule can know of a request."""

    endpoint: Endpoint
    account: str | None = None
    model: str | None = None
    stream: bool = False
    initiator: str | None = None


@dataclass
class Rule:
    """A fault and its counts: requests it matched, requests it was applied to.

    number: counts the rules of a run, those that were removed included.
    """

    fault: Fault
    number: int
    met: int = 0
    applied: int = 0


@dataclass(frozen=True, slots=True)
class Chosen:
    """A fault that applies to a request. luck: what else it leaves to chance is drawn from."""

    fault: Fault
    luck: int = 0


class Rulebook:
    """Rules, the newest last."""

    def __init__(self, faults: tuple[Fault, ...], seed: int = 0) -> None:
        self._seed = seed
        self._numbers = count(1)
        self.rules = [Rule(fault, next(self._numbers)) for fault in faults]

    def add(self, faults: tuple[Fault, ...]) -> None:
        """Append rules. Raises ValueError if there are too many."""
        if len(self.rules) + len(faults) > MOST_RULES:
            raise ValueError(f"more than {MOST_RULES} rules")
        self.rules.extend(Rule(fault, next(self._numbers)) for fault in faults)

    def remove(self, name: str | None) -> int:
        """Remove the rules of a name, or all; how many."""
        before = len(self.rules)
        self.rules = [r for r in self.rules if name is not None and r.fault.name != name]
        return before - len(self.rules)

    def choose(self, asked: Asked) -> Chosen | None:
        """The fault for this request. Every rule that matches counts it, applied or not."""
        chosen: Chosen | None = None
        for rule in self.rules:
            if not matches(rule.fault.match, asked):
                continue
            rule.met += 1
            if chosen is None:
                chosen = self._judge(rule)
        return chosen

    def _judge(self, rule: Rule) -> Chosen | None:
        fault = rule.fault
        if not is_due(fault, rule.met, rule.applied):
            return None
        share, luck = 0.0, 0
        if fault.probability is not None or fault.random_stream_faults is not None:
            share, luck = draw(self._seed, rule.number, rule.met)
        if fault.probability is not None and share >= fault.probability:
            return None
        rule.applied += 1
        return Chosen(fault, luck)


def matches(match: Match, asked: Asked) -> bool:
    """Whether a request is one that a rule is about."""
    if match.endpoint and asked.endpoint not in match.endpoint:
        return False
    pairs = (
        (match.account, asked.account),
        (match.model, asked.model),
        (match.stream, asked.stream),
        (match.initiator, asked.initiator),
    )
    return all(wanted is None or wanted == given for wanted, given in pairs)


def is_due(fault: Fault, met: int, applied: int) -> bool:
    """Whether a rule applies to the `met`-th request that it matches."""
    if fault.nth is not None:
        return met == fault.nth
    if met <= fault.after:
        return False
    return fault.times is None or applied < fault.times


def draw(seed: int, rule: int, met: int) -> tuple[float, int]:
    """A number below one, and a seed for whatever else is drawn."""
    text = f"{seed}/{rule}/{met}".encode()
    drawn = hashlib.blake2b(text, digest_size=2 * DRAWN_BYTES).digest()
    first, second = drawn[:DRAWN_BYTES], drawn[DRAWN_BYTES:]
    return int.from_bytes(first) / ALL_DRAWS, int.from_bytes(second)
