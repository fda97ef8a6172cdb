"""Draws the chart of docs/performance.md from a file of results, as SVG.

python -m bench.chart [RESULTS]         the newest without it
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.processes import ROOT
from bench.report import RESULTS

CHART = ROOT / "docs" / "performance.svg"
PANELS = (
    ("whole", "Whole answers", "µs CPU per request"),
    ("fast", "Full-speed stream", "µs CPU per chunk"),
    ("paced", "Paced stream, 10 ms", "µs CPU per chunk"),
    ("body-1m", "1 MB request bodies", "µs CPU per request"),
)
ORDER = ("nginx", "gateway", "gateway-valkey", "caddy", "naive")
COLOURS = {"gateway": "#1f6feb", "gateway-valkey": "#58a6ff"}
OTHERS = "#9aa4b2"
WIDTH, LABEL, BARS, BAR, GAP, TITLE = 760, 130, 470, 18, 7, 44
FONT = "font-family='sans-serif' font-size='13'"


def drawn(figures: Mapping[str, Any], caption: str) -> str:
    """The whole picture."""
    parts: list[str] = []
    top = 34
    for name, title, unit in PANELS:
        if name in figures:
            panel, height = _panel(figures[name], title, unit, top)
            parts += panel
            top += height
    height = top + 6
    return "\n".join(
        [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH}' height='{height}' "
            f"viewBox='0 0 {WIDTH} {height}' role='img'>",
            f"<title>{caption}</title>",
            f"<rect width='{WIDTH}' height='{height}' fill='#ffffff'/>",
            f"<text x='12' y='22' {FONT} fill='#57606a'>{caption}</text>",
            *parts,
            "</svg>\n",
        ]
    )


def _panel(proxies: Mapping[str, Any], title: str, unit: str, top: int) -> tuple[list[str], int]:
    shown = [name for name in ORDER if name in proxies]
    most = max(proxies[name]["cpu"] for name in shown)
    parts = [
        f"<text x='12' y='{top + 26}' {FONT} font-weight='bold' fill='#1f2328'>{title}"
        f"<tspan font-weight='normal' fill='#57606a'> ({unit}; shorter is better)</tspan></text>"
    ]
    for row, name in enumerate(shown):
        parts += _bar(name, proxies[name]["cpu"], most, top + TITLE - 6 + row * (BAR + GAP))
    return parts, TITLE + len(shown) * (BAR + GAP)


def _bar(name: str, value: float, most: float, y: int) -> Iterable[str]:
    width = max(1.0, value / most * BARS)
    middle = y + BAR - 5
    yield (
        f"<text x='{LABEL - 8}' y='{middle}' {FONT} text-anchor='end' fill='#1f2328'>{name}</text>"
    )
    yield (
        f"<rect x='{LABEL}' y='{y}' width='{width:.1f}' height='{BAR}' "
        f"fill='{COLOURS.get(name, OTHERS)}'/>"
    )
    right = LABEL + width + 6
    yield f"<text x='{right:.1f}' y='{middle}' {FONT} fill='#1f2328'>{_short(value)}</text>"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def newest() -> Path | None:
    """The newest record of a full run; None when there is none."""
    return max(RESULTS.glob("*-all.json"), default=None)


def draw(path: Path) -> None:
    """Draw a record into the docs."""
    content = json.loads(path.read_text())
    CHART.write_text(drawn(content["figures"], content["caption"]))


def main(arguments: Sequence[str]) -> int:
    """Draw it."""
    path = Path(arguments[0]) if arguments else newest()
    if path is None:
        print("no full run is recorded in bench/results", file=sys.stderr)
        return 1
    draw(path)
    print(f"{CHART.relative_to(ROOT)} drawn from {path.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
