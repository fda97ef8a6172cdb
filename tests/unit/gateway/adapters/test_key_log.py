"""What is said of keys, in the log and in metrics."""

import logging

import pytest
from prometheus_client import CollectorRegistry

from gateway.adapters.key_log import LoggedKeys


def test_metrics_say_how_many_keys_there_are_and_whether_they_can_be_read() -> None:
    registry = CollectorRegistry()
    events = LoggedKeys(registry)

    def keys(source: str) -> float | None:
        return registry.get_sample_value("gateway_keys", {"source": source})

    assert registry.get_sample_value("gateway_keys_up") == 1
    assert keys("database") == 0
    events.keys_configured(3)
    events.keys_read(5, 4, 1)
    assert (keys("configuration"), keys("database")) == (3, 4)
    events.keys_stale("OperationalError")
    assert registry.get_sample_value("gateway_keys_up") == 0
    assert keys("database") == 4
    events.keys_fresh()
    assert registry.get_sample_value("gateway_keys_up") == 1


def test_a_database_that_stays_away_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    events = LoggedKeys(CollectorRegistry())
    for _ in range(3):
        events.keys_stale("OperationalError")
    events.keys_fresh()
    events.keys_fresh()
    assert [record.message for record in caplog.records] == [
        "keys cannot be read; those known go on",
        "keys can be read again",
    ]
