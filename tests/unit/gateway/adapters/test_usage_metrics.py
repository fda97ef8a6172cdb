"""Metrics of usage: what a record is counted in, and that callers make up no series."""

import re
from typing import Any

import pytest

from gateway.adapters.label_bounds import MAX_MODELS
from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.usage_metrics import JournalState
from gateway.domain.budgets.holder import Holder, HolderKind
from tests.fakes.usage_records import a_record

TOKENS = "gen_ai_client_token_usage"
PER_TOKEN = "gen_ai_server_time_per_output_token_seconds"
OF_CHAT = {
    "gen_ai_operation_name": "chat",
    "gen_ai_provider_name": "github.copilot",
    "gen_ai_request_model": "gpt-4o-mini",
}


class Metrics:
    """A scrape's view."""

    def __init__(self) -> None:
        self.events = PrometheusEvents()

    def record(self, is_listed: bool = True, **fields: Any) -> None:
        usual: dict[str, Any] = {"input_tokens": 50, "output_tokens": 11, "nano_aiu": 2_500_000_000}
        self.events.usage.recorded(a_record(**{**usual, **fields}), is_listed)

    def sample(self, name: str, **labels: str) -> float | None:
        return self.events.registry.get_sample_value(name, labels)

    def tokens(self, kind: str, part: str = "sum", **labels: str) -> float | None:
        found = {**OF_CHAT, **labels, "gen_ai_token_type": kind}
        return self.sample(f"{TOKENS}_{part}", **found)

    @property
    def text(self) -> str:
        return self.events.render().decode()


def test_tokens_are_counted_by_kind_and_credits_by_group() -> None:
    metrics = Metrics()
    metrics.record(cached_tokens=20, reasoning_tokens=5)
    metrics.record(input_tokens=70, output_tokens=0, nano_aiu=500_000_000)
    assert (metrics.tokens("input"), metrics.tokens("output")) == (120, 11)
    assert metrics.tokens("input", "count") == 2
    assert metrics.sample("gateway_credits_total", group="team") == 3.0


def test_what_cost_nothing_is_counted_nowhere() -> None:
    metrics = Metrics()
    metrics.record(input_tokens=0, output_tokens=0, nano_aiu=None)
    assert metrics.tokens("input", "count") is None
    assert "gateway_credits_total{" not in metrics.text


def test_tokens_without_credits_count_and_credits_without_tokens_too() -> None:
    metrics = Metrics()
    metrics.record(nano_aiu=None)
    metrics.record(input_tokens=0, output_tokens=0)
    assert metrics.tokens("input") == 50
    assert metrics.sample("gateway_credits_total", group="team") == 2.5


def test_embeddings_and_other_platforms_are_called_by_their_names() -> None:
    metrics = Metrics()
    metrics.record(endpoint="/v1/embeddings", output_tokens=0)
    metrics.record(platform="openai")
    assert metrics.tokens("input", gen_ai_operation_name="embeddings") == 50
    assert metrics.tokens("input", gen_ai_provider_name="openai") == 50


@pytest.mark.parametrize("route", ["/v1/responses", "/copilot/v1/messages", "/v1/chat/completions"])
def test_every_conversation_is_a_chat(route: str) -> None:
    metrics = Metrics()
    metrics.record(endpoint=route)
    assert metrics.tokens("input") == 50


def test_time_per_token_is_from_the_first_byte_on_and_of_the_tokens_after_the_first() -> None:
    metrics = Metrics()
    metrics.record(stream=True, first_byte_seconds=0.5, duration_seconds=1.5)
    assert metrics.sample(f"{PER_TOKEN}_sum", **OF_CHAT) == pytest.approx(0.1)
    assert metrics.sample(f"{PER_TOKEN}_count", **OF_CHAT) == 1


@pytest.mark.parametrize(
    "fields",
    [
        {"stream": False},
        {"is_partial": True, "outcome": "client_gone"},
        {"first_byte_seconds": None},
        {"output_tokens": 1},
        {"output_tokens": 0},
    ],
    ids=["whole", "partial", "no first byte", "one token", "no token"],
)
def test_only_streams_that_are_complete_say_how_long_a_token_takes(fields: dict[str, Any]) -> None:
    metrics = Metrics()
    usual = {"stream": True, "first_byte_seconds": 0.5, "duration_seconds": 1.5}
    metrics.record(**{**usual, **fields})
    assert metrics.sample(f"{PER_TOKEN}_count", **OF_CHAT) == 0


def test_what_callers_make_up_is_one_other() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.record(is_listed=False, served_model=f"made-up-{number}")
    models = set(re.findall(r'gen_ai_request_model="([^"]*)"', metrics.text))
    assert models == {"other"}
    assert metrics.tokens("input", "count", gen_ai_request_model="other") == 1000
    assert metrics.text.count(f"{TOKENS}_count{{") == 2


def test_even_of_models_that_are_listed_there_are_not_more_than_so_many() -> None:
    metrics = Metrics()
    for number in range(1000):
        metrics.record(served_model=f"listed-{number}")
    models = set(re.findall(r'gen_ai_request_model="([^"]*)"', metrics.text))
    assert len(models) == MAX_MODELS + 1
    rest = 1000 - MAX_MODELS
    assert metrics.tokens("input", "count", gen_ai_request_model="other") == rest


def test_no_label_names_a_key_an_account_or_a_request() -> None:
    metrics = Metrics()
    metrics.record(key_id="k-canary", account_id="a-canary", request_id="r-canary")
    assert "canary" not in metrics.text


def test_a_used_up_budget_is_counted_by_its_kind() -> None:
    metrics = Metrics()
    usage = metrics.events.usage
    usage.over_budget(Holder(HolderKind.KEY, "ci-bot"), "requests", is_shadow=False)
    usage.over_budget(Holder(HolderKind.KEY, "another"), "requests", is_shadow=False)
    usage.over_budget(Holder(HolderKind.GROUP, "team"), "credits", is_shadow=True)

    def count(holder: str, measure: str, shadow: str) -> float | None:
        labels = {"holder": holder, "measure": measure, "shadow": shadow}
        return metrics.sample("gateway_budget_exceeded_total", **labels)

    assert count("key", "requests", "false") == 2
    assert count("group", "credits", "true") == 1
    assert "ci-bot" not in metrics.text


def test_the_records_own_way_is_counted() -> None:
    metrics = Metrics()
    usage = metrics.events.usage
    usage.shipped(7)
    usage.record_dropped()
    usage.lines_torn(2)
    usage.ledger_is_up(True)
    assert metrics.sample("gateway_usage_records_shipped_total") == 7
    assert metrics.sample("gateway_usage_records_dropped_total") == 1
    assert metrics.sample("gateway_usage_lines_torn_total") == 2
    assert metrics.sample("gateway_ledger_up") == 1
    usage.ledger_is_up(False)
    assert metrics.sample("gateway_ledger_up") == 0


def test_the_journals_state_is_asked_for_at_each_scrape() -> None:
    metrics = Metrics()
    state = {"pending": 1, "bytes": 2, "refused": 3}
    metrics.events.registry.register(
        JournalState(lambda: state["pending"], lambda: state["bytes"], lambda: state["refused"])
    )
    assert metrics.sample("gateway_usage_journal_pending") == 1
    state["pending"] = 10
    assert metrics.sample("gateway_usage_journal_pending") == 10
    assert metrics.sample("gateway_usage_journal_bytes") == 2
    assert metrics.sample("gateway_usage_records_refused_total") == 3
