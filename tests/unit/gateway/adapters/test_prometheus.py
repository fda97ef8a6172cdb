"""Metrics: labels from closed sets, and no series for what callers make up."""

import re
from typing import Any

from prometheus_client import CollectorRegistry

from gateway.adapters.label_bounds import (
    MAX_FAILOVER_SERIES,
    MAX_GROUPS,
    MAX_MODELS,
    LabelBounds,
)
from gateway.adapters.prometheus import (
    MAX_ACCOUNTS,
    AccountStates,
    PrometheusEvents,
)
from gateway.adapters.request_metrics import RequestMetrics
from gateway.adapters.usage_metrics import MOST_KINDS
from gateway.domain.errors import Fault
from gateway.domain.initiator import BY_DEFAULT, Initiator, Rule, Verdict
from gateway.ports.exchange import Exchange
from tests.fakes.usage_records import a_record


def ended(
    events: PrometheusEvents, model: str, status: int, fault: str = "", is_listed: bool = True
) -> None:
    exchange = Exchange("id", "/v1/chat/completions", 0.0, key="k", group="g", model="an-alias")
    exchange.served_model, exchange.is_listed = model, is_listed
    exchange.verdict, exchange.status, exchange.fault = BY_DEFAULT, status, fault
    exchange.stream, exchange.first_byte_seconds, exchange.upstream_seconds = True, 0.5, 0.4
    events.request_started(exchange)
    events.request_ended(exchange, 1.0)


def models(events: PrometheusEvents) -> set[str]:
    return set(re.findall(r'gen_ai_request_model="([^"]*)"', events.render().decode()))


def test_only_models_of_the_catalogue_become_labels() -> None:
    events = PrometheusEvents()
    ended(events, "made-up-by-a-caller", 404, "caller_model_not_found", is_listed=False)
    ended(events, "taken-by-a-lenient-upstream", 200, is_listed=False)
    ended(events, "gpt-4o", 200)
    ended(events, "gpt-4o", 502, "upstream_unavailable")
    assert models(events) == {"other", "gpt-4o"}


def test_whatever_fits_an_alias_is_counted_as_the_model_it_stands_for() -> None:
    events = PrometheusEvents()
    for number in range(2 * MAX_MODELS):
        text = f"claude-sonnet-4-6-{number}"
        exchange = Exchange("id", "r", 0.0, group="g", model=text, status=200, verdict=BY_DEFAULT)
        exchange.served_model, exchange.is_listed = "claude-sonnet-4.6", True
        events.request_started(exchange)
        events.request_ended(exchange, 1.0)
        record = a_record(requested_model=text, served_model="claude-sonnet-4.6", input_tokens=1)
        events.usage.recorded(record, True)
    ended(events, "gpt-4.1", 200)
    assert models(events) == {"claude-sonnet-4.6", "gpt-4.1"}


def test_a_stream_that_fails_has_begun_with_its_models_first_token() -> None:
    events = PrometheusEvents()
    ended(events, "gpt-4o", 200, "upstream_cut_off")
    lines = events.render().decode().splitlines()
    first = [
        each for each in lines if each.startswith("gen_ai_server_time_to_first_token_seconds_count")
    ]
    assert [each for each in first if each.endswith(" 1.0")] == [
        "gen_ai_server_time_to_first_token_seconds_count"
        '{gen_ai_operation_name="chat",gen_ai_provider_name="",gen_ai_request_model="gpt-4o"} 1.0'
    ]


def test_the_number_of_models_is_bounded() -> None:
    events = PrometheusEvents()
    for number in range(MAX_MODELS + 50):
        ended(events, f"model-{number}", 200)
    assert len(models(events)) == MAX_MODELS + 1


def test_no_label_names_a_key() -> None:
    events = PrometheusEvents()
    ended(events, "gpt-4o", 200)
    assert '"k"' not in events.render().decode()


def test_overhead_leaves_upstreams_time_out() -> None:
    events = PrometheusEvents()
    ended(events, "gpt-4o", 200)
    total = re.search(r"gateway_overhead_seconds_sum (\S+)", events.render().decode())
    assert total is not None
    assert abs(float(total[1]) - 0.1) < 1e-9


def test_what_is_in_flight_goes_up_and_down() -> None:
    events = PrometheusEvents()
    exchange = Exchange("id", "r", 0.0, group="g")
    events.request_started(exchange)
    assert 'gateway_inflight{group="g"} 1.0' in events.render().decode()
    exchange.status = 200
    events.request_ended(exchange, 0.1)
    assert 'gateway_inflight{group="g"} 0.0' in events.render().decode()


def test_each_account_shows_its_state() -> None:
    events = PrometheusEvents()
    events.registry.register(AccountStates(lambda: {"a": "ok", "b": "seat_quota"}))
    text = events.render().decode()
    assert 'gateway_account_state{account="a",state="ok"} 1.0' in text
    assert 'gateway_account_state{account="b",state="seat_quota"} 1.0' in text


def test_many_accounts_are_counted_by_state() -> None:
    events = PrometheusEvents()
    states = {f"seat-{number}": "ok" for number in range(MAX_ACCOUNTS)} | {"ill": "seat_quota"}
    events.registry.register(AccountStates(lambda: states))
    text = events.render().decode()
    assert f'gateway_account_state{{account="",state="ok"}} {MAX_ACCOUNTS}.0' in text
    assert 'gateway_account_state{account="",state="seat_quota"} 1.0' in text
    assert "seat-1" not in text


