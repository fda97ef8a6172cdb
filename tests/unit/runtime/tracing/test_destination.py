"""What an endpoint means."""

import pytest

from runtime.tracing.destination import BadEndpoint, Destination, Protocol, destination


@pytest.mark.parametrize(
    ("endpoint", "protocol", "url", "is_grpc"),
    [
        ("http://collector:4318", None, "http://collector:4318/v1/traces", False),
        ("http://collector:4318/", None, "http://collector:4318/v1/traces", False),
        ("https://collector", None, "https://collector/v1/traces", False),
        ("https://collector/otlp/traces", None, "https://collector/otlp/traces", False),
        ("http://collector:4317", None, "http://collector:4317", True),
        ("http://collector:4317", "http/protobuf", "http://collector:4317/v1/traces", False),
        ("https://collector:443/", "grpc", "https://collector:443", True),
        ("http://[::1]:4317", None, "http://[::1]:4317", True),
    ],
)
def test_an_endpoint_is_asked_in_its_ports_way_or_as_it_is_said(
    endpoint: str, protocol: Protocol | None, url: str, is_grpc: bool
) -> None:
    assert destination(endpoint, protocol, 0.5) == Destination(url, is_grpc, 0.5)


@pytest.mark.parametrize(
    "endpoint",
    [
        *("", "collector", "collector:4317", "grpc://collector", "http://", "http://host:port"),
        *("http://jo:secret@collector", "http://collector?key=secret", "http://collector#secret"),
        *("http://[::1", "http://collector:4317/path"),
    ],
)
def test_what_is_none_is_refused_without_being_quoted(endpoint: str) -> None:
    with pytest.raises(BadEndpoint) as raised:
        destination(endpoint)
    assert "secret" not in str(raised.value)
