import json
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.chart import BARS, CHART, drawn, newest

SVG = "{http://www.w3.org/2000/svg}"


def figures(**cpu: float) -> dict[str, Any]:
    return {"whole": {name: {"cpu": value} for name, value in cpu.items()}}


def bars(picture: str) -> list[float]:
    """The widths, without that of the background."""
    root = ElementTree.fromstring(picture)  # noqa: S314  our own
    return [float(each.attrib["width"]) for each in root.iter(f"{SVG}rect")][1:]


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    assert bars(drawn(figures(nginx=20, gateway=50, caddy=100), "a run")) == [
        BARS / 5,
        BARS / 2,
        BARS,
    ]


def test_a_run_without_a_scenario_has_no_panel_for_it() -> None:
    assert "Paced" not in drawn(figures(nginx=20), "a run")


def test_the_chart_of_the_docs_is_the_newest_record() -> None:
    path = newest()
    if path is None:
        pytest.skip("no full run is recorded in bench/results")
    content = json.loads(path.read_text())
    assert CHART.read_text() == drawn(content["figures"], content["caption"])
