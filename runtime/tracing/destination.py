"""Where traces go, as `tracing.otlp_endpoint` says. Imports nothing of OpenTelemetry."""

from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urlsplit

Protocol = Literal["grpc", "http/protobuf"]
"""In the words of OTEL_EXPORTER_OTLP_PROTOCOL."""
GRPC_PORT = 4317
"""OpenTelemetry's port for OTLP over gRPC; what listens elsewhere is asked over HTTP, unless the
protocol says otherwise."""
TRACES_PATH = "/v1/traces"


class BadEndpoint(ValueError):
    """The setting is no endpoint; the message says why, without the value."""


@dataclass(frozen=True, slots=True)
class Destination:
    """A collector. url: with the path of traces, where it is asked over HTTP."""

    url: str
    is_grpc: bool
    sample_ratio: float = 1.0
    """How many of the traces that begin here are kept; a caller's own decision stands."""


def destination(
    endpoint: str, protocol: Protocol | None = None, sample_ratio: float = 1.0
) -> Destination:
    """The collector at an endpoint. Raises BadEndpoint.

    An endpoint without a path gets that of traces, as OTEL_EXPORTER_OTLP_ENDPOINT does.
    """
    url = _split(endpoint)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise BadEndpoint("must be a URL such as http://collector:4318 or http://collector:4317")
    if url.username is not None or url.password is not None:
        raise BadEndpoint("must hold no user and no password")
    if url.query or url.fragment:
        raise BadEndpoint("must have neither a query nor a fragment")
    if protocol == "grpc" or (protocol is None and url.port == GRPC_PORT):
        if url.path not in {"", "/"}:
            raise BadEndpoint("must have no path where it is asked over gRPC")
        return Destination(f"{url.scheme}://{url.netloc}", True, sample_ratio)
    path = url.path if url.path not in {"", "/"} else TRACES_PATH
    return Destination(f"{url.scheme}://{url.netloc}{path}", False, sample_ratio)


def _split(endpoint: str) -> SplitResult:
    try:
        url = urlsplit(endpoint)
        # Asked for once here: a bad port is noticed when it is read.
        _ = url.port
    except ValueError:
        raise BadEndpoint("is not a URL") from None
    return url
