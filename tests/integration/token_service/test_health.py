"""grpc.health.v1 over real connections: what it answers, announces, and how its watches end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from protos.token_service.v1 import token_service_pb2 as pb
from tests.servers.scripted_github import scripted_github
from tests.servers.token_service import configured, running
from token_service import bootstrap
from token_service.rpc.health import Health
from token_service.rpc.server import SERVICE

pytestmark = pytest.mark.anyio

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = health_pb2.HealthCheckResponse.SERVICE_UNKNOWN
A_LONG_GRACE = 600.0


def watching(stub: Any, name: str) -> Any:
    return stub.Watch(health_pb2.HealthCheckRequest(service=name), timeout=30)


async def told(watch: Any) -> list[int]:
    """What comes until it ends."""
    found = []
    while (answer := await watch.read()) is not grpc.aio.EOF:
        found.append(answer.status)
    return found


async def check(stub: Any, name: str) -> int:
    answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    return int(answer.status)


@asynccontextmanager
async def served(health: Health) -> AsyncIterator[Any]:
    """A server with nothing else on it; a stub."""
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)
    await server.stop(None)


async def test_it_knows_its_names_and_no_other() -> None:
    async with served(Health(("", "a"))) as stub:
        assert [await check(stub, name) for name in ("", "a")] == [SERVING, SERVING]
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await check(stub, "b")
        assert raised.value.code() is grpc.StatusCode.NOT_FOUND
        assert (await watching(stub, "b").read()).status == SERVICE_UNKNOWN


async def test_a_watch_stays_open_until_the_server_takes_no_calls() -> None:
    """Who watches would come again at once, and be told the same, and come again."""
    health = Health(("a",))
    async with served(health) as stub:
        watch = watching(stub, "a")
        assert (await watch.read()).status == SERVING
        health.end()
        assert (await watch.read()).status == NOT_SERVING
        assert await check(stub, "a") == NOT_SERVING
        late = watching(stub, "a")
        assert (await late.read()).status == NOT_SERVING
        assert not watch.done()
        health.close()
        assert await watch.read() is grpc.aio.EOF
        assert await late.read() is grpc.aio.EOF
        assert await watch.code() is grpc.StatusCode.OK


async def test_who_comes_when_all_is_over_is_told_and_let_go() -> None:
    health = Health(("a",))
    health.end()
    health.close()
    async with served(health) as stub:
        assert await told(watching(stub, "a")) == [NOT_SERVING]


async def test_watches_do_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has been told before, also where nothing waits between the two."""
    monkeypatch.setattr(bootstrap, "GRACE_SECONDS", A_LONG_GRACE)
    async with running(configured(tmp_path, "http://127.0.0.1:9", {})) as made:
        stub = health_pb2_grpc.HealthStub(made.channel)
        watches = [watching(stub, name) for name in ("", SERVICE, "another")]
        first = [(await watch.read()).status for watch in watches]
        made.stopping.set()
        then = [await told(watch) for watch in watches]
        async with asyncio.timeout(30):
            await made.ended.wait()
    assert first == [SERVING, SERVING, SERVICE_UNKNOWN]
    assert then == [[NOT_SERVING], [NOT_SERVING], []]


async def test_a_call_under_way_keeps_its_grace_when_the_watches_have_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "GRACE_SECONDS", A_LONG_GRACE)
    async with scripted_github() as github, running(configured(tmp_path, github.url, {})) as made:
        watch = watching(health_pb2_grpc.HealthStub(made.channel), SERVICE)
        assert (await watch.read()).status == SERVING
        github.hold()
        async with asyncio.TaskGroup() as tasks:
            caller = tasks.create_task(made.get(seconds=30))
            await github.arrived.wait()
            made.stopping.set()
            assert await told(watch) == [NOT_SERVING]
            assert not made.ended.is_set()
            github.release()
        assert caller.result().state == pb.TOKEN_STATE_FRESH
        async with asyncio.timeout(30):
            await made.ended.wait()
