"""How spans go to a collector: to it alone, with what the operator gives along, and bounded."""

import asyncio
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from runtime.tracing import sending
from runtime.tracing.destination import Destination, destination
from runtime.tracing.tracer import Kind, Tracer
from tests.servers.certificates import Authority, dns
from tests.servers.otlp_receiver import OtlpReceiver
from tests.servers.tls_front import TlsFront, fronting_tls

BOTH = pytest.mark.parametrize("is_grpc", [False, True], ids=["http", "grpc"])
NOWHERE = "http://user:canary@127.0.0.1:9"


def send_one(collector: OtlpReceiver, is_grpc: bool) -> Tracer:
    protocol = "grpc" if is_grpc else "http/protobuf"
    tracer = Tracer("service", destination(collector.url, protocol))  # type: ignore[arg-type]
    with tracer.span("request", Kind.SERVER, ""):
        pass
    tracer.close()
    return tracer


@BOTH
def test_neither_a_proxy_nor_a_netrc_of_the_environment_is_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_grpc: bool
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, NOWHERE)
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with OtlpReceiver(is_grpc) as collector:
        tracer = send_one(collector, is_grpc)
    assert [each.name for each in collector.spans] == ["request"]
    assert tracer.sending.lost == 0
    assert "authorization" not in collector.headers[0]


@BOTH
def test_a_collectors_credential_comes_from_the_environment(
    monkeypatch: pytest.MonkeyPatch, is_grpc: bool
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=of-the-operator")
    with OtlpReceiver(is_grpc) as collector:
        send_one(collector, is_grpc)
    assert collector.headers[0]["api-key"] == "of-the-operator"


@BOTH
def test_what_the_environment_says_of_a_pod_is_on_its_spans(
    monkeypatch: pytest.MonkeyPatch, is_grpc: bool
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=gateway-0")
    with OtlpReceiver(is_grpc) as collector:
        send_one(collector, is_grpc)
    assert b"gateway-0" in collector.raw
    # Nothing of the process: a command line may hold what is nobody's business.
    assert b"process." not in collector.raw


@pytest.mark.anyio
@pytest.mark.parametrize("is_vouched_for", [True, False])
async def test_a_collectors_certificate_is_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_vouched_for: bool
) -> None:
    authority = Authority()
    vouching = authority if is_vouched_for else Authority("another")
    (tmp_path / "ca.pem").write_bytes(vouching.ca)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(tmp_path / "ca.pem"))
    pair = authority.issue("localhost", [dns("localhost")])
    with OtlpReceiver() as collector:
        front = TlsFront(int(collector.url.rpartition(":")[2]))
        async with fronting_tls(front, pair, "localhost", tmp_path):
            tracer = Tracer("service", destination(front.url))
            with tracer.span("request", Kind.SERVER, ""):
                pass
            await asyncio.to_thread(tracer.close)
    assert len(collector.spans) == is_vouched_for


class Hanging(SpanExporter):
    """A collector that never answers."""

    def __init__(self) -> None:
        self.go = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.go.wait(30)
        return SpanExportResult.FAILURE


def test_the_end_does_not_wait_for_a_collector_and_says_what_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    exporter = Hanging()
    monkeypatch.setattr(sending, "_exporter", lambda destination: exporter)
    monkeypatch.setattr(sending, "CLOSE_SECONDS", 0.05)
    tracer = Tracer("service", Destination("http://collector", False))
    for _ in range(3):
        with tracer.span("request", Kind.SERVER, ""):
            pass
    with caplog.at_level(logging.WARNING):
        tracer.close()
    exporter.go.set()
    (record,) = caplog.records
    assert record.getMessage() == "spans are lost: the collector took too long"
    assert vars(record)["fields"] == {"spans": 3}
