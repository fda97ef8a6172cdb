"""Names and buckets that dashboards elsewhere know (design §8, peers.md §1.6)."""

import pytest
from prometheus_client.metrics_core import Metric

from gateway.parent import JOINS
from tests.fakes.crowded_metrics import crowded_broker, crowded_gateway

FAMILIES: dict[str, Metric] = {
    family.name: family
    for registry in (crowded_gateway(accounts=40).registry, crowded_broker().registry)
    for family in registry.collect()
}
BUCKETS: dict[str, list[float]] = {
    "gen_ai_server_request_duration_seconds": [
        *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    ],
    "gen_ai_server_time_to_first_token_seconds": [
        *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
        *(15, 20, 30, 45, 60),
    ],
    "gen_ai_server_time_per_output_token_seconds": [
        *(0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5)
    ],
    "gen_ai_client_token_usage": [
        *(1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304),
        *(16777216, 67108864),
    ],
    "gateway_overhead_seconds": [
        *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25)
    ],
}
NAMES = {
    "grpc_server_started",
    "grpc_server_handled",
    "grpc_server_handling_seconds",
    "copilot_token_requests",
    "copilot_token_exchanges",
    "copilot_token_exchange_seconds",
    "copilot_token_expiry_timestamp_seconds",
    "copilot_token_generation",
    "copilot_token_followers",
    "copilot_token_lock_takeovers",
    "copilot_store_up",
    "copilot_account_state",
    "gateway_requests",
    "gateway_failovers",
    "gateway_account_state",
    "gateway_inflight",
    "gateway_waiting",
    "gateway_rejections",
    "gateway_initiator",
    "gateway_stream_ends",
    "gateway_usage_journal_pending",
    "gateway_credits",
    "gateway_config_reload_failures",
}


@pytest.mark.parametrize("name", BUCKETS)
def test_buckets_are_the_fields_own(name: str) -> None:
    ends = {sample.labels["le"] for sample in FAMILIES[name].samples if "le" in sample.labels}
    assert sorted(map(float, ends)) == [*BUCKETS[name], float("inf")]


def test_no_name_is_missing() -> None:
    assert set(FAMILIES) >= NAMES


def test_what_workers_say_of_the_same_thing_is_not_added_up() -> None:
    """A gauge is each worker's own, and summed, or of what they share, and has a join."""
    gauges = {
        name
        for name, family in FAMILIES.items()
        if family.type == "gauge" and name.startswith("gateway_")
    }
    added_up = {"gateway_inflight", "gateway_waiting", "gateway_usage_journal_pending"}
    assert gauges == added_up | set(JOINS)
