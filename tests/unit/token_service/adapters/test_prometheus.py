"""The metrics' names and labels (design §8)."""

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.token_source import grant
from tests.fakes.token_store import FakeTokenStore, token_of
from token_service.adapters.held_metrics import MOST_ACCOUNTS, HeldCollector
from token_service.adapters.prometheus import PrometheusEvents
from token_service.domain.errors import GitHubUnavailable, NoCopilotAccess
from token_service.domain.failures import Failure
from token_service.domain.holding import Held
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import AccountChanges, AccountId

SEAT, OTHER = AccountId("seat-1"), AccountId("seat-2")
TOKEN = token_of(SEAT, grant(value="tid=secret"), 5, 1000.0, 1500.0)


def events(count: int = 1) -> PrometheusEvents:
    names = [AccountId(f"seat-{number}") for number in range(1, count + 1)]
    store = FakeTokenStore()
    store.seen[SEAT] = Held(TOKEN)
    made = PrometheusEvents(names)
    made.registry.register(HeldCollector(names, store, FakeClock()))
    made.served(SEAT, "memory")
    made.took_over(SEAT)
    made.rejected_upstream(SEAT, "id", "tid=secret", 1)
    made.superseded(SEAT, 0.3)
    made.store_up("valkey 9")
    made.record_refused(SEAT, RecordRefusal.UNKNOWN_KEY)
    made.followed()
    made.exchanged(TOKEN, 0.3)
    made.failed(SEAT, Failure(GitHubUnavailable("x"), 1, 0.0), 0.3, living=False)
    labels = ("unary", "token_service.v1.TokenService", "GetCopilotToken")
    made.calls.started(labels)
    made.calls.ended(labels, "OK", 0.001)
    return made


@pytest.mark.parametrize(
    "sample",
    [
        'copilot_token_requests_total{account="seat-1",source="memory"} 1.0',
        'copilot_token_exchanges_total{account="seat-1",outcome="ok"} 1.0',
        'copilot_token_exchanges_total{account="seat-1",outcome="github_unavailable"} 1.0',
        "copilot_token_exchange_seconds_count 3.0",
        'copilot_token_expiry_timestamp_seconds{account="seat-1"} 1.7950018e+09',
        'copilot_token_generation{account="seat-1"} 5.0',
        "copilot_token_followers_total 1.0",
        "copilot_token_lock_takeovers_total 1.0",
        "copilot_store_up 1.0",
        'copilot_store_records_refused_total{reason="unknown_key"} 1.0',
        'copilot_token_rejections_total{account="seat-1"} 1.0',
        'copilot_token_exchanges_total{account="seat-1",outcome="superseded"} 1.0',
        'copilot_account_state{account="seat-1",state="ready"} 1.0',
        'copilot_account_state{account="seat-1",state="failed"} 0.0',
        'grpc_server_started_total{grpc_method="GetCopilotToken",'
        'grpc_service="token_service.v1.TokenService",grpc_type="unary"} 1.0',
        'grpc_server_handled_total{grpc_code="OK",grpc_method="GetCopilotToken",'
        'grpc_service="token_service.v1.TokenService",grpc_type="unary"} 1.0',
        'grpc_server_handling_seconds_count{grpc_method="GetCopilotToken",'
        'grpc_service="token_service.v1.TokenService",grpc_type="unary"} 1.0',
    ],
)
def test_dashboards_find_what_they_know(sample: str) -> None:
    assert sample in events().render().decode().splitlines()


def test_no_token_is_in_the_metrics() -> None:
    assert b"secret" not in events().render()


def test_many_accounts_are_counted_by_state() -> None:
    """Labels stay few however many accounts there are (design §8)."""
    text = events(MOST_ACCOUNTS + 1).render().decode()

    assert 'account="seat-' not in text
    assert 'copilot_account_state{account="all",state="ready"} 1.0' in text
    assert f'copilot_account_state{{account="all",state="idle"}} {float(MOST_ACCOUNTS)}' in text


def test_the_most_series_stay_in_bounds() -> None:
    assert len(events(MOST_ACCOUNTS).render().splitlines()) < 5000


def test_a_removed_account_takes_its_series_with_it() -> None:
    """Otherwise every account that ever was would stay a label."""
    made = events(2)
    other = AccountId("seat-2")
    made.reloaded(AccountChanges(removed=(SEAT,)), [other])
    made.served(SEAT, "exchange")
    made.served(other, "memory")
    text = made.render().decode()

    assert 'copilot_token_requests_total{account="seat-1"' not in text
    assert 'copilot_token_requests_total{account="all",source="exchange"} 1.0' in text
    assert 'copilot_token_requests_total{account="seat-2",source="memory"} 1.0' in text


def test_labels_become_sums_when_the_accounts_become_many() -> None:
    made = events()
    many = [AccountId(f"seat-{number}") for number in range(1, MOST_ACCOUNTS + 2)]
    made.reloaded(AccountChanges(added=tuple(many[1:])), many)
    made.served(SEAT, "memory")
    text = made.render().decode()

    assert 'copilot_token_requests_total{account="seat-1"' not in text
    assert 'copilot_token_requests_total{account="all",source="memory"} 1.0' in text


def test_a_refused_reading_is_counted() -> None:
    made = events()
    made.reload_refused(["a: required", "b: required"])
    made.reload_crashed(RuntimeError())

    assert b"copilot_config_reload_failures_total 2.0" in made.render()


def test_the_collector_follows_the_accounts() -> None:
    store = FakeTokenStore()
    collector = HeldCollector([SEAT], store, FakeClock())
    collector.follow([AccountId("seat-2")])
    accounts = {
        sample.labels["account"] for family in collector.collect() for sample in family.samples
    }

    assert accounts == {"seat-2"}


def test_an_account_that_needs_a_person_raises_an_alert() -> None:
    """Upstream refuses new tokens, or GitHub names abuse or billing (copilot-upstream.md §3.4)."""
    store = FakeTokenStore()
    refusal = NoCopilotAccess("x", metadata={"notification_id": "billing_locked"})
    store.seen[SEAT] = Held(TOKEN, rejected_at=0.0, strikes=3)
    store.seen[OTHER] = Held(None, Failure(refusal, 1, 0.0))
    made = PrometheusEvents([SEAT, OTHER])
    made.registry.register(HeldCollector([SEAT, OTHER], store, FakeClock()))
    lines = made.render().decode().splitlines()

    assert 'copilot_account_alert{account="seat-1",kind="rejected_upstream"} 1.0' in lines
    assert 'copilot_account_alert{account="seat-2",kind="retries_stopped"} 1.0' in lines
    store.seen.clear()
    assert b"copilot_account_alert{" not in made.render()
