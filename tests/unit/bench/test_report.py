import json
from pathlib import Path

import pytest

from bench import report
from bench.rounds import Round, figure_of
from bench.targets import judged


def a_figure(counts: bool = True) -> dict[str, object]:
    one = Round(50.0, 1.0, counts, per_second=20_000.0, p50=900.0, p99=2000.0)
    figure = figure_of([one])
    return {name: getattr(figure, name) for name in figure.__dataclass_fields__}


def lines(figure: dict[str, object]) -> list[str]:
    return list(report.table({"whole": "whole answers"}, {"whole": {"gateway": figure}}))


def test_a_figure_that_no_round_counts_for_is_marked() -> None:
    assert "NOT SATURATED" not in lines(a_figure())[-1]
    assert "NOT SATURATED" in lines(a_figure(counts=False))[-1]


def test_a_missed_target_stands_out() -> None:
    figures = {"whole": {"gateway": {"cpu": 100.0}, "caddy": {"cpu": 100.0}}}
    assert list(report.against_targets(judged(figures)))[-1].endswith("NOT MET")


def test_a_record_holds_figures_targets_and_how_they_were_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "RESULTS", tmp_path / "results")
    figures = {"whole": {"gateway": {"cpu": 80.0}, "caddy": {"cpu": 100.0}}}
    path = report.save(
        "all", {"cpu": "some"}, {"rounds": 7}, {"nginx": "x"}, figures, judged(figures)
    )
    content = json.loads(path.read_text())
    assert path.name.endswith("-all.json")
    assert content["figures"] == figures
    assert [(each["measured"], each["met"]) for each in content["targets"]] == [(0.8, True)]
    assert (content["options"], content["configurations"]) == ({"rounds": 7}, {"nginx": "x"})
    assert "some" in content["caption"]
