"""Writes the dashboards' JSON, or says with `--check` that it has drifted.

`python -m tools.dashboards [--check]`: what is committed is what is installed.
"""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from tools.dashboards.cost import cost
from tools.dashboards.overview import overview
from tools.dashboards.seats import seats
from tools.dashboards.tokens import tokens

TARGET = Path(__file__).resolve().parents[2] / "deploy" / "k8s" / "dashboards"
DASHBOARDS = {"overview": overview, "seats": seats, "tokens": tokens, "cost": cost}


def main(arguments: list[str]) -> int:
    """Write every file; with `--check` compare them."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tools.dashboards [--check]", file=sys.stderr)
        return 2
    written = {TARGET / f"{name}.json": rendered(name) for name in DASHBOARDS}
    if arguments:
        return compared(written)
    TARGET.mkdir(parents=True, exist_ok=True)
    for file, content in written.items():
        file.write_text(content)
    return 0


def rendered(name: str) -> str:
    """A dashboard as its file has it."""
    content = json.loads(json.dumps(DASHBOARDS[name]().build(), cls=JSONEncoder))
    for number, panel in enumerate(content["panels"], start=1):
        # Without one Grafana makes them up, and a link to a panel leads elsewhere after each load.
        panel["id"] = number
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def compared(written: dict[Path, str]) -> int:
    """1 and a line for each file that is not what the code says; files of no dashboard too."""
    there = {file: file.read_text() for file in TARGET.glob("*.json")}
    drifted = sorted(file for file in written | there if written.get(file) != there.get(file))
    for file in drifted:
        print(
            f"{file.name} is not what tools/dashboards says: run `make dashboards`", file=sys.stderr
        )
    return 1 if drifted else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
