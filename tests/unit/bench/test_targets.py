from typing import Any

from bench.__main__ import TITLES
from bench.scenarios import SCENARIOS
from bench.targets import TARGETS, judged


def a_figure(**values: Any) -> dict[str, Any]:
    return {"cpu": 10.0, "added_p99": 100.0, "kib": 1.0, "growth": 1.0, "ratio": 1.0, **values}


def everything() -> dict[str, dict[str, dict[str, Any]]]:
    proxies = ("gateway", "gateway-tls", "nginx", "token_service")
    figures = {name: {proxy: a_figure() for proxy in proxies} for name in TITLES}
    for scenario in SCENARIOS:
        figures[scenario.name] = {proxy: a_figure() for proxy in scenario.proxies}
    return figures


def test_every_target_can_be_judged_by_what_is_measured() -> None:
    assert [verdict.target for verdict in judged(everything())] == list(TARGETS)


def test_what_was_not_measured_is_not_judged() -> None:
    figures = {"whole": {"gateway": a_figure(), "caddy": a_figure()}}
    assert [verdict.target.what for verdict in judged(figures)] == ["CPU per unit, gateway / caddy"]


def test_a_target_is_met_at_its_limit_and_missed_above_it() -> None:
    at_limit = {"whole": {"gateway": a_figure(cpu=90.0), "caddy": a_figure(cpu=100.0)}}
    above = {"whole": {"gateway": a_figure(cpu=91.0), "caddy": a_figure(cpu=100.0)}}
    assert [verdict.is_met for verdict in judged(at_limit)] == [True]
    assert [verdict.is_met for verdict in judged(above)] == [False]


def test_added_latency_is_counted_beside_nginx() -> None:
    figures = {"paced": {"gateway": a_figure(added_p99=1900.0), "nginx": a_figure(added_p99=800.0)}}
    (_, added) = judged(figures)
    assert (added.value, added.is_met) == (1.1, False)
