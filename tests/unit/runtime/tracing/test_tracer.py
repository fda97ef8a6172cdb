"""Spans, as the exporter gets them: parents, names, and what is lost is counted."""

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runtime import logs
from runtime.tracing import sending
from runtime.tracing.destination import Destination
from runtime.tracing.metrics import LostSpans
from runtime.tracing.tracer import Kind, Tracer

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Exporter(SpanExporter):
    """Keeps what it is given; may refuse, fail, or hang until it is let."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []
        self.result = SpanExportResult.SUCCESS
        self.error: Exception | None = None
        self.go = threading.Event()
        self.go.set()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        assert self.go.wait(30)
        if self.error is not None:
            raise self.error
        self.spans += spans
        return self.result


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Exporter:
    made = Exporter()
    monkeypatch.setattr(sending, "_exporter", lambda destination: made)
    return made


def tracer(ratio: float = 1.0) -> Tracer:
    return Tracer("service", Destination("http://collector", False, ratio))


@pytest.fixture
def traced(exporter: Exporter) -> Iterator[Tracer]:
    made = tracer()
    yield made
    made.close()


def parent_of(span: ReadableSpan) -> str | None:
    return None if span.parent is None else f"{span.parent.span_id:016x}"


def test_a_span_is_a_child_of_whom_the_caller_names_or_of_the_present_one(
    traced: Tracer, exporter: Exporter
) -> None:
    with traced.span("outer", Kind.SERVER, f"00-{TRACE}-{PARENT}-01") as outer:
        with traced.span("inner", Kind.CLIENT) as inner:
            assert inner.traceparent.split("-")[1] == TRACE
    traced.close()
    found = {span.name: span for span in exporter.spans}
    assert parent_of(found["outer"]) == PARENT
    assert parent_of(found["inner"]) == outer.traceparent.split("-")[2]
    assert found["outer"].resource.attributes["service.name"] == "service"


@pytest.mark.parametrize("sent", ["", "x", f"00-{'0' * 32}-{PARENT}-01", f"00-{TRACE}-{PARENT}"])
def test_what_names_nobody_begins_a_trace_of_its_own_also_within_another(
    traced: Tracer, exporter: Exporter, sent: str
) -> None:
    with traced.span("mine", Kind.INTERNAL), traced.span("theirs", Kind.SERVER, sent):
        pass
    traced.close()
    theirs = next(span for span in exporter.spans if span.name == "theirs")
    assert theirs.parent is None
    assert f"{theirs.context.trace_id:032x}" != TRACE


def test_traces_that_begin_here_are_kept_in_part_and_others_as_their_caller_says(
    exporter: Exporter,
) -> None:
    made = tracer(ratio=0.0)
    for parent in ("", f"00-{TRACE}-{PARENT}-01", f"00-{TRACE}-{PARENT}-00"):
        with made.span("request", Kind.SERVER, parent):
            pass
    made.close()
    assert [parent_of(span) for span in exporter.spans] == [PARENT]
    assert (made.sending.sent, made.sending.lost) == (1, 0)


def test_lines_name_the_span_they_are_of_and_no_other(traced: Tracer) -> None:
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(logs.JsonFormatter())
    log = logging.Logger("test")
    log.addHandler(handler)

    async def one(number: int) -> str:
        with traced.span("request", Kind.SERVER, "") as span:
            await asyncio.sleep(0)
            log.warning("%d", number)
            return span.traceparent

    async def both() -> list[str]:
        found = await asyncio.gather(one(0), one(1))
        log.warning("after")
        return list(found)

    parents = asyncio.run(both())
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    for line in lines[:2]:
        expected = parents[int(line["message"])].split("-")[1:3]
        assert [line["trace_id"], line["span_id"]] == expected
    assert "trace_id" not in lines[2]


def test_what_does_not_go_well_is_an_error_with_its_word(
    traced: Tracer, exporter: Exporter
) -> None:
    with traced.span("request", Kind.SERVER, "") as span:
        span.set({"a": 1, "b": None})
        span.failed("upstream_timeout")
    traced.close()
    (found,) = exporter.spans
    assert dict(found.attributes or {}) == {"a": 1, "error.type": "upstream_timeout"}
    assert not found.status.is_ok


@pytest.mark.parametrize("how", ["refuses", "raises"])
def test_what_the_collector_does_not_take_is_counted(
    exporter: Exporter, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    if how == "refuses":
        exporter.result = SpanExportResult.FAILURE
    else:
        exporter.error = OSError("at http://secret")
    made = tracer()
    for _ in range(3):
        with made.span("request", Kind.SERVER, ""):
            pass
    made.close()
    assert (made.sending.sent, made.sending.lost) == (0, 3)
    assert "spans are lost" in caplog.text
    assert "secret" not in caplog.text


def test_what_finds_no_room_is_lost_and_nobody_waits(exporter: Exporter) -> None:
    exporter.go.clear()
    made = tracer()
    more = sending.MOST_WAITING + 700
    for _ in range(more):
        with made.span("request", Kind.SERVER, ""):
            pass
    assert made.sending.lost >= 700 - sending.MOST_AT_ONCE
    exporter.go.set()
    made.close()
    assert made.sending.sent + made.sending.lost == more
    (metric,) = LostSpans("some_spans_lost", lambda: made.sending.lost).collect()
    assert [sample.value for sample in metric.samples] == [made.sending.lost]
