"""docs/simulator.md says everything there is to say to the simulator, and its examples work."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from pydantic import BaseModel

from simulator.endpoints.answering import unknown_refusals
from simulator.scenario.accounts import Plan, Seat
from simulator.scenario.document import Scenario
from simulator.scenario.faults import Endpoint
from simulator.scenario.reading import parse_scenario
from simulator.state.ledger import Entry, Outcome
from simulator.web.control import CONTROL_ROUTES
from simulator.wire.capi_refusals import REFUSALS

TEXT = Path("docs/simulator.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"[A-Za-z_0-9]+", " ".join(re.findall(r"`[^`\n]+`", TEXT))))
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def settings(part: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    if part in seen:
        return set()
    seen.add(part)
    names = set(part.model_fields)
    for field in part.model_fields.values():
        for inner in re.findall(r"simulator\.scenario\.(\w+)\.(\w+)", str(field.annotation)):
            kind = getattr(__import__(f"simulator.scenario.{inner[0]}", fromlist=["x"]), inner[1])
            if issubclass(kind, BaseModel):
                names |= settings(kind, seen)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names |= settings(field.annotation, seen)
    return names


@pytest.mark.parametrize(
    "name",
    sorted(
        (settings(Scenario, set()) - {"description", "seed"})
        | set(REFUSALS)
        | {*Seat, *Plan, *Endpoint, *Outcome}
        | {field.name for field in fields(Entry)}
    ),
)
def test_every_word_is_documented(name: str) -> None:
    """Settings and faults, refusals, seats, endpoints, outcomes and fields of the ledger."""
    assert name in CODE or f"{name}:" in "".join(EXAMPLES)


@pytest.mark.parametrize(("method", "path"), sorted(CONTROL_ROUTES))
def test_every_control_route_is_documented_with_an_example(method: str, path: str) -> None:
    wanted = re.escape(f"`{method} {path}`").replace(r"\*", r"\{\w+\}")
    assert re.search(wanted, TEXT)
    example = re.escape(path.replace("/_simulator", "$S")).replace(r"\*", r"[\w-]+")
    assert re.search(example + r"\b", TEXT)


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_is_a_valid_scenario(example: str) -> None:
    parse_scenario(example, unknown_refusals)


@pytest.mark.parametrize("path", sorted(Path("simulator/scenarios").glob("*.yaml")))
def test_every_shipped_scenario_is_listed(path: Path) -> None:
    assert f"`{path.name}`" in TEXT
