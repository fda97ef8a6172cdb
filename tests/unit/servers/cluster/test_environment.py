import pytest

from tests.servers.cluster.addresses import on_its_own_address
from tests.servers.cluster.environment import expanded, service_links


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(PORT)", "8080"),
        ("--bind=$(HOST):$(PORT)", "--bind=::1:8080"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$$(PORT)", "$(PORT)"),
        ("$PORT", "$PORT"),
    ],
)
def test_variables_are_put_in_as_the_kubelet_does(text: str, expected: str) -> None:
    assert expanded(text, {"PORT": "8080", "HOST": "::1"}) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("host: 0.0.0.0", "host: 127.20.1.1"),
        ('grpc: "0.0.0.0:50051"', 'grpc: "127.20.1.1:50051"'),
        ('grpc: "[::]:50051"', 'grpc: "127.20.1.1:50051"'),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0.5", "0.0.0.0.5"),
        ("cidr: 0.0.0.0/0", "cidr: 0.0.0.0/0"),
        ("127.0.0.1", "127.0.0.1"),
    ],
)
def test_all_addresses_are_the_pods_own_one(text: str, expected: str) -> None:
    assert on_its_own_address(text, "127.20.1.1") == expected


def test_a_service_is_named_in_variables() -> None:
    service = {"spec": {"ports": [{"name": "http", "port": 80}, {"name": "ops", "port": 9102}]}}
    values = service_links(iter([("the-gateway", "127.20.2.1", service)]))
    assert values["THE_GATEWAY_SERVICE_HOST"] == "127.20.2.1"
    assert values["THE_GATEWAY_PORT"] == "tcp://127.20.2.1:80"
    assert values["THE_GATEWAY_SERVICE_PORT_OPS"] == "9102"
    assert values["THE_GATEWAY_PORT_9102_TCP_ADDR"] == "127.20.2.1"
