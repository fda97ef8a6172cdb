"""The operators' port, over a real socket."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from runtime.listening import Address, ListenError
from runtime.ops import TURN_SECONDS, OpsServer, rendered
from tests.servers.ports import free_ports

pytestmark = pytest.mark.anyio


class Service:
    """What the ops server asks of a service."""

    def __init__(self) -> None:
        self.ready = False

    def is_ready(self) -> bool:
        return self.ready

    def metrics(self) -> bytes:
        return b"sample_total 1.0\n"

    def server(self, port: int) -> OpsServer:
        return OpsServer(
            Address("127.0.0.1", port), "listen.ops", rendered(self.metrics), self.is_ready
        )


@asynccontextmanager
async def serving(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    (port,) = free_ports(1)
    server = service.server(port)
    await server.start()
    url = f"http://127.0.0.1:{port}"
    try:
        async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=5) as client:
            yield client
    finally:
        await server.stop()


async def test_metrics_are_prometheus_text() -> None:
    async with serving(Service()) as client:
        answer = await client.get("/metrics")
    assert answer.status_code == 200
    assert answer.content == b"sample_total 1.0\n"
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_readiness_follows_the_service_and_health_does_not() -> None:
    service = Service()
    async with serving(service) as client:
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/healthz")).status_code == 200
        service.ready = True
        assert (await client.get("/readyz")).status_code == 200
        service.ready = False
        assert (await client.get("/readyz")).status_code == 503


async def test_nothing_else_is_served() -> None:
    async with serving(Service()) as client:
        assert (await client.get("/")).status_code == 404
        assert (await client.post("/metrics")).status_code == 405


async def test_a_taken_port_is_an_error_that_names_the_setting() -> None:
    (port,) = free_ports(1)
    first, second = Service().server(port), Service().server(port)
    await first.start()
    try:
        with pytest.raises(ListenError, match=rf"^listen\.ops: cannot listen on .*:{port}: "):
            await second.start()
    finally:
        await second.stop()
        await first.stop()


async def test_a_stopped_server_gives_its_port_back() -> None:
    (port,) = free_ports(1)
    for _ in range(2):
        server = Service().server(port)
        await server.start()
        await server.stop()
        await server.stop()


async def test_a_scrape_is_rendered_beside_the_loop_which_goes_first() -> None:
    """With 5,000 series a request took 20 ms longer where neither was so."""
    seen: list[tuple[int, float]] = []

    def render() -> bytes:
        seen.append((threading.get_ident(), sys.getswitchinterval()))
        return b""

    before = sys.getswitchinterval()
    await asyncio.gather(rendered(render)(), rendered(render)())
    assert threading.get_ident() not in {thread for thread, _ in seen}
    assert [interval for _, interval in seen] == [pytest.approx(TURN_SECONDS)] * 2
    assert sys.getswitchinterval() == before
