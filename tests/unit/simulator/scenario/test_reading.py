"""Scenario files: every problem is named, none quotes a value."""

import json
from pathlib import Path

import pytest

from simulator.endpoints.answering import unknown_refusals
from simulator.scenario.document import Scenario
from simulator.scenario.reading import ScenarioError, parse_scenario, read_scenario

SHIPPED = sorted(Path("simulator/scenarios").glob("*.yaml"))


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text, unknown_refusals)
    return caught.value.problems


def test_empty_text_is_the_default_scenario() -> None:
    assert parse_scenario("", unknown_refusals) == Scenario()


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_scenarios_are_valid(path: Path) -> None:
    assert read_scenario(path, unknown_refusals).description


def test_every_problem_is_named() -> None:
    found = problems(
        "acounts: []\n"
        "token: {life_seconds: -1}\n"
        "faults: [{match: {endpoint: chatt}}, {end: {how: explode}}]\n"
        "seed: secret\n"
    )
    assert len(found) == 5
    assert any("acounts: no such setting; did you mean 'accounts'?" in each for each in found)
    assert any(each.startswith("faults[1].end.how:") for each in found)
    assert not any("secret" in each for each in found)


def test_keys_given_twice() -> None:
    assert problems("seed: 1\nseed: 2") == ("line 2: 'seed' is given twice",)


def test_not_yaml() -> None:
    assert problems("a: [") == ("line 1, column 5: not valid YAML",)
    (problem,) = problems("- a")
    assert "valid dictionary" in problem


@pytest.mark.parametrize(
    ("rule", "part"),
    [
        ("{refusal: nonsense}", "faults[0].refusal: no such refusal: nonsense"),
        ("{refusal: unicorn, respond: {}}", "at most one of refusal, seat, respond, error_in_200"),
        ("{nth: 1, times: 2}", "nth cannot be combined"),
        ("{stall: {after_events: 1, after_bytes: 1}}", "not both"),
        ("{writes: {bytes: 1, events: 1}}", "exactly one of"),
        ("{end: {how: finish}}", "finish needs after_events or after_bytes"),
    ],
)
def test_rules_that_contradict_themselves(rule: str, part: str) -> None:
    (problem,) = problems(f"faults: [{rule}]")
    assert part in problem


def test_accounts_that_share_something() -> None:
    assert "same login" in problems("accounts: [{login: a}, {login: a}]")[0]
    shared = "accounts: [{login: a, credentials: [x]}, {login: b, credentials: [x]}]"
    assert "same credential" in problems(shared)[0]
    assert "must contain {n}" in problems("crowd: {login: a}")[0]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="cannot be read"):
        read_scenario(tmp_path / "none.yaml", unknown_refusals)
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(ScenarioError, match="not UTF-8"):
        read_scenario(binary, unknown_refusals)


@pytest.mark.parametrize(
    "fault",
    [
        {"nth": 1, "probability": 0.5},
        {"probability": 1.5},
        {"random_stream_faults": {"kinds": []}},
        {"random_stream_faults": {"kinds": ["nonsense"]}},
        {"random_stream_faults": {}, "end": {"how": "cut"}},
        {"random_stream_faults": {}, "line_ends": "crlf"},
        {"random_stream_faults": {}, "refusal": "unavailable"},
    ],
)
def test_chances_that_contradict_themselves(fault: dict[str, object]) -> None:
    assert problems(f"faults: [{json.dumps(fault)}]")
