"""The metric of spans that were lost; there also where nothing is traced, and then 0."""

from collections.abc import Callable, Iterable

from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector


class LostSpans(Collector):
    """name: without `_total`. lost: how many, since the start."""

    def __init__(self, name: str, lost: Callable[[], int]) -> None:
        self._name = name
        self._lost = lost

    def collect(self) -> Iterable[Metric]:
        """Called for each scrape."""
        text = "Spans that the collector did not take, or that found no room to wait."
        yield CounterMetricFamily(self._name, text, value=self._lost())
