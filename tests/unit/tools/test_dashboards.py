"""The dashboards: as the code says, complete, and each query bound to the variables."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.deployed import DASHBOARDS, K8S, metrics_in, panels, queries
from tools.dashboards.__main__ import main

NAMES = [file.stem for file in DASHBOARDS]


@pytest.fixture(params=DASHBOARDS, ids=NAMES)
def dashboard(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_what_is_committed_is_what_the_code_says(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0, capsys.readouterr().err


def test_a_difference_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.dashboards.__main__.TARGET", tmp_path)
    assert main([]) == 0
    (tmp_path / "cost.json").write_text("{}")
    (tmp_path / "of-no-code.json").write_text("{}")
    assert main(["--check"]) == 1
    said = capsys.readouterr().err
    assert [line.split()[0] for line in said.splitlines()] == ["cost.json", "of-no-code.json"]


def test_there_are_the_four_of_them() -> None:
    assert NAMES == ["cost", "overview", "seats", "tokens"]
    kustomization = yaml.safe_load((K8S / "dashboards" / "kustomization.yaml").read_text())
    listed = [name for each in kustomization["configMapGenerator"] for name in each["files"]]
    assert sorted(listed) == [file.name for file in DASHBOARDS]
    assert kustomization["generatorOptions"]["labels"] == {"grafana_dashboard": "1"}


def test_every_panel_says_what_it_shows_and_in_what(dashboard: Path) -> None:
    for panel in panels(dashboard):
        assert panel["title"], panel
        assert panel["description"].endswith("."), panel["title"]
        if panel["type"] != "text":
            assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
            assert panel["targets"], panel["title"]
            assert panel["datasource"]["uid"] == "$datasource", panel["title"]


def test_panels_do_not_lie_on_each_other(dashboard: Path) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in json.loads(dashboard.read_text())["panels"]:
        place = panel["gridPos"]
        cells = {
            (column, row)
            for column in range(place["x"], place["x"] + place["w"])
            for row in range(place["y"], place["y"] + place["h"])
        }
        assert max(column for column, _ in cells) < 24, panel["title"]
        assert not cells & taken, panel["title"]
        taken |= cells


def test_the_variables_are_those_the_queries_use(dashboard: Path) -> None:
    content: dict[str, Any] = json.loads(dashboard.read_text())
    names = [variable["name"] for variable in content["templating"]["list"]]
    assert names == ["datasource", "namespace", "job"]


def test_every_query_is_bound_to_the_variables() -> None:
    for query in queries():
        found = [name for name in metrics_in(query.expr) if not name.endswith(":budget")]
        recorded = [name for name in found if ":" in name]
        assert query.expr.count('namespace=~"$namespace"') >= len(found), query
        assert query.expr.count('job=~"$job"') >= len(found) - len(recorded), query


def test_every_dashboard_has_an_address_of_its_own() -> None:
    uids = [json.loads(file.read_text())["uid"] for file in DASHBOARDS]
    assert len(set(uids)) == len(uids)
