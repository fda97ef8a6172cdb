"""Prometheus' text format, written so that the event loop beside it hardly notices.

`generate_latest` writes a registry in one go. In a thread that is 20 ms and more in which each turn
of the loop waits for the interpreter's lock; with pauses in between a request meets one or two of
the pieces. Runs in a thread: it sleeps.
"""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample
from prometheus_client.utils import floatToGoString

PIECE = 50
"""Samples written at a time: some 0.3 ms of work."""
PAUSE_SECONDS = 0.001


def exposition(registry: CollectorRegistry) -> bytes:
    """All that is in the registry, as a scrape gets it."""
    lines: list[str] = []
    for family in registry.collect():
        lines += _head(family)
        for written in _pieces(family.samples):
            lines += written
            time.sleep(PAUSE_SECONDS)
    return ("\n".join(lines) + "\n").encode() if lines else b""


def _head(family: Metric) -> Iterator[str]:
    name = family.name + ("_total" if family.type == "counter" else "")
    text = family.documentation.replace("\\", r"\\").replace("\n", r"\n")
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {family.type}"


def _pieces(samples: list[Sample]) -> Iterator[list[str]]:
    for first in range(0, len(samples), PIECE):
        yield [_line(sample) for sample in samples[first : first + PIECE]]


def _line(sample: Sample) -> str:
    value = floatToGoString(sample.value)  # type: ignore[no-untyped-call]
    if not sample.labels:
        return f"{sample.name} {value}"
    pairs = ",".join(f'{name}="{_escaped(text)}"' for name, text in sorted(sample.labels.items()))
    return f"{sample.name}{{{pairs}}} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
