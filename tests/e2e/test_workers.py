"""Several workers behind one port: they share what replicas share, and none takes others along."""

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.gateway_callers import Reply, ask, question
from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.postgres_server import PostgresServer
from tests.servers.simulator import Simulator
from tests.servers.supervisor import descendants_of
from tests.servers.usage_rows import usage_rows
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WORKERS = 2


@pytest.fixture(scope="module")
def database() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="module")
def fleet(
    tmp_path_factory: pytest.TempPathFactory, database: PostgresServer
) -> Iterator[GatewayFleet]:
    directory = tmp_path_factory.mktemp("workers")
    with (
        Simulator() as upstream,
        ValkeyServer() as store,
        Broker(directory, upstream.base_url, {"seat-1": "ghu_simulated_octocat"}) as broker,
        GatewayFleet(
            directory,
            broker,
            keys=[{"id": "bot", "budget": {"requests": 20}}, {"id": "free"}],
            store_url=store.url,
            settings={
                "listen": {"workers": WORKERS},
                "usage": {"database_url": database.create_database()},
            },
        ) as running,
    ):
        yield running


def workers_of(fleet: GatewayFleet) -> list[int]:
    """The processes that serve: those that hold a gateway's interpreter, not the parent."""
    process = fleet.replicas[0].process.process
    assert process is not None
    return sorted(descendants_of(process.pid))


def is_there(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").exists()


async def one(fleet: GatewayFleet, key: str, stream: bool) -> Reply:
    return await ask(fleet.url, fleet.keys[key], question("hello", stream=stream))


async def asked(fleet: GatewayFleet, key: str, count: int) -> list[Reply]:
    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(one(fleet, key, n % 2 == 0)) for n in range(count)]
    return [each.result() for each in asking]


async def test_workers_share_one_port_one_scrape_one_budget_and_one_ledger(
    fleet: GatewayFleet,
) -> None:
    assert len(workers_of(fleet)) == WORKERS
    replies = await asked(fleet, "bot", 40)
    statuses = [reply.status for reply in replies]
    assert (statuses.count(200), statuses.count(429)) == (20, 20)
    assert fleet.metric("gateway_requests_total", code="200") >= 20
    assert fleet.metric("gateway_requests_total", code="429") == 20
    assert fleet.metric("gateway_store_up") == 1
    while fleet.metric("gateway_usage_journal_pending"):
        await asyncio.sleep(0.05)
    rows = usage_rows(fleet.document["usage"]["database_url"])
    outcomes = sorted(row["outcome"] for row in rows if row["key_id"] == "bot")
    assert outcomes == ["complete"] * 20 + ["refused"] * 20


async def test_a_worker_that_crashes_is_replaced_and_the_others_serve_on(
    fleet: GatewayFleet,
) -> None:
    first, second = workers_of(fleet)
    counted = fleet.metric("gateway_requests_total")
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 20
    served = 0
    while len(workers_of(fleet)) < WORKERS or first in workers_of(fleet):
        reply = await ask(fleet.url, fleet.keys["free"], question("hello"))
        assert reply.status in (0, 200), "only what the dead one had taken may be lost"
        served += reply.status == 200
        assert time.monotonic() < deadline
    assert second in workers_of(fleet)
    replies = await asked(fleet, "free", 10)
    assert {reply.status for reply in replies} <= {200}
    # A sum that fell would be counted once more by whoever looks at rates.
    assert fleet.metric("gateway_requests_total") >= counted + served + 10


async def test_all_workers_take_over_a_changed_configuration(fleet: GatewayFleet) -> None:
    fleet.document["keys"] = [key for key in fleet.document["keys"] if key["id"] != "free"]
    fleet.reconfigure()
    fleet.replicas[0].signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while {reply.status for reply in await asked(fleet, "free", 8)} != {401}:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def test_workers_end_with_their_parent_even_when_it_is_killed(fleet: GatewayFleet) -> None:
    replica = fleet.new_replica()
    await asyncio.to_thread(replica.start)
    assert replica.process.process is not None
    workers = descendants_of(replica.process.process.pid)
    assert len(workers) == WORKERS
    replica.kill()
    deadline = time.monotonic() + 15
    while any(map(is_there, workers)):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        await asyncio.sleep(0.05)
