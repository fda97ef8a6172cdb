"""The rules of a run in their order, and how often each was met. The first that is due applies."""

from dataclasses import dataclass

from simulator.scenario.faults import Endpoint, Fault, Match

MOST_RULES = 10_000


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
    """A fault and its counts: requests it matched, requests it was applied to."""

    fault: Fault
    met: int = 0
    applied: int = 0


class Rulebook:
    """Rules, the newest last."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self.rules = [Rule(fault) for fault in faults]

    def add(self, faults: tuple[Fault, ...]) -> None:
        """Append rules. Raises ValueError if there are too many."""
        if len(self.rules) + len(faults) > MOST_RULES:
            raise ValueError(f"more than {MOST_RULES} rules")
        self.rules.extend(Rule(fault) for fault in faults)

    def remove(self, name: str | None) -> int:
        """Remove the rules of a name, or all; how many."""
        before = len(self.rules)
        self.rules = [r for r in self.rules if name is not None and r.fault.name != name]
        return before - len(self.rules)

    def choose(self, asked: Asked) -> Fault | None:
        """The fault for this request. Every rule that matches counts it, applied or not."""
        chosen: Fault | None = None
        for rule in self.rules:
            if not matches(rule.fault.match, asked):
                continue
            rule.met += 1
            if chosen is None and is_due(rule.fault, rule.met, rule.applied):
                rule.applied += 1
                chosen = rule.fault
        return chosen


def matches(match: Match, asked: Asked) -> bool:
    """Whether a request is one that a rule is about."""
    pairs = (
        (match.endpoint, asked.endpoint),
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
