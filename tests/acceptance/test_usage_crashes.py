"""The gateway killed again and again in the middle of everything: the ledger tells the truth."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.usage_load import SLOW_STREAMS, Load, compare
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.usage_rows import usage_rows

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_the_ledger_is_exact_after_kills_in_the_middle_of_everything(
    full: bool, crowd: Crowd, tmp_path: Path, report: Callable[..., None]
) -> None:
    kills, callers, seconds = (20, 30, 1.5) if full else (3, 10, 0.5)
    crowd.upstream.faults(SLOW_STREAMS)
    database_url = f"sqlite:///{tmp_path}/usage.db"
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(11, 21))],
        settings={"usage": {"database_url": database_url, "journal_dir": f"{tmp_path}/journal"}},
    ) as fleet:
        load = Load([fleet.url], fleet.key)
        gateway = fleet.replicas[0]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run(callers))
            for _ in range(kills):
                await asyncio.sleep(seconds)
                await asyncio.to_thread(gateway.kill)
                await asyncio.to_thread(gateway.start)
            await asyncio.sleep(seconds)
            load.stopping.set()
        gateway.terminate()
    figures = compare(usage_rows(database_url), crowd.upstream.ledger(limit=1_000_000), load)
    assert figures.complete > 20 * kills
    assert figures.partial > kills
    crashed = [row for row in usage_rows(database_url) if row["outcome"] == "crashed"]
    assert crashed, "no request was under way at any of the kills: this test tests nothing"
    report(
        kills=kills,
        complete=figures.complete,
        partial=figures.partial,
        crashed=len(crashed),
        rows=figures.rows,
        lost=0,
        credits=f"{figures.spent.nano_aiu / 1e9:.6f}",
        **load.refused,
    )
