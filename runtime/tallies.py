"""Metrics as plain numbers, turned into samples at the scrape: for what every request does.

prometheus_client takes a lock for each addition, and walks the buckets for each observation. Here
one thread, the event loop's, adds numbers, and the scrape reads them: a sample may be an
observation old, never torn. Labels' values are the callers' to keep few.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString


class Number:
    """The value of one series of a counter or a gauge: whoever has it adds to it."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0


class _Numbers(Collector):
    """A family with a number for each series."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = ()) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._numbers: dict[tuple[str, ...], Number] = {}

    def of(self, *labels: str) -> Number:
        """The series with these values; whoever adds to it often keeps it."""
        number = self._numbers.get(labels)
        if number is None:
            number = self._numbers[labels] = Number()
        return number

    def _filled(self, family: CounterMetricFamily | GaugeMetricFamily) -> Iterator[Metric]:
        for labels, number in dict(self._numbers).items():
            family.add_metric(labels, number.value)
        yield family


class TallyCounter(_Numbers):
    """A counter family."""

    def collect(self) -> Iterator[Metric]:
        """The family as it is now."""
        return self._filled(
            CounterMetricFamily(self._name, self._documentation, labels=self._labels)
        )


class TallyGauge(_Numbers):
    """A gauge family."""

    def collect(self) -> Iterator[Metric]:
        """The family as it is now."""
        return self._filled(GaugeMetricFamily(self._name, self._documentation, labels=self._labels))


class Tally:
    """The numbers of one series. counts: one per bucket, not cumulated."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """One observation."""
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class TallyHistogram(Collector):
    """A histogram family. bounds: upper ends of its buckets, inclusive, rising."""

    def __init__(
        self, name: str, documentation: str, labels: Sequence[str], bounds: Sequence[float]
    ) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._bounds = tuple(bounds)
        self._words = bucket_words(bounds)
        self._tallies: dict[tuple[str, ...], Tally] = {}

    def of(self, *labels: str) -> Tally:
        """The series with these values; whoever adds to it often keeps it."""
        tally = self._tallies.get(labels)
        if tally is None:
            tally = self._tallies[labels] = Tally(self._bounds)
        return tally

    def collect(self) -> Iterator[Metric]:
        """The family as it is now."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self._labels)
        for labels, tally in dict(self._tallies).items():
            family.add_metric(labels, cumulated(self._words, tuple(tally.counts)), tally.total)
        yield family


def bucket_words(bounds: Sequence[float]) -> list[str]:
    """The label `le` of each bucket; the last one has no end."""
    words = [floatToGoString(bound) for bound in bounds]  # type: ignore[no-untyped-call]
    return [*words, "+Inf"]


def cumulated(words: Sequence[str], counts: Sequence[int]) -> list[tuple[str, float]]:
    """Each bucket with all that is in it and in those before it, as the text format has them."""
    total = 0
    buckets = []
    for word, count in zip(words, counts, strict=True):
        total += count
        buckets.append((word, float(total)))
    return buckets
