"""`make bench`: what the gateway and the broker cost, beside references in the same run.

    python -m bench [--quick] [--only whole,paced,...] [--rounds N] [--seconds S] [--list]

A table with targets goes to the terminal, everything to bench/results/. Only ratios within one run
count, and only on a machine that does nothing else. Ends with 1 when an answer was wrong, with 0
when a target is missed: that is a finding, not a failure.
"""

import argparse
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import broker_burst, broker_call, chart, machine, memory, report, rounds, usage_cost
from bench.load import WrongAnswers
from bench.programs import Missing
from bench.proxies import Stage
from bench.scenarios import SCENARIOS
from bench.targets import judged

Figure = dict[str, dict[str, Any]]
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
MEMORY: dict[str, tuple[str, Callable[[Stage, memory.Size], Figure]]] = {
    "slow": ("1,000 slow streams", memory.slow_streams),
    "stopped": ("readers that stop", memory.stopped_readers),
    "growth": ("memory after many requests", memory.growth),
    "cancelled": ("memory after many callers that hung up", memory.cancelled),
}
BESIDE = {
    "broker": "GetCopilotToken from memory, beside an empty handler",
    "burst": "GetCopilotToken, cold, 64 callers for each of 16 accounts at once",
    "usage": "a usage record, alone",
}
TITLES = {
    **{name: scenario.title for name, scenario in BY_NAME.items()},
    **{name: title for name, (title, _) in MEMORY.items()},
    **BESIDE,
}
FRESH = frozenset({"slow", "stopped", "growth", "cancelled", "many"})
"""Measured on processes that have done nothing else."""


def main(arguments: Sequence[str]) -> int:
    """Measure and say."""
    options = _options(arguments)
    if options.list:
        print("\n".join(f"{name:16} {title}" for name, title in TITLES.items()))
        return 0
    names = options.only.split(",") if options.only else list(TITLES)
    unknown = [name for name in names if name not in TITLES]
    if unknown:
        print(f"bench: no such scenario: {', '.join(unknown)}; --list names them", file=sys.stderr)
        return 2
    _allow_many_files()
    described = machine.described()
    print(json.dumps(described, indent=1, ensure_ascii=False))
    figures: dict[str, Figure] = {}
    try:
        configurations = _measure(names, options, figures)
    except (WrongAnswers, Missing) as error:
        print("\n".join(report.table(TITLES, figures)))
        print(f"bench: {error}", file=sys.stderr)
        return 1
    verdicts = judged(figures)
    for text in configurations.values():
        print(f"---\n{text}")
    print("\n".join((*report.table(TITLES, figures), *report.against_targets(verdicts))))
    kind = "-quick" if options.quick else ""
    name = ("all" if not options.only else "-".join(names)) + kind
    path = report.save(name, described, vars(options), configurations, figures, verdicts)
    print(f"\nwritten to {path}")
    if name == "all":
        chart.draw(path)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few and short rounds: a try")
    parser.add_argument("--only", default="", help="names of scenarios, with commas")
    parser.add_argument("--rounds", type=int, help="that count, of each proxy (7; quick: 1)")
    parser.add_argument("--seconds", type=float, help="of each round (3; quick: 1)")
    parser.add_argument("--list", action="store_true", help="name the scenarios")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.quick else 7)
    options.seconds = options.seconds or (1.0 if options.quick else 3.0)
    return options


def _measure(
    names: Sequence[str], options: argparse.Namespace, figures: dict[str, Figure]
) -> dict[str, str]:
    """Fill in the figures; the configurations they were found with."""
    size = memory.QUICK if options.quick else memory.FULL
    with Stage() as stage:
        for name in names:
            print(f"{name} ", end="", file=sys.stderr, flush=True)
            if name in FRESH:
                stage.stop_all()
            try:
                figures[name] = _figure(stage, name, options, size)
            except WrongAnswers:
                print(stage.complaints(), file=sys.stderr)
                raise
            print(file=sys.stderr)
        return dict(stage.configurations)


def _figure(stage: Stage, name: str, options: argparse.Namespace, size: memory.Size) -> Figure:
    if name in BY_NAME:
        return rounds.measure(stage, BY_NAME[name], options.rounds, options.seconds)
    if name in MEMORY:
        return MEMORY[name][1](stage, size)
    return _beside(name, options)


def _beside(name: str, options: argparse.Namespace) -> Figure:
    """What has a programme of its own."""
    with tempfile.TemporaryDirectory() as directory:
        if name == "broker":
            figure = broker_call.figure(*((1, 3, 800) if options.quick else (5, 9, 1600)))
            return {"token_service": figure}
        if name == "burst":
            return {"token_service": broker_burst.measure(Path(directory), options.rounds)}
        return {"gateway": usage_cost.figure(Path(directory), 5 if options.quick else 21)}


def _allow_many_files() -> None:
    """A thousand streams are two thousand sockets and more."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
