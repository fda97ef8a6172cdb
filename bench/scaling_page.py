"""Writes a run's figures into docs/scaling.md: `python -m bench.scaling_page`.

A place there is `*FIGURE* <!-- bench: SCENARIO/PROXY FORMULA -->`; the formula is `cpu` or `kib`,
alone, divided or multiplied by one number.
"""

import json
import re
from pathlib import Path
from typing import Any

from bench.chart import newest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scaling.md"
PLACE = re.compile(
    r"(?:\*[^*|]+\*|—) (<!-- bench: (\S+)/(\S+)(?: (?:([\d.]+)([*/]))?(cpu|kib))? -->)"
)
SOURCE = re.compile(r"bench/results/[\w.-]+\.json")
DIGITS = 3


def filled(text: str, figures: dict[str, Any], source: str) -> str:
    """The page with these figures; a place whose figure is not among them keeps a dash."""

    def replace(place: re.Match[str]) -> str:
        mark, scenario, proxy, number, sign, unit = place.groups()
        value = figures.get(scenario, {}).get(proxy, {}).get(unit or "cpu")
        if value is None:
            return f"— {mark}"
        if sign == "/":
            value = float(number) / value
        elif sign == "*":
            value *= float(number)
        return f"*{shown(value)}* {mark}"

    return SOURCE.sub(source, PLACE.sub(replace, text))


def shown(value: float) -> str:
    """With three digits that count."""
    rounded = float(f"{value:.{DIGITS}g}")
    return f"{rounded:,.0f}" if rounded >= 10 ** (DIGITS - 1) else f"{rounded:g}"


if __name__ == "__main__":
    run = newest()
    if run is None:
        raise SystemExit("there is no full run in bench/results")
    document = json.loads(run.read_text())
    PAGE.write_text(filled(PAGE.read_text(), document["figures"], f"bench/results/{run.name}"))