def test_a_move_names_the_account_it_left_as_long_as_they_are_few() -> None:
    events = PrometheusEvents()
    for number in range(MAX_FAILOVER_SERIES + 5):
        events.failed_over("team", f"seat-{number}", Fault.SEAT_RATE_LIMITED)

    def count(group: str, account: str) -> float | None:
        labels = {"group": group, "from": account, "reason": "seat_rate_limited"}
        return events.registry.get_sample_value("gateway_failovers_total", labels)

    assert count("team", "seat-0") == 1
    assert count("other", "other") == 5
    assert count("team", f"seat-{MAX_FAILOVER_SERIES}") is None


def test_what_goes_up_comes_down_in_the_same_series_however_many_groups() -> None:
    events = PrometheusEvents()
    for number in range(MAX_GROUPS + 3):
        events.request_started(Exchange("id", "r", 0.0, group=f"g{number}"))
    for number in reversed(range(MAX_GROUPS + 3)):
        events.request_ended(Exchange("id", "r", 0.0, group=f"g{number}", status=200), 0.1)
    left = [
        sample.value
        for family in events.registry.collect()
        for sample in family.samples
        if sample.name == "gateway_inflight"
    ]
    assert left == [0.0] * (MAX_GROUPS + 1)


def test_what_an_alert_counts_is_there_before_it_happens() -> None:
    """`increase` of a series that begins with 1 is 0."""
    lines = PrometheusEvents().render().decode().splitlines()
    assert 'gateway_rejections_total{reason="gateway_other"} 0.0' in lines
    assert 'gateway_rejections_total{reason="policy_guessing"} 0.0' in lines
    assert 'gateway_client_refused{platform="copilot"} 0.0' in lines
    assert "gateway_ledger_up 1.0" in lines


def test_an_error_without_a_name_of_its_own_is_counted_as_such() -> None:
    events = PrometheusEvents()
    ended(events, "gpt-4o", 500, "gateway_other")
    text = events.render().decode()
    assert 'gateway_rejections_total{reason="gateway_other"} 1.0' in text


def test_what_callers_make_up_is_not_remembered_either() -> None:
    events = PrometheusEvents()
    requests = RequestMetrics(CollectorRegistry(), LabelBounds())
    for number in range(100):
        exchange = Exchange(
            "id", "r", 0.0, group="g", model=f"made-up-{number}", verdict=BY_DEFAULT
        )
        requests.ended(exchange, 1.0)
        events.usage.recorded(a_record(requested_model=exchange.model, input_tokens=1), False)
    assert len(requests._kinds) == len(events.usage._known) == 1


def test_what_is_forgotten_goes_on_in_the_same_series() -> None:
    registry = CollectorRegistry()
    requests = RequestMetrics(registry, LabelBounds())
    for number in range(2 * MOST_KINDS + 2):
        exchange = Exchange("id", "r", 0.0, group="g", status=200, verdict=BY_DEFAULT)
        exchange.is_listed, exchange.served_model = True, f"model-{number}"
        requests.ended(exchange, 1.0)
    assert len(requests._kinds) <= MOST_KINDS
    count = registry.get_sample_value(
        "gateway_requests_total", {"route": "r", "group": "g", "code": "200"}
    )
    assert count == 2 * MOST_KINDS + 2
    assert count_of_models(registry) == MAX_MODELS + 1


def count_of_models(registry: CollectorRegistry) -> int:
    names = {
        sample.labels.get("gen_ai_request_model")
        for family in registry.collect()
        for sample in family.samples
    }
    return len(names - {None})


def test_requests_that_differ_in_anything_that_is_counted_are_told_apart() -> None:
    """Whatever is a label, or decides what is counted, has a series of its own to grow."""
    usual: dict[str, Any] = {
        "group": "g",
        "served_model": "m",
        "is_listed": True,
        "status": 200,
        "verdict": BY_DEFAULT,
        "platform": "copilot",
        "stream": True,
        "first_byte_seconds": 0.5,
    }
    for other in (
        {"group": "h"},
        {"served_model": "n"},
        {"is_listed": False},
        {"status": 201},
        {"verdict": Verdict(Initiator.AGENT, Rule.DEFAULT)},
        {"verdict": Verdict(Initiator.USER, Rule.CALLER_SAID_USER)},
        {"verdict": None},
        {"platform": "openai"},
        {"upstream_protocol": "embeddings"},
        {"stream": False},
        {"first_byte_seconds": None},
        {"fault": "gateway_other"},
        {"stream_end": "complete"},
    ):
        one, two = counts_of(usual, usual), counts_of(usual, {**usual, **other})
        alone = [counts_of(usual), counts_of({**usual, **other})]
        assert one != two, other
        assert two == {name: alone[0].get(name, 0) + alone[1].get(name, 0) for name in two}, other


def counts_of(*requests: dict[str, Any]) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    metrics = RequestMetrics(registry, LabelBounds())
    for fields in requests:
        metrics.ended(Exchange("id", "r", 0.0, **fields), 1.0)
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in registry.collect()
        for sample in family.samples
    }
