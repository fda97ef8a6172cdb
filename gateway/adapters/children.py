"""A metric's children by their labels, looked up once each: `labels()` costs more than to count."""

from typing import TypeVar

from prometheus_client.metrics import MetricWrapperBase

Metric = TypeVar("Metric", bound=MetricWrapperBase)
Labels = tuple[str, ...]


class Children(dict[Labels, Metric]):
    """The child of each label set. As bounded as the label sets are that it is asked for."""

    def __init__(self, metric: Metric) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: Labels) -> Metric:
        """Make the child; only what it is asked for is a series."""
        child = self[labels] = self._metric.labels(*labels)
        return child
