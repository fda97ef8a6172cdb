"""Tallies are scraped as prometheus_client's own metrics would be."""

import math
import random
from collections.abc import Sequence

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from runtime.tallies import TallyCounter, TallyGauge, TallyHistogram

LABELS = ("model", "kind")
BUCKETS = (0.001, 0.01, 0.5, 1, 2.5, 4**13)
SERIES = (("gpt", "input"), ("gpt", "output"), ('a "quoted\\" name\nof two lines', ""))


def ours(observed: Sequence[tuple[tuple[str, ...], float]]) -> str:
    histogram = TallyHistogram("tokens", "What it is.", LABELS, BUCKETS)
    for labels, value in observed:
        histogram.of(*labels).add(value)
    registry = CollectorRegistry()
    registry.register(histogram)
    return generate_latest(registry).decode()


def theirs(observed: Sequence[tuple[tuple[str, ...], float]]) -> str:
    registry = CollectorRegistry()
    histogram = Histogram("tokens", "What it is.", LABELS, buckets=BUCKETS, registry=registry)
    for labels, value in observed:
        histogram.labels(*labels).observe(value)
    lines = generate_latest(registry).decode().splitlines(keepends=True)
    return "".join(line for line in lines if "_created" not in line)


def test_the_text_is_that_of_a_histogram() -> None:
    luck = random.Random(7)  # noqa: S311  the same every time
    observed = [(luck.choice(SERIES), luck.uniform(0, 4)) for _ in range(500)]
    assert ours(observed) == theirs(observed)


@pytest.mark.parametrize("value", [0, 0.001, 0.0010001, 0.5, 2.5, 4**13, 4**13 + 1, -1.0, math.inf])
def test_a_value_is_in_the_bucket_that_it_is_the_end_of(value: float) -> None:
    observed = [(SERIES[0], value)]
    assert ours(observed) == theirs(observed)


def test_a_series_without_observations_is_there_with_zeros() -> None:
    histogram = TallyHistogram("tokens", "What it is.", LABELS, BUCKETS)
    histogram.of("gpt", "input")
    registry = CollectorRegistry()
    registry.register(histogram)
    assert registry.get_sample_value("tokens_count", {"model": "gpt", "kind": "input"}) == 0


def test_without_any_series_only_its_name_is_there() -> None:
    assert ours([]) == theirs([])


def test_the_same_labels_are_the_same_series() -> None:
    histogram = TallyHistogram("tokens", "What it is.", LABELS, BUCKETS)
    assert histogram.of("gpt", "input") is histogram.of("gpt", "input")
    assert histogram.of("gpt", "input") is not histogram.of("gpt", "output")


@pytest.mark.parametrize(
    ("tally", "metric"), [(TallyCounter, Counter), (TallyGauge, Gauge)], ids=["counter", "gauge"]
)
def test_the_text_is_that_of_a_counter_or_a_gauge(
    tally: type[TallyCounter | TallyGauge], metric: type[Counter | Gauge]
) -> None:
    registry, theirs = CollectorRegistry(), CollectorRegistry()
    numbers = tally("answers", "What it is.", LABELS)
    registry.register(numbers)
    known = metric("answers", "What it is.", LABELS, registry=theirs)
    for labels, value in ((SERIES[0], 1), (SERIES[1], 0.25), (SERIES[2], 0), (SERIES[0], 2)):
        numbers.of(*labels).value += value
        known.labels(*labels).inc(value)
    lines = generate_latest(theirs).decode().splitlines(keepends=True)
    assert generate_latest(registry).decode() == "".join(
        line for line in lines if "_created" not in line
    )


def test_a_histogram_without_labels_is_one_series() -> None:
    histogram = TallyHistogram("tokens", "What it is.", (), BUCKETS)
    histogram.of().add(0.5)
    registry = CollectorRegistry()
    registry.register(histogram)
    assert registry.get_sample_value("tokens_sum") == 0.5
    assert registry.get_sample_value("tokens_bucket", {"le": "0.5"}) == 1
