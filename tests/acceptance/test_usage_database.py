"""PostgreSQL away while requests come, and a pod that goes while it is: no record is lost."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.usage_load import SLOW_STREAMS, Load, compare
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.postgres_server import PostgresServer
from tests.servers.usage_rows import usage_rows
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CATCH_UP_SECONDS = 20.0


def usage(directory: Path, database_url: str) -> dict[str, Any]:
    return {"usage": {"database_url": database_url, "journal_dir": str(directory)}}


async def until(is_so: Callable[[], bool], seconds: float = CATCH_UP_SECONDS) -> float:
    """Wait for something; how long it took."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(seconds):
        while not await asyncio.to_thread(is_so):
            await asyncio.sleep(0.05)
    return asyncio.get_running_loop().time() - began


async def test_with_the_database_away_no_request_fails_and_no_record_is_lost(
    full: bool,
    crowd: Crowd,
    database: PostgresServer,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    away, callers = (60.0, 20) if full else (2.0, 6)
    crowd.upstream.faults(SLOW_STREAMS)
    url = database.create_database()
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(21, 31))],
        settings=usage(tmp_path / "journal", url),
    ) as fleet:
        load = Load([fleet.url], fleet.key)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(callers))
            await until(lambda: fleet.metric("gateway_usage_records_shipped_total") > 10)
            await asyncio.to_thread(database.stop)
            await asyncio.sleep(away)
            waiting = fleet.metric("gateway_usage_journal_pending")
            assert fleet.metric("gateway_ledger_up") == 0
            await asyncio.to_thread(database.start)
            took = await until(lambda: fleet.metric("gateway_ledger_up") == 1)
            load.stopping.set()
        caught_up = await until(lambda: fleet.metric("gateway_usage_journal_pending") == 0)
        assert waiting > 20
        assert load.refused == {}
        figures = compare(usage_rows(url), crowd.upstream.ledger(limit=1_000_000), load)
        assert figures.rows == len(load.asked)
    report(
        away=f"{away:.0f} s",
        requests=len(load.asked),
        failed=0,
        waiting_at_its_end=int(waiting),
        noticed_after=f"{took:.2f} s",
        caught_up_after=f"{caught_up:.2f} s",
        lost=0,
    )


async def test_with_the_database_hung_no_request_fails_and_no_record_is_lost(
    full: bool, crowd: Crowd, database: PostgresServer, tmp_path: Path
) -> None:
    url = database.create_database()
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(21, 31))],
        settings=usage(tmp_path / "journal", url),
    ) as fleet:
        load = Load([fleet.url], fleet.key)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(6))
            await until(lambda: fleet.metric("gateway_usage_records_shipped_total") > 10)
            database.pause()
            try:
                await asyncio.sleep(15.0 if full else 1.5)
            finally:
                database.resume()
            load.stopping.set()
        await until(lambda: fleet.metric("gateway_usage_journal_pending") == 0, 40.0)
        assert load.refused == {}
        figures = compare(usage_rows(url), crowd.upstream.ledger(limit=1_000_000), load)
        assert figures.rows == len(load.asked)


async def test_a_pod_that_goes_while_the_database_is_away_loses_no_record(
    full: bool,
    crowd: Crowd,
    store: ValkeyServer,
    database: PostgresServer,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    callers, seconds = (20, 10.0) if full else (6, 1.0)
    crowd.upstream.faults(SLOW_STREAMS)
    url = database.create_database()
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(21, 31))],
        store_url=store.url,
        settings=usage(tmp_path / "pod-1", url),
    ) as fleet:
        load = Load([fleet.url], fleet.key)
        pod = fleet.replicas[0]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(callers))
            await until(lambda: fleet.metric("gateway_usage_records_shipped_total") > 10)
            await asyncio.to_thread(database.stop)
            await asyncio.sleep(seconds)
            load.stopping.set()
        waiting = pod.metric("gateway_usage_journal_pending")
        await asyncio.to_thread(pod.terminate)
        shutil.rmtree(tmp_path / "pod-1")
        await asyncio.to_thread(database.start)
        another = fleet.new_replica({**fleet.document, **usage(tmp_path / "pod-2", url)})
        await asyncio.to_thread(another.start)
        took = await until(lambda: len(usage_rows(url)) >= len(load.asked))
        figures = compare(usage_rows(url), crowd.upstream.ledger(limit=1_000_000), load)
        assert figures.rows == len(load.asked)
        assert waiting > 5
        await until(lambda: store.command("XLEN", "{copilot-gateway:usage}:spilled") == b":0\r\n")
    report(requests=len(load.asked), spilled=int(waiting), lost=0, all_there_after=f"{took:.2f} s")
