"""What is counted in every call as plain numbers, turned into metrics at the scrape.

prometheus_client takes a lock and several calls for each addition, which together cost a call
from memory a tenth of its time. Numbers are added to by one thread, the event loop's, and read
by the scrape's: a sample may be a call old, never torn.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from runtime import tallies
from runtime.tallies import bucket_words, cumulated

CALL_LABELS = ("grpc_type", "grpc_service", "grpc_method")
Labels = tuple[str, str, str]


class TallyCounter(tallies.TallyCounter):
    """A counter family whose series may go again. Labels' values are the callers' to keep few."""

    def add(self, labels: tuple[str, ...]) -> None:
        """One more."""
        number = self._numbers.get(labels) or self.of(*labels)
        number.value += 1

    def has_room(self, labels: tuple[str, ...], most: int) -> bool:
        """Whether these are counted already, or one more series stays within so many."""
        return labels in self._numbers or len(self._numbers) < most

    def remove_by_labels(self, labels: Mapping[str, str]) -> None:
        """Drop the series with these values, as the library's counters do."""
        wanted = [(self._labels.index(name), value) for name, value in labels.items()]
        for key in tuple(self._numbers):
            if all(key[place] == value for place, value in wanted):
                del self._numbers[key]

    def clear(self) -> None:
        """Drop every series."""
        self._numbers.clear()


class _Tally:
    """One method's numbers. counts: one per bucket, not cumulated."""

    __slots__ = ("codes", "counts", "seconds", "started")

    def __init__(self, buckets: int) -> None:
        self.started = 0
        self.codes: dict[str, int] = {}
        self.counts = [0] * buckets
        self.seconds = 0.0


class CallTallies(Collector):
    """Calls begun and ended by method, ended ones by code, and how long they took.

    names: of the three families, in that order. bounds: upper bounds of the histogram's
    buckets in seconds, inclusive, rising. Labels' values are the callers' to keep few.
    """

    def __init__(self, names: tuple[str, str, str], bounds: Sequence[float]) -> None:
        self._names = names
        self._bounds = tuple(bounds)
        self._words = bucket_words(bounds)
        self._tallies: dict[Labels, _Tally] = {}

    def started(self, labels: Labels) -> None:
        """A call came in."""
        tally = self._tallies.get(labels)
        if tally is None:
            tally = self._tallies[labels] = _Tally(len(self._words))
        tally.started += 1

    def ended(self, labels: Labels, code: str, seconds: float) -> None:
        """A call that came in has ended."""
        tally = self._tallies[labels]
        tally.codes[code] = tally.codes.get(code, 0) + 1
        tally.counts[bisect_left(self._bounds, seconds)] += 1
        tally.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        """The families as they are now."""
        started, handled, seconds = self._names
        begun = CounterMetricFamily(started, "Calls begun.", labels=CALL_LABELS)
        ended = CounterMetricFamily(handled, "Calls ended.", labels=(*CALL_LABELS, "grpc_code"))
        took = HistogramMetricFamily(seconds, "How long calls took.", labels=CALL_LABELS)
        for labels, tally in dict(self._tallies).items():
            begun.add_metric(labels, tally.started)
            for code, number in dict(tally.codes).items():
                ended.add_metric((*labels, code), number)
            took.add_metric(labels, cumulated(self._words, tuple(tally.counts)), tally.seconds)
        yield from (begun, ended, took)
