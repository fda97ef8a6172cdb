"""What deploy/k8s gives to Prometheus and Grafana, taken apart: rules and queries."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from tests.servers.process import ROOT

K8S = ROOT / "deploy" / "k8s"
RULES = K8S / "components" / "prometheus-rules" / "rules.yaml"
DASHBOARDS = sorted((K8S / "dashboards").glob("*.json"))
VARIABLES = {
    "$__rate_interval": "10s",
    "$__range": "1m",
    "$namespace": ".*",
    "$job": ".*",
}
"""What Grafana would put in place of them; every query is evaluated with these."""
METRIC = re.compile(r"\b(?:gateway|gen_ai|copilot|grpc_server)[a-z0-9_:]*")


class Panel(NamedTuple):
    """One query of a dashboard."""

    dashboard: str
    title: str
    expr: str


def rules_file() -> str:
    """The rules as Prometheus itself reads them."""
    return yaml.safe_dump(yaml.safe_load(RULES.read_text())["spec"], sort_keys=False)


def rules_files() -> dict[str, str]:
    """Likewise, a file for each group by its name."""
    groups = yaml.safe_load(RULES.read_text())["spec"]["groups"]
    return {each["name"]: yaml.safe_dump({"groups": [each]}, sort_keys=False) for each in groups}


def rules() -> list[dict[str, Any]]:
    """Every rule, recording ones too."""
    groups = yaml.safe_load(RULES.read_text())["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> dict[str, dict[str, Any]]:
    """Every alert by its name."""
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


def queries() -> list[Panel]:
    """Every query of every dashboard, as it is written."""
    return [
        Panel(file.stem, panel["title"], target["expr"])
        for file in DASHBOARDS
        for panel in panels(file)
        for target in panel.get("targets") or ()
    ]


def panels(file: Path) -> Iterator[dict[str, Any]]:
    """A dashboard's panels without its rows."""
    for panel in json.loads(file.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def substituted(expr: str) -> str:
    """A query with values in place of variables."""
    for name, value in VARIABLES.items():
        expr = expr.replace(name, value)
    return expr


def metrics_in(expr: str) -> set[str]:
    """The names of series an expression asks for."""
    bare = re.sub(r"\{[^}]*\}", "", expr)
    bare = re.sub(r"\b(?:by|on|without|ignoring) \([^)]*\)", "", bare)
    return set(METRIC.findall(bare))
