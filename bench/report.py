"""What a run found, as a table for people and as a file."""

import datetime
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from bench.targets import Figures, Verdict

RESULTS = Path(__file__).parent / "results"


def table(titles: Mapping[str, str], figures: Figures) -> Iterable[str]:
    """Each scenario's figures."""
    for name, proxies in figures.items():
        yield ""
        yield f"{name}: {titles[name]}"
        for proxy, figure in proxies.items():
            yield f"  {proxy:15} {_line(figure)}"


def against_targets(verdicts: Iterable[Verdict]) -> Iterable[str]:
    """Each target, what was measured, and whether that will do."""
    yield ""
    yield f"{'scenario':16} {'figure':46} {'measured':>12} {'at most':>10}"
    for verdict in verdicts:
        target = verdict.target
        measured, most = f"{verdict.value:g} {target.unit}", f"{target.most:g} {target.unit}"
        said = "met" if verdict.is_met else "NOT MET"
        yield f"{target.scenario:16} {target.what:46} {measured:>12} {most:>10}  {said}"


def save(
    name: str,
    machine: Mapping[str, Any],
    options: Mapping[str, Any],
    configurations: Mapping[str, str],
    figures: Figures,
    verdicts: Iterable[Verdict],
) -> Path:
    """Write it all down; the file."""
    RESULTS.mkdir(exist_ok=True)
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    path = RESULTS / f"{day}-{name}.json"
    content = {
        "date": day,
        "caption": f"Each on one core of {machine['cpu']}, {day}",
        "machine": machine,
        "options": options,
        "figures": figures,
        "targets": [
            {
                "scenario": verdict.target.scenario,
                "figure": verdict.target.what,
                "measured": verdict.value,
                "at_most": verdict.target.most,
                "unit": verdict.target.unit,
                "met": verdict.is_met,
            }
            for verdict in verdicts
        ],
        "configurations": configurations,
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    return path


def _line(figure: Mapping[str, Any]) -> str:
    if "kib" in figure:
        return f"{figure['kib']:9.1f} KiB each, {figure['streams']} streams"
    if "growth" in figure:
        sizes = f"{figure['rss_tenth_kib']} KiB, then {figure['rss_end_kib']} KiB"
        return f"{figure['growth']:9.3f} × ({sizes}) over {figure['requests']} requests"
    if "per_second" not in figure:
        return "  ".join(f"{name} {value:g}" for name, value in figure.items())
    line = (
        f"{figure['cpu']:9.1f} µs CPU ({figure['cpu_from']:.1f} to {figure['cpu_to']:.1f})  "
        f"{figure['busy'] * 100:4.0f} % busy  {figure['per_second']:9.0f}/s  "
        f"p50 {figure['p50'] / 1000:.2f} ms"
    )
    if figure["added_p99"] is not None:
        line += (
            f"  added p50 {figure['added_p50'] / 1000:.2f} p99 {figure['added_p99'] / 1000:.2f} ms"
        )
    return line + ("" if figure["is_saturated"] else "  NOT SATURATED")
