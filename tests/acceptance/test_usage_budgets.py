"""One budget over four gateways: never more than it allows and what is in flight, whatever the
shared store does."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import Reply, ask, question
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.postgres_server import PostgresServer
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


class Rush:
    """Callers of one key at all the gateways at once, until they are refused."""

    def __init__(self, fleet: GatewayFleet) -> None:
        self._fleet = fleet
        self.outcomes: Counter[str] = Counter()
        self.refusals: list[Reply] = []

    async def run(self, callers: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                tasks.create_task(self._caller(number))

    @property
    def accepted(self) -> int:
        return self.outcomes["200 "]

    async def _caller(self, number: int) -> None:
        replicas = self._fleet.replicas
        for turn in range(number, 10_000):
            replica = replicas[turn % len(replicas)]
            reply = await ask(replica.url, self._fleet.key, question("hello"))
            self.outcomes[f"{reply.status} {reply.fault}"] += 1
            if reply.status == 429:
                self.refusals.append(reply)
                return


@pytest.mark.parametrize("is_wiped", [False, True], ids=["store stays", "store wiped"])
async def test_a_budget_of_requests_over_four_gateways(
    is_wiped: bool,
    full: bool,
    crowd: Crowd,
    store: ValkeyServer,
    database: PostgresServer,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    limit, callers = (1000, 50) if full else (120, 20)
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(31, 41))],
        keys=[{"id": "bot", "budget": {"period": "month", "requests": limit}}],
        replicas=4,
        store_url=store.url,
        settings={"usage": {"database_url": database.create_database()}},
    ) as fleet:
        rush = Rush(fleet)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(rush.run(callers))
            if is_wiped:
                while rush.accepted < limit // 2:
                    await asyncio.sleep(0.01)
                assert store.command("FLUSHALL").startswith(b"+OK")
    assert set(rush.outcomes) == {"200 ", "429 policy_budget"}, rush.outcomes
    assert limit <= rush.accepted <= limit + (callers if is_wiped else 0)
    refusal = rush.refusals[0]
    assert refusal.json()["error"]["code"] == "insufficient_quota"
    assert refusal.retry_after is not None
    report(limit=limit, callers=callers, wiped=is_wiped, accepted=rush.accepted)


async def test_a_budget_outlives_every_gateway_and_the_store(
    crowd: Crowd, store: ValkeyServer, database: PostgresServer, tmp_path: Path
) -> None:
    """All gateways are gone and the store is empty: only the ledger knows what was used."""
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(31, 41))],
        keys=[{"id": "bot", "budget": {"period": "month", "requests": 10}}],
        replicas=2,
        store_url=store.url,
        settings={"usage": {"database_url": database.create_database()}},
    ) as fleet:
        for turn in range(6):
            reply = await ask(fleet.replicas[turn % 2].url, fleet.key, question("hello"))
            assert reply.status == 200
        for replica in fleet.replicas:
            await asyncio.to_thread(replica.terminate)
        store.command("FLUSHALL")
        for replica in fleet.replicas:
            await asyncio.to_thread(replica.start)
        rush = Rush(fleet)
        await rush.run(4)
    assert rush.accepted == 4
