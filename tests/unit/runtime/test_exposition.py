"""A scrape's text: what the library writes, in pieces."""

import time

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from runtime import exposition
from tests.fakes.crowded_metrics import crowded_broker, crowded_gateway


def a_registry() -> CollectorRegistry:
    registry = CollectorRegistry()
    Gauge("up", 'A "quoted"\\ text\nof two lines.', registry=registry).set(float("inf"))
    calls = Counter("calls", "Calls.", ("z", "a"), registry=registry)
    calls.labels('"quoted"', "back\\slash\nand a line").inc(1e6)
    Histogram("seconds", "Time.", buckets=(0.005, 1), registry=registry).observe(0.1)
    return registry


@pytest.mark.parametrize(
    "registry",
    [a_registry(), crowded_gateway().registry, crowded_broker().registry, CollectorRegistry()],
    ids=["escapes", "gateway", "token_service", "empty"],
)
def test_it_is_what_the_library_writes(registry: CollectorRegistry) -> None:
    assert exposition.exposition(registry) == generate_latest(registry)


def test_the_loop_gets_its_turn_after_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    registry = crowded_gateway().registry
    samples = [len(family.samples) for family in registry.collect()]
    exposition.exposition(registry)
    assert len(pauses) >= sum(samples) / exposition.PIECE
    assert set(pauses) == {exposition.PAUSE_SECONDS}
