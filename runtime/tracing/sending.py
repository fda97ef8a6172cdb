"""Sends spans to a collector from a thread of its own; nobody waits for it, and it is bounded.

A span for which there is no room, or which the collector does not take, is counted and gone.
"""

import logging
from collections.abc import Sequence
from threading import Thread

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    SpanExporter,
    SpanExportResult,
)

from runtime.logs import fields
from runtime.tracing.destination import Destination

log = logging.getLogger("tracing")

MOST_WAITING = 4_096
"""Some 2 KB each."""
MOST_AT_ONCE = 512
NO_GRPC_PROXY = (("grpc.enable_http_proxy", 0),)
DELAY_MILLISECONDS = 1_000
SEND_SECONDS = 5
CLOSE_SECONDS = 3.0
"""At the end of the process, for what waits then."""


class Counted(SpanExporter):
    """An exporter, and how many spans went through it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = 0
        """Handed to it, whatever became of them."""
        self.failed = 0
        self._is_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch; called in the sender's thread."""
        try:
            result = self._exporter.export(spans)
        except Exception as error:
            result = SpanExportResult.FAILURE
            self._say(is_down=True, reason=type(error).__name__)
        else:
            self._say(is_down=result is not SpanExportResult.SUCCESS, reason="refused or away")
        self.taken += len(spans)
        if result is not SpanExportResult.SUCCESS:
            self.failed += len(spans)
        return result

    def shutdown(self) -> None:
        """Let go of the connection."""
        self._exporter.shutdown()

    def _say(self, is_down: bool, reason: str) -> None:
        if is_down == self._is_down:
            return
        self._is_down = is_down
        if is_down:
            log.warning(
                "spans are lost: the collector does not take them", extra=fields(reason=reason)
            )
        else:
            log.info("the collector takes spans again")


class Sending(SpanProcessor):
    """What becomes of spans that have ended."""

    def __init__(self, destination: Destination) -> None:
        # Its own words would quote addresses and answers, once for each failure.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._exporter = Counted(_exporter(destination))
        self._batches = BatchSpanProcessor(
            self._exporter,
            max_queue_size=MOST_WAITING,
            schedule_delay_millis=DELAY_MILLISECONDS,
            max_export_batch_size=MOST_AT_ONCE,
        )
        self._accepted = 0
        self._left_out = 0

    @property
    def lost(self) -> int:
        """Spans that no collector has got, since the start."""
        return self._left_out + self._exporter.failed

    @property
    def sent(self) -> int:
        """Spans that the collector has taken."""
        return self._exporter.taken - self._exporter.failed

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """See SpanProcessor."""

    def on_end(self, span: ReadableSpan) -> None:
        """See SpanProcessor."""
        if not span.context.trace_flags.sampled:
            return
        if self._accepted - self._exporter.taken >= MOST_WAITING:
            self._left_out += 1
            return
        self._accepted += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        """Send what waits. Blocks, for CLOSE_SECONDS at most."""
        closing = Thread(target=self._batches.shutdown, name="spans-last", daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)
        left = self._accepted - self._exporter.taken
        if left:
            # Nobody scrapes the metric any more.
            log.warning("spans are lost: the collector took too long", extra=fields(spans=left))

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See SpanProcessor."""
        return self._batches.force_flush(timeout_millis)


def _exporter(destination: Destination) -> SpanExporter:
    if destination.is_grpc:
        # Each loads half a second of modules; one of them is enough.
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_exporter

        return grpc_exporter.OTLPSpanExporter(
            destination.url,
            timeout=SEND_SECONDS,
            channel_options=NO_GRPC_PROXY,  # type: ignore[arg-type]  # numbers are options too
        )
    import requests
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http_exporter

    session = requests.Session()
    # Neither a proxy of the environment's nor a password from a ~/.netrc.
    session.trust_env = False
    return http_exporter.OTLPSpanExporter(destination.url, timeout=SEND_SECONDS, session=session)
