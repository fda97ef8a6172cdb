"""Ports that cannot be listened on are told all at once, before anything starts."""

import socket

import pytest

from tests.servers.ports import free_ports
from tools import ports
from tools.plan import Refused


def test_free_ports_are_no_problem() -> None:
    first, second = free_ports(2)
    ports.check({"gateway": first, "gateway_ops": second})


def test_every_port_in_use_is_named_with_its_option() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("", 0)) as two:
        first, second = one.getsockname()[1], two.getsockname()[1]
        (free,) = free_ports(1)
        wanted = {"gateway": first, "token_service_ops": second, "simulator": free}
        with pytest.raises(Refused) as caught:
            ports.check(wanted)
    text = str(caught.value)
    assert f"{first} (gateway) is in use; another: --gateway-port" in text
    assert f"{second} (token_service_ops) is in use; another: --token-service-ops-port" in text
    assert str(free) not in text


def test_one_port_cannot_serve_two() -> None:
    (port,) = free_ports(1)
    with pytest.raises(Refused, match=r"\(gateway\) is wanted more than once"):
        ports.check({"gateway": port, "simulator": port})
