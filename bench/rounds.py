"""Rounds in turns: each proxy under the same load, one after the other, again and again."""

import statistics
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.bodies import written
from bench.load import Load, run
from bench.processes import cpu_seconds, settle
from bench.proxies import Proxy, Stage
from bench.scenarios import Scenario

BUSY = 0.95
"""Of its core, for a round of a saturating load to count."""
EXTRA_ROUNDS = 2
"""How many times the rounds asked for are made at most, when some do not count."""
WARM_UP_SECONDS = 1.0
CHUNKS = 100


@dataclass(frozen=True, slots=True)
class Round:
    """One proxy in one round. Times in microseconds."""

    cpu: float
    busy: float
    counts: bool
    per_second: float
    p50: float
    p99: float
    added_p50: float | None = None
    added_p99: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One proxy over all rounds that count: medians, and how far they lie apart."""

    cpu: float
    cpu_from: float
    cpu_to: float
    busy: float
    per_second: float
    p50: float
    p99: float
    added_p50: float | None
    added_p99: float | None
    rounds: int
    uncounted: int
    is_saturated: bool
    """Whether there was a round that counts; if not, all of them stand here."""


def measure(
    stage: Stage, scenario: Scenario, rounds: int, seconds: float
) -> dict[str, dict[str, Any]]:
    """The scenario's figure for each proxy."""
    proxies = [stage.proxy(name) for name in scenario.proxies]
    for proxy in proxies:
        run(proxy.port, _load(stage, scenario, WARM_UP_SECONDS))
        settle(proxy.pid)
    made: dict[str, list[Round]] = {proxy.name: [] for proxy in proxies}
    for number in range(rounds * EXTRA_ROUNDS):
        # Each is first, second and last as often as the others.
        turn = number % len(proxies)
        for proxy in proxies[turn:] + proxies[:turn]:
            if sum(one.counts for one in made[proxy.name]) < rounds:
                made[proxy.name].append(_round(stage, scenario, proxy, seconds))
                print(".", end="", file=sys.stderr, flush=True)
    return {name: asdict(figure_of(list_)) for name, list_ in made.items()}


def _load(stage: Stage, scenario: Scenario, seconds: float) -> Load:
    request = written(
        stage.directory, scenario.protocol, scenario.model, scenario.stream, scenario.body_bytes
    )
    options: dict[str, float] = {"seconds": seconds}
    if scenario.stream:
        options["chunks"] = CHUNKS
    if scenario.model == "paced":
        # Streams in step with each other would be one burst every ten milliseconds.
        options["spread"] = min(1.0, seconds / 2)
    return Load(request, scenario.connections, options)


def _round(stage: Stage, scenario: Scenario, proxy: Proxy, seconds: float) -> Round:
    before = cpu_seconds(proxy.pid)
    said = run(proxy.port, _load(stage, scenario, seconds))
    at_end = cpu_seconds(proxy.pid)
    # What is put off is part of the cost, and must not fall into another proxy's round.
    settle(proxy.pid)
    spent = cpu_seconds(proxy.pid) - before
    units = said["chunks"] if scenario.unit == "chunk" else said["done"]
    busy = (at_end - before) / said["seconds"]
    added = said.get("added_us", {})
    return Round(
        cpu=spent / units * 1e6,
        busy=busy,
        counts=busy >= BUSY or not scenario.saturates,
        per_second=units / said["seconds"],
        p50=said["whole_us"]["p50"],
        p99=said["whole_us"]["p99"],
        added_p50=added.get("p50"),
        added_p99=added.get("p99"),
    )


def figure_of(rounds: list[Round]) -> Figure:
    """The rounds of one proxy as one figure."""
    counted = [one for one in rounds if one.counts]
    used = counted or rounds
    each = sorted(one.cpu for one in used)

    def middle(values: Iterator[float | None]) -> float | None:
        there = [value for value in values if value is not None]
        return round(statistics.median(there), 3) if there else None

    return Figure(
        cpu=round(statistics.median(each), 3),
        cpu_from=round(each[0], 3),
        cpu_to=round(each[-1], 3),
        busy=round(statistics.median(one.busy for one in used), 3),
        per_second=round(statistics.median(one.per_second for one in used), 1),
        p50=round(statistics.median(one.p50 for one in used), 1),
        p99=round(statistics.median(one.p99 for one in used), 1),
        added_p50=middle(one.added_p50 for one in used),
        added_p99=middle(one.added_p99 for one in used),
        rounds=len(used),
        uncounted=len(rounds) - len(counted),
        is_saturated=bool(counted),
    )
