"""What the gateway is measured against: a table of figures and the most each may be."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Scenario → proxy → figure."""


@dataclass(frozen=True, slots=True)
class Target:
    """One figure and its limit. `of` raises KeyError when it was not measured."""

    scenario: str
    what: str
    most: float
    of: Callable[[Figures], float]
    unit: str = "×"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A target with what was measured."""

    target: Target
    value: float

    @property
    def is_met(self) -> bool:
        """Whether it is at most what it may be."""
        return self.value <= self.target.most


def _ratio(scenario: str, ours: str, theirs: str) -> Callable[[Figures], float]:
    def of(figures: Figures) -> float:
        one = figures[scenario]
        return float(one[ours]["cpu"]) / float(one[theirs]["cpu"])

    return of


def _cpu(scenario: str, ours: str, theirs: str, most: float) -> Target:
    what = f"CPU per unit, {ours} / {theirs}"
    return Target(scenario, what, most, _ratio(scenario, ours, theirs))


def _added(scenario: str) -> Target:
    def of(figures: Figures) -> float:
        one = figures[scenario]
        return (float(one["gateway"]["added_p99"]) - float(one["nginx"]["added_p99"])) / 1000

    return Target(scenario, "added latency per chunk p99, gateway - nginx", 1.0, of, "ms")


def _value(scenario: str, proxy: str, name: str, most: float, what: str, unit: str) -> Target:
    def of(figures: Figures) -> float:
        return float(figures[scenario][proxy][name])

    return Target(scenario, what, most, of, unit)


TARGETS = (
    _cpu("whole", "gateway", "caddy", 0.9),
    _cpu("whole", "gateway", "nginx", 5.5),
    _cpu("whole", "gateway-valkey", "gateway", 1.6),
    _cpu("fast", "gateway", "nginx", 1.1),
    _cpu("fast-messages", "gateway", "nginx", 1.1),
    _cpu("fast-responses", "gateway", "nginx", 1.6),
    _cpu("paced", "gateway", "nginx", 1.25),
    _cpu("paced-messages", "gateway", "nginx", 1.25),
    _cpu("paced-responses", "gateway", "nginx", 1.6),
    _added("paced"),
    _added("paced-messages"),
    _added("paced-responses"),
    _cpu("fast-tls", "gateway-tls", "nginx-tls", 1.5),
    _cpu("paced-tls", "gateway-tls", "nginx-tls", 1.5),
    _cpu("body-1m", "gateway", "naive", 2.0),
    _value("slow", "gateway", "kib", 24, "memory for each slow stream", "KiB"),
    _value("slow", "gateway-tls", "kib", 80, "memory for each slow stream, TLS upstream", "KiB"),
    _value("stopped", "gateway", "kib", 256, "memory for each reader that stops", "KiB"),
    _value("stopped", "gateway-tls", "kib", 256, "the same, TLS upstream", "KiB"),
    _value("growth", "gateway", "growth", 1.05, "memory at the end / after a tenth", "×"),
    _value("cancelled", "gateway", "growth", 1.05, "the same, callers hanging up", "×"),
    _cpu("many", "gateway-groups", "gateway", 1.1),
    _cpu("many", "gateway-many", "gateway", 1.1),
    _value("broker", "token_service", "ratio", 1.2, "CPU per call / an empty handler", "×"),
    _value("usage", "gateway", "cpu", 15, "CPU of a usage record", "µs"),
)


def judged(figures: Figures) -> list[Verdict]:
    """The targets whose figures there are."""
    found = []
    for target in TARGETS:
        try:
            found.append(Verdict(target, round(target.of(figures), 3)))
        except KeyError:
            continue
    return found
