"""At most 5,000 series a process, whatever the configuration and the callers bring (design §8)."""

import re
from collections import Counter
from collections.abc import Callable

import pytest
from prometheus_client import CollectorRegistry

from tests.fakes.crowded_metrics import crowded_broker, crowded_gateway
from token_service.adapters.held_metrics import MOST_ACCOUNTS
from token_service.adapters.prometheus import MOST_QUOTA_ACCOUNTS

MOST_SERIES = 5000
REGISTRIES: dict[str, Callable[[], CollectorRegistry]] = {
    "gateway": lambda: crowded_gateway().registry,
    "token_service": lambda: crowded_broker().registry,
    "token_service with quotas": lambda: crowded_broker(MOST_QUOTA_ACCOUNTS).registry,
}


def series(registry: CollectorRegistry) -> int:
    return sum(len(family.samples) for family in registry.collect())


@pytest.mark.parametrize("service", REGISTRIES)
def test_a_process_has_no_more_series_than_may_be(service: str) -> None:
    assert 3000 < series(REGISTRIES[service]()) <= MOST_SERIES


def test_more_accounts_groups_and_models_make_no_more_series() -> None:
    crowd = series(crowded_gateway(accounts=201).registry)
    assert series(crowded_gateway(accounts=1000, groups=200, models=200).registry) <= crowd
    assert series(crowded_broker(MOST_ACCOUNTS + 1).registry) < 600


def test_no_label_names_a_key_or_what_a_caller_made_up() -> None:
    names = {
        label
        for build in REGISTRIES.values()
        for family in build().collect()
        for sample in family.samples
        for label in sample.labels
    }
    assert names == {
        *("account", "code", "error_type", "from", "group", "holder", "initiator", "kind", "le"),
        *("measure", "outcome", "platform", "quota", "reason", "route", "rule", "shadow", "source"),
        *("state", "gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"),
        *("gen_ai_token_type", "grpc_code", "grpc_method", "grpc_service", "grpc_type"),
    }


def test_the_biggest_families_are_those_by_model() -> None:
    """Where there is little room it has to go to what is asked for most."""
    text = crowded_gateway().render().decode()
    sizes = Counter(re.findall(r"^(gen_ai|gateway)_", text, re.MULTILINE))
    assert sizes["gen_ai"] > sizes["gateway"]
