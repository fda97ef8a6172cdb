"""Metrics, dashboards, alerts and runbooks are one thing (docs/decisions/0022), both ways."""

import re
from collections.abc import Iterable

import pytest
import yaml
from prometheus_client.metrics_core import Metric

from tests.fakes.crowded_metrics import crowded_broker, crowded_gateway
from tests.servers.deployed import K8S, alerts, metrics_in, queries, rules
from tests.servers.process import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
FAMILIES: list[Metric] = [
    *crowded_gateway(accounts=40).registry.collect(),
    *crowded_broker().registry.collect(),
]
RECORDED = {rule["record"] for rule in rules() if "record" in rule}
ON_NO_DASHBOARD: dict[str, str] = {}
"""By family: why no dashboard and no alert has it."""


def sample_names(family: Metric) -> set[str]:
    """The names a query may use."""
    match family.type:
        case "counter":
            return {family.name + "_total"}
        case "histogram":
            return {family.name + end for end in ("_bucket", "_sum", "_count")}
        case _:
            return {family.name}


def asked_for(exprs: Iterable[str]) -> set[str]:
    return {name for expr in exprs for name in metrics_in(expr)}


EXPRESSIONS = [*(query.expr for query in queries()), *(rule["expr"] for rule in rules())]


def test_every_query_and_rule_asks_for_metrics_that_exist() -> None:
    known = {name for family in FAMILIES for name in sample_names(family)}
    assert asked_for(EXPRESSIONS) <= known | RECORDED


def test_every_metric_is_on_a_dashboard_or_in_an_alert() -> None:
    asked = asked_for(EXPRESSIONS)
    unseen = {family.name for family in FAMILIES if not sample_names(family) & asked}
    assert unseen == set(ON_NO_DASHBOARD)


def test_every_recorded_series_is_used() -> None:
    assert asked_for(EXPRESSIONS) >= RECORDED


def test_every_label_a_query_names_is_one_of_its_metric() -> None:
    labels = {
        name: {label for sample in family.samples for label in sample.labels}
        for family in FAMILIES
        for name in sample_names(family)
    }
    of_targets = {"namespace", "job", "instance"}
    for expr in EXPRESSIONS:
        for name, matchers in re.findall(r"([a-z0-9_:]+)\{([^}]*)\}", expr):
            wanted = set(re.findall(r"(\w+)(?:=~|!~|!=|=)", matchers)) - of_targets
            assert wanted <= labels.get(name, set()), expr
        for listed in re.findall(r"\bby \(([^)]*)\)", expr):
            wanted = {each.strip() for each in listed.split(",")} - of_targets
            found = set().union(*(labels.get(name, set()) for name in metrics_in(expr)))
            assert wanted <= found, expr


def test_every_label_value_a_query_names_exists() -> None:
    """A reason that was renamed would leave its alert silent for good."""
    values: dict[tuple[str, str], set[str]] = {}
    for family in FAMILIES:
        for sample in family.samples:
            for label, value in sample.labels.items():
                values.setdefault((sample.name, label), set()).add(value)
    for expr in EXPRESSIONS:
        for name, label, operator, value in re.findall(
            r'([a-z0-9_]+)\{[^}]*?\b(reason|outcome|le|initiator|gen_ai_token_type)(=~?|!~)"([^"]+)"',
            expr,
        ):
            known = values[name, label]
            if operator == "=":
                assert value in known, expr
            else:
                for each in re.sub(r"[()]", "", value).split("|"):
                    assert any(re.match(each, one) for one in known), (each, expr)


def test_every_alert_has_a_runbook_and_every_runbook_an_alert() -> None:
    match = re.search(r"^## Alerts\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None
    sections = re.split(r"^### ", match[1], flags=re.MULTILINE)[1:]
    headings = {text.split("\n", 1)[0]: text for text in sections}
    assert set(headings) == set(alerts())
    for name, text in headings.items():
        for said in ("**Means**", "**Callers see**", "**Do**"):
            assert said in " ".join(text.split()), (name, said)


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_bad_it_is_what_it_means_and_where_to_read_on(name: str) -> None:
    alert = alerts()[name]
    assert alert["labels"]["severity"] in {"critical", "warning"}
    assert alert["labels"]["service"] in {"gateway", "token_service"}
    notes = alert["annotations"]
    assert set(notes) == {"summary", "description", "runbook_url"}
    assert notes["summary"].endswith(".")
    assert notes["description"].endswith(".")
    assert notes["runbook_url"].endswith(f"/operations.md#{name.lower()}")


@pytest.mark.parametrize("name", alerts())
def test_what_an_alert_fills_in_is_a_label_it_has(name: str) -> None:
    """Read from the alert's own test: its series has the labels that are left."""
    filled = set(re.findall(r"\$labels\.(\w+)", str(alerts()[name]["annotations"])))
    fired = "".join(file.read_text() for file in (ROOT / "tests" / "rules").glob("*.yaml"))
    for labels in re.findall(rf"ALERTS\{{(alertname=\"{name}\", [^}}]*severity=[^}}]*)\}}'", fired):
        assert filled <= set(re.findall(r"(\w+)=", labels))


def test_dashboards_are_named_in_the_docs() -> None:
    match = re.search(r"^## Dashboards\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL)
    assert match is not None
    named = {name.lower() for name in re.findall(r"^\| ([A-Z]\w+) \|", match[1], re.MULTILINE)}
    assert named == {file.stem for file in (K8S / "dashboards").glob("*.json")}


def test_monitors_look_at_ports_the_services_have() -> None:
    services = {}
    for file in (K8S / "base").glob("*/service.yaml"):
        service = yaml.safe_load(file.read_text())
        services[service["metadata"]["name"]] = service
    monitors = K8S / "components" / "service-monitor" / "service-monitor.yaml"
    seen = set()
    for monitor in yaml.safe_load_all(monitors.read_text()):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        for name, service in services.items():
            if wanted <= service["metadata"]["labels"].items():
                ports = {port["name"] for port in service["spec"]["ports"]}
                assert {each["port"] for each in monitor["spec"]["endpoints"]} <= ports
                seen.add(name)
    assert seen == set(services)
