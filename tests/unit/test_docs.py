"""The documentation and the product say the same, both ways."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import BaseModel

from gateway.domain.errors import Fault
from gateway.settings.document import Settings as GatewaySettings
from gateway.web.problems import SHAPES
from gateway.web.routes import MODEL_ROUTES, ROUTES
from runtime import configuration
from tests.fakes.crowded_metrics import crowded_broker, crowded_gateway
from tests.servers.deployed import alerts
from tests.servers.process import ROOT
from token_service.settings.document import Settings as BrokerSettings

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])


def section(page: Path, title: str) -> str:
    """The text of a page from a heading to the next one of its level."""
    match = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", page.read_text(), re.M | re.S)
    assert match, f"{page.name} has no section '{title}'"
    return match[1]


def first_cells(text: str) -> set[str]:
    """What is in backticks in the first cell of each row of a section's tables."""
    rows = re.findall(r"^\| *(`[^|]*?) *\|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def paths(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every setting of a document, lists marked by []."""
    for name, field in model.model_fields.items():
        inner = configuration._innermost_section(field.annotation)
        if inner is None:
            yield prefix + name
        else:
            is_list = configuration._section(field.annotation) is None
            yield from paths(inner, f"{prefix}{name}{'[]' if is_list else ''}.")


@pytest.mark.parametrize(
    ("title", "document"),
    [("token-service.yaml", BrokerSettings), ("gateway.yaml", GatewaySettings)],
)
def test_every_setting_is_documented_and_every_documented_one_exists(
    title: str, document: type[BaseModel]
) -> None:
    assert first_cells(section(DOCS / "configuration.md", title)) == set(paths(document))


def families(registry: CollectorRegistry) -> set[str]:
    return {
        family.name + ("_total" if family.type == "counter" else "")
        for family in registry.collect()
    }


@pytest.mark.parametrize(
    ("title", "registry"),
    [
        ("Metrics of the gateway", crowded_gateway(accounts=40).registry),
        ("Metrics of token_service", crowded_broker().registry),
    ],
)
def test_every_metric_is_documented_and_every_documented_one_exists(
    title: str, registry: CollectorRegistry
) -> None:
    assert first_cells(section(DOCS / "operations.md", title)) == families(registry)


def test_the_labels_that_are_documented_are_those_there_are() -> None:
    page = DOCS / "operations.md"
    rows: dict[str, set[str]] = {}
    for title in ("Metrics of the gateway", "Metrics of token_service"):
        found = re.findall(r"^\| `(\w+)` \| ([\w, ]*)\|", section(page, title), re.MULTILINE)
        rows |= {name: {*labels.replace(" ", "").split(",")} - {""} for name, labels in found}
    for registry in (crowded_gateway(accounts=40).registry, crowded_broker().registry):
        for family in registry.collect():
            name = family.name + ("_total" if family.type == "counter" else "")
            labels = {label for sample in family.samples for label in sample.labels} - {"le"}
            assert rows[name] == labels, name


def test_scaling_names_metrics_alerts_and_settings_that_exist() -> None:
    text = (DOCS / "scaling.md").read_text()
    registries = (crowded_gateway(accounts=40).registry, crowded_broker().registry)
    known = set().union(*map(families, registries))
    named = set(re.findall(r"`((?:gateway|copilot|grpc|gen_ai)_\w+)`", text))
    assert named
    assert named <= known
    said = set(re.findall(r"\b(?:Gateway|Token)[A-Z][a-z]+[A-Z]\w+", text))
    assert said
    assert said <= set(alerts())
    settings = {*paths(GatewaySettings), *paths(BrokerSettings)}
    sections = {path.split(".")[0] for path in settings}
    for path in re.findall(r"`([a-z]+\.[a-z_]+)`", text):
        assert path.split(".")[0] not in sections or path in settings, path


def test_every_error_is_documented_with_its_status_and_code() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (\d+) \| `(\w+)` \|", (DOCS / "http.md").read_text(), re.MULTILINE
    )
    documented = {fault: (int(status), code) for fault, status, code in rows}
    assert documented == {
        fault.value: (SHAPES[fault].status, SHAPES[fault].code) for fault in Fault
    }


def test_every_path_is_documented() -> None:
    documented = first_cells((DOCS / "http.md").read_text())
    for route in (*ROUTES.values(), *MODEL_ROUTES.values()):
        assert route.name in documented


def test_every_command_of_make_that_is_mentioned_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for page in PAGES:
        for words in re.findall(r"`make ([a-z -]+)[`A-Z]", page.read_text()):
            assert set(words.split()) <= targets, f"{page.name}: make {words}"


def test_every_link_between_pages_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_file_the_architecture_names_exists() -> None:
    text = (DOCS / "architecture.md").read_text()
    packages = {
        "token_service": section(
            DOCS / "architecture.md", "token_service: from a credential to a token"
        ),
        "gateway": section(DOCS / "architecture.md", "gateway: one request"),
    }
    assert "A directory is a permission" in text
    for package, block in packages.items():
        for name in re.findall(r"^([a-z_]+(?:/[a-z_]+)?)  +\S", block, re.MULTILINE):
            path = ROOT / package / name
            assert path.with_suffix(".py").exists() or path.is_dir(), f"{package}/{name}"


def test_pages_name_no_decision_that_is_not_there() -> None:
    numbers = {path.name[:4] for path in (DOCS / "decisions").iterdir()}
    sources: list[Any] = [*PAGES, *ROOT.glob("*/*.py"), ROOT / "pyproject.toml"]
    for path in sources:
        for number in re.findall(r"decisions/(\d{4})", path.read_text()):
            assert number in numbers, f"{path}: decision {number}"
