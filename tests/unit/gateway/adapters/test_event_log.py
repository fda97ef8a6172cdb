"""What operators read of events, and that nothing is said too often or at any length."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.prometheus import PrometheusEvents
from gateway.domain import subjects
from gateway.domain.errors import Fault
from gateway.domain.subjects import Kind, Subject
from runtime import logs


@pytest.fixture
def written() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = StringIO()
    logs.setup("info", "json", stream)
    yield stream
    root.handlers[:], root.level = before, level


def lines(written: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in written.getvalue().splitlines()]


def test_an_account_that_is_set_aside_is_named_with_the_reason(written: StringIO) -> None:
    events = LoggedEvents(PrometheusEvents())
    events.set_aside(subjects.seat_model("seat-1", "m" * 500), 30.04, Fault.SEAT_MODEL_RATE_LIMITED)
    (line,) = lines(written)
    assert (line["message"], line["level"]) == ("set aside", "warning")
    assert (line["id"], line["reason"], line["seconds"]) == (
        "seat-1",
        "seat_model_rate_limited",
        30,
    )
    assert len(str(line["model"])) == 100


def test_a_pause_is_in_the_audit(written: StringIO) -> None:
    events = LoggedEvents(PrometheusEvents())
    events.paused(Subject(Kind.GROUP, "team"), True)
    events.paused(Subject(Kind.GROUP, "team"), False)
    found = [(line["logger"], line["message"], line["what"], line["id"]) for line in lines(written)]
    assert found == [
        ("gateway.audit", "paused", "group", "team"),
        ("gateway.audit", "resumed", "group", "team"),
    ]


def test_a_client_wide_refusal_is_an_error_and_a_metric(written: StringIO) -> None:
    metrics = PrometheusEvents()
    events = LoggedEvents(metrics)
    value = {"platform": "copilot"}
    events.client_refused("copilot", True)
    assert metrics.registry.get_sample_value("gateway_client_refused", value) == 1
    events.client_refused("copilot", False)
    assert metrics.registry.get_sample_value("gateway_client_refused", value) == 0
    assert [line["level"] for line in lines(written)] == ["error", "info"]


def test_a_bad_configuration_is_said_once_and_counted_each_time(written: StringIO) -> None:
    metrics = PrometheusEvents()
    events = LoggedEvents(metrics)
    for _ in range(3):
        events.reload_refused(("one", "two"))
    assert [line["problem"] for line in lines(written)] == ["one", "two"]
    assert metrics.registry.get_sample_value("gateway_config_reload_failures_total") == 3
    events.reloaded(())
    events.reload_refused(("one", "two"))
    assert len(lines(written)) == 5


def test_a_large_change_is_one_short_line_and_whole_in_the_audit(written: StringIO) -> None:
    changes = [f"key k{number}" for number in range(1000)]
    LoggedEvents(PrometheusEvents()).reloaded(changes)
    line, *audited = lines(written)
    assert str(line["changes"]).endswith("key k19 and 980 more")
    assert {each["logger"] for each in audited} == {"gateway.audit"}
    assert "; ".join(str(each["changes"]) for each in audited).split("; ") == changes
    assert max(len(str(each["changes"])) for each in audited) < 500


def test_a_reading_that_changes_nothing_is_not_in_the_audit(written: StringIO) -> None:
    LoggedEvents(PrometheusEvents()).reloaded(())
    assert [line["logger"] for line in lines(written)] == ["gateway"]


def test_a_bug_is_said_without_what_it_says(written: StringIO) -> None:
    try:
        raise RuntimeError("the secret")
    except RuntimeError as error:
        LoggedEvents(PrometheusEvents()).reload_crashed(error)
    assert "the secret" not in written.getvalue()
    assert lines(written)[0]["kind"] == "RuntimeError"


def test_the_store_is_said_to_be_up_or_down(written: StringIO) -> None:
    metrics = PrometheusEvents()
    events = LoggedEvents(metrics)
    events.store_down("no answer in time")
    assert metrics.registry.get_sample_value("gateway_store_up") == 0
    events.store_up("valkey 9")
    events.store_evicts("allkeys-lru")
    assert metrics.registry.get_sample_value("gateway_store_up") == 1
    assert [line["level"] for line in lines(written)] == ["error", "info", "error"]
