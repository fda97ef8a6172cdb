"""The rules by promtool: they are valid, and each alert fires when it should and only then."""

from pathlib import Path

import pytest
import yaml

from tests.servers.deployed import alerts, rules_file, rules_files
from tests.servers.process import ROOT
from tests.servers.prometheus_server import needs_promtool, promtool

FILES = sorted((ROOT / "tests" / "rules").glob("*.yaml"))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / "rules.yaml").write_text(rules_file())
    for group, content in rules_files().items():
        (tmp_path / f"{group}.yaml").write_text(content)
    for file in FILES:
        (tmp_path / file.name).write_text(file.read_text())
    return tmp_path


@needs_promtool
def test_the_rules_are_valid(directory: Path) -> None:
    assert "SUCCESS" in promtool("check", "rules", "rules.yaml", directory=directory)


@needs_promtool
@pytest.mark.slow
@pytest.mark.parametrize("file", [file.name for file in FILES])
def test_alerts_fire_when_they_should_and_only_then(directory: Path, file: str) -> None:
    promtool("test", "rules", file, directory=directory)


def test_each_alert_is_seen_to_fire_and_to_stay_quiet() -> None:
    fires: set[str] = set()
    stays_quiet: set[str] = set()
    for file in FILES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            name, does, _ = case["name"].split(" ", 2)
            for asked in case.get("promql_expr_test", ()):
                assert f'alertname="{name}", alertstate="firing"' in asked["expr"], case["name"]
                assert [sample["value"] for sample in asked["exp_samples"]] == [1], case["name"]
                assert does == "fires", case["name"]
                fires.add(name)
            for asked in case.get("alert_rule_test", ()):
                assert (asked["alertname"], asked["exp_alerts"]) == (name, []), case["name"]
                assert does == "is", case["name"]
                stays_quiet.add(name)
    assert fires == stays_quiet == set(alerts())
