"""Spans as an exporter gets them, kept in this process."""

from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runtime.tracing import sending
from runtime.tracing.destination import Destination
from runtime.tracing.tracer import Tracer


class KeptSpans:
    """A tracer whose spans stay here; `ended` closes it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._exporter = InMemorySpanExporter()
        monkeypatch.setattr(sending, "_exporter", lambda destination: self._exporter)
        self.tracer = Tracer("service", Destination("http://collector", False))

    def ended(self) -> list[ReadableSpan]:
        """All that have ended, in that order. No more can come after it."""
        self.tracer.close()
        return list(self._exporter.get_finished_spans())


def values_of(span: ReadableSpan) -> Mapping[str, Any]:
    """A span's attributes."""
    return dict(span.attributes or {})


def traceparent_of(span: ReadableSpan) -> str:
    """As its children name it."""
    found = span.context
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def parent_of(span: ReadableSpan) -> str | None:
    """The id of a span's parent."""
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def id_of(span: ReadableSpan) -> str:
    """A span's id."""
    return f"{span.context.span_id:016x}"
