"""Accounts' quotas as series: one a quota of an account, and few where accounts are many."""

from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.quota_gauges import MAX_DETAIL_SERIES, MAX_QUOTA_SERIES
from gateway.domain.quotas import Quota


def quota(name: str = "premium_models", percent: float = 29.7, entitlement: float = 300) -> Quota:
    return Quota(name, entitlement, percent, overage=2.5, resets_at=1_796_083_200.0)


def series(events: PrometheusEvents) -> dict[tuple[str, str, str], float]:
    return {
        (sample.name, sample.labels["account"], sample.labels["quota"]): sample.value
        for family in events.registry.collect()
        for sample in family.samples
        if sample.name.startswith("gateway_account_quota_")
    }


def named(what: str, account: str = "seat-1", name: str = "premium_models") -> tuple[str, str, str]:
    return f"gateway_account_quota_{what}", account, name


def test_a_quota_is_four_series() -> None:
    events = PrometheusEvents()
    events.quota_seen("seat-1", (quota(),))
    assert series(events) == {
        named("remaining_percent"): 29.7,
        named("entitlement"): 300,
        named("overage"): 2.5,
        named("reset_timestamp_seconds"): 1_796_083_200.0,
    }


def test_an_unlimited_one_is_two() -> None:
    events = PrometheusEvents()
    events.quota_seen("seat-1", (quota(percent=100.0, entitlement=-1),))
    assert series(events) == {named("remaining_percent"): 100.0, named("entitlement"): -1}


def test_what_is_not_told_again_stays() -> None:
    events = PrometheusEvents()
    events.quota_seen("seat-1", (quota("chat"), quota("weekly")))
    events.quota_seen("seat-1", (quota("weekly", -3.0),))
    seen = series(events)
    assert seen[named("remaining_percent", name="chat")] == 29.7
    assert seen[named("remaining_percent", name="weekly")] == -3.0


def test_an_account_that_is_gone_leaves_no_series() -> None:
    events = PrometheusEvents()
    events.quota_seen("seat-1", (quota(),))
    events.quota_seen("seat-1", ())
    assert series(events) == {}


def test_of_many_accounts_there_is_the_lowest() -> None:
    events = PrometheusEvents()
    for number in range(MAX_QUOTA_SERIES):
        events.quota_seen(f"seat-{number}", (quota(percent=50 + number),))
    assert len(series(events)) == MAX_QUOTA_SERIES
    events.quota_seen("one-more", (quota(percent=-7.0), quota("chat", 80.0)))
    assert series(events) == {
        named("remaining_percent", ""): -7.0,
        named("remaining_percent", "", "chat"): 80.0,
    }


def test_what_rarely_changes_is_told_of_fewer_accounts() -> None:
    events = PrometheusEvents()
    for number in range(MAX_DETAIL_SERIES):
        events.quota_seen(f"seat-{number}", (quota(),))
    assert len(series(events)) == 4 * MAX_DETAIL_SERIES
    events.quota_seen("one-more", (quota(),))
    assert len(series(events)) == MAX_DETAIL_SERIES + 1
