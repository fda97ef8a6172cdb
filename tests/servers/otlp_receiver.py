"""A collector of traces: takes OTLP as collectors do, over HTTP or gRPC, and keeps the spans."""

import gzip
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

from tests.servers.quiet_ports import quiet_ports


@dataclass(frozen=True)
class Received:
    """A span as it came."""

    service: str
    instance: str
    """Which process of the service."""
    name: str
    kind: str
    trace: str
    id: str
    parent: str
    is_error: bool
    attributes: Mapping[str, Any] = field(repr=False)


class OtlpReceiver:
    """Listens for the length of the block. is_grpc: how it is asked."""

    def __init__(self, is_grpc: bool = False) -> None:
        self._is_grpc = is_grpc
        self.spans: list[Received] = []
        self.raw = bytearray()
        """All that was sent, undone of compression."""
        self.requests = 0
        self.headers: list[dict[str, str]] = []
        """Of each request; with gRPC its metadata. Names in lower case."""
        self.url = ""
        self._stop: Callable[[], object] = lambda: None

    def traces(self) -> dict[str, list[Received]]:
        """The spans by trace."""
        found: dict[str, list[Received]] = {}
        for span in tuple(self.spans):
            found.setdefault(span.trace, []).append(span)
        return found

    def until(self, is_there: Callable[[list[Received]], bool], seconds: float = 20.0) -> None:
        """Wait until the spans are as they should be."""
        deadline = time.monotonic() + seconds
        while not is_there(list(self.spans)):
            assert time.monotonic() < deadline, [(each.service, each.name) for each in self.spans]
            time.sleep(0.05)

    def take(self, body: bytes, headers: Mapping[str, str]) -> None:
        """One request's body."""
        self.headers.append({name.lower(): value for name, value in headers.items()})
        self.raw += body
        self.requests += 1
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            of = _values(resource.resource.attributes)
            for scope in resource.scope_spans:
                self.spans += [_received(of, span) for span in scope.spans]

    def __enter__(self) -> Self:
        start = self._serve_grpc if self._is_grpc else self._serve_http
        start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _serve_http(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                is_right = self.path == "/v1/traces"
                if is_right:
                    receiver.take(body, dict(self.headers))
                self.send_response(200 if is_right else 404)
                self.send_header("content-type", "application/x-protobuf")
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5)

        self._stop = stop

    def _serve_grpc(self) -> None:
        receiver = self

        class Servicer(TraceServiceServicer):
            def Export(self, request: Any, context: Any) -> Any:
                receiver.take(request.SerializeToString(), dict(context.invocation_metadata()))
                return ExportTraceServiceResponse()

        server = grpc.server(ThreadPoolExecutor(2))
        add_TraceServiceServicer_to_server(Servicer(), server)  # type: ignore[no-untyped-call]
        (port,) = quiet_ports(1)
        server.add_insecure_port(f"127.0.0.1:{port}")
        server.start()
        self.url = f"http://127.0.0.1:{port}"
        self._stop = lambda: server.stop(1).wait()


def _received(resource: Mapping[str, Any], span: Any) -> Received:
    return Received(
        service=resource["service.name"],
        instance=resource["service.instance.id"],
        name=span.name,
        kind=type(span).SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace=span.trace_id.hex(),
        id=span.span_id.hex(),
        parent=span.parent_span_id.hex(),
        is_error=span.status.code == 2,
        attributes=_values(span.attributes),
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value"))
        for each in attributes
        if each.value.WhichOneof("value")
    }
