"""Spans of this process, in OpenTelemetry's library; loaded only where tracing is configured.

A span in progress is known to the task that activated it, to what that task starts, and to the
lines it logs. What a span may be given are names, numbers and words from closed lists: nothing
that a caller, an answer or a credential holds.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from runtime import logs
from runtime.tracing.destination import Destination
from runtime.tracing.sending import Sending
from runtime.version import VERSION

TRACEPARENT = "traceparent"
Value = str | int | float | bool


class Kind(Enum):
    """What a span is of: a request that came, one that was sent, or work of our own."""

    SERVER = trace.SpanKind.SERVER
    CLIENT = trace.SpanKind.CLIENT
    INTERNAL = trace.SpanKind.INTERNAL


class Span:
    """One span; ended once."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span
        self._undo: Callable[[], None] | None = None

    @property
    def traceparent(self) -> str:
        """W3C's header that makes another's span a child of this one."""
        found = self._span.get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"

    def set(self, values: Mapping[str, Value | None]) -> None:
        """Add attributes; None is left out."""
        for key, value in values.items():
            if value is not None:
                self._span.set_attribute(key, value)

    def failed(self, word: str) -> None:
        """It did not go well; word: from a closed list."""
        self._span.set_attribute("error.type", word)
        self._span.set_status(trace.StatusCode.ERROR)

    def activate(self) -> None:
        """It is the present task's, until it ends there."""
        token = otel_context.attach(trace.set_span_in_context(self._span))
        found = self._span.get_span_context()
        named = logs.TRACE.set((f"{found.trace_id:032x}", f"{found.span_id:016x}"))

        def undo() -> None:
            logs.TRACE.reset(named)
            otel_context.detach(token)

        self._undo = undo

    def end(self) -> None:
        """It is over."""
        if self._undo is not None:
            self._undo()
            self._undo = None
        self._span.end()


class Tracer:
    """Begins spans of one service. Closed in the end, so that the last ones are sent."""

    def __init__(self, service: str, destination: Destination) -> None:
        self.sending = Sending(destination)
        self._provider = TracerProvider(
            sampler=ParentBasedTraceIdRatio(destination.sample_ratio),
            resource=Resource.create({"service.name": service, "service.version": VERSION}),
            shutdown_on_exit=False,
            span_limits=SpanLimits(max_span_attributes=64, max_span_attribute_length=256),
        )
        self._provider.add_span_processor(self.sending)
        self._tracer = self._provider.get_tracer("copilot-gateway", VERSION)
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, kind: Kind, parent: str | None = None) -> Span:
        """A span; without a parent a child of the present task's, else a trace of its own.

        parent: another's `traceparent`, which may be anything.
        """
        context = None
        if parent is not None:
            # From an empty context: what is no traceparent begins a trace of its own. Whatever
            # else callers send along (tracestate, baggage) is not read.
            empty = otel_context.Context()
            context = self._propagator.extract({TRACEPARENT: parent}, context=empty)
        return Span(self._tracer.start_span(name, context, kind.value))

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None = None) -> Iterator[Span]:
        """A span that is the present task's for the length of the block."""
        span = self.begin(name, kind, parent)
        span.activate()
        try:
            yield span
        finally:
            span.end()

    def close(self) -> None:
        """Send what waits, for some seconds at most. Blocks."""
        self._provider.shutdown()
