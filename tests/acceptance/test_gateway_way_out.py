"""Through a CONNECT proxy to an upstream with a certificate of a private authority.

The official SDK's tests of tests/e2e, the same ones, with everything that goes out going that way:
upstream has a name that only the proxy can resolve.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.e2e.test_openai_sdk import (  # noqa: F401  collected here once more
    async_client,
    client,
    test_a_bad_key_is_an_authentication_error,
    test_a_bad_model_is_a_not_found_error,
    test_a_streamed_answer_comes_in_pieces,
    test_a_streamed_tool_call_can_be_put_together,
    test_a_tool_call_round_trip,
    test_a_whole_answer,
    test_a_wrong_type_is_a_bad_request,
    test_an_image_is_announced_to_upstream,
    test_the_async_client_streams_too,
    test_the_model_list,
)
from tests.servers.certificates import Authority, dns
from tests.servers.connect_proxy import ConnectProxy, proxying
from tests.servers.gateway_callers import question
from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.simulator import Simulator
from tests.servers.tls_front import TlsFront, fronting_tls

pytestmark = pytest.mark.slow

HOST = "copilot.example"
SEAT = "seat-1"
CREDENTIAL = "ghu_simulated_octocat"


@dataclass
class Surroundings:
    """A gateway whose only way out is the proxy."""

    fleet: GatewayFleet
    upstream: Simulator
    proxy: ConnectProxy
    front: TlsFront

    @property
    def base_url(self) -> str:
        return self.fleet.url

    @property
    def key(self) -> str:
        return self.fleet.key


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    directory = tmp_path_factory.mktemp("way-out")
    authority = Authority("a company's own authority")
    (directory / "ca.pem").write_bytes(authority.ca)
    pair = authority.issue(HOST, [dns(HOST)])
    with Simulator() as upstream, start_blocking_portal() as portal:
        proxied = proxying(ConnectProxy({HOST: "127.0.0.1"}))
        fronted = fronting_tls(TlsFront(upstream.port), pair, HOST, directory / "tls")
        with (
            portal.wrap_async_context_manager(proxied) as proxy,
            portal.wrap_async_context_manager(fronted) as front,
        ):
            account = {"login": SEAT, "credentials": [CREDENTIAL], "api_url": front.url}
            upstream.load({"accounts": [account]})
            egress = {"proxy_url": proxy.url, "ca_file": str(directory / "ca.pem")}
            with Broker(
                directory,
                front.url,
                {SEAT: CREDENTIAL},
                hosts=[front.url.removeprefix("https://")],
                settings={"egress": egress},
            ) as broker:
                with GatewayFleet(directory, broker, settings={"egress": egress}) as fleet:
                    yield Surroundings(fleet, upstream, proxy, front)


@pytest.fixture
def pair(surroundings: Surroundings) -> Surroundings:
    """Under the name that the SDK's tests have for it."""
    return surroundings


@pytest.fixture
def simulator(surroundings: Surroundings) -> Iterator[Simulator]:
    surroundings.upstream.clear_ledger()
    yield surroundings.upstream
    surroundings.upstream.remove_faults()


def answered(url: str, key: str, body: dict[str, Any]) -> httpx.Response:
    return httpx.post(
        f"{url}/v1/chat/completions",
        json=body,
        headers={"x-api-key": key},
        timeout=20,
        trust_env=False,
    )


def test_every_connection_goes_through_the_proxy_and_none_can_be_read(
    surroundings: Surroundings, simulator: Simulator
) -> None:
    said = "something that nobody on the way may read"
    assert answered(surroundings.base_url, surroundings.key, question(said)).status_code == 200
    target = surroundings.front.url.removeprefix("https://")
    asked = surroundings.proxy.asked
    assert {(each.method, each.target) for each in asked} == {("CONNECT", target)}
    assert len(asked) == surroundings.front.connections, "a connection went around the proxy"
    passed = bytes(surroundings.proxy.passed_up)
    assert len(passed) > 0
    for secret in (said, CREDENTIAL, *simulator.issued(), "Authorization"):
        assert secret.encode() not in passed


def test_an_authority_that_is_not_named_is_not_trusted(surroundings: Surroundings) -> None:
    """The same gateway without `egress.ca_file`: nothing is sent to whoever answers there."""
    document = surroundings.fleet.document
    proxy_url = document["egress"]["proxy_url"]
    replica = surroundings.fleet.new_replica({**document, "egress": {"proxy_url": proxy_url}})
    replica.start()
    surroundings.upstream.clear_ledger()
    reply = answered(replica.url, surroundings.key, question("hello"))
    assert reply.status_code == 502
    assert reply.headers["x-gateway-error"] == "upstream_unavailable"
    assert surroundings.upstream.ledger(endpoint="chat") == []
