"""Rates of keys over four gateways: in no minute more than the limit and what is in flight."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import Reply, ask, question
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.usage_rows import Row, usage_rows
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

REQUESTS, TOKENS = "by-requests", "by-tokens"


class Rush:
    """Callers of one key at all the gateways at once, refused or not.

    They stop after some seconds, when one has been refused.
    """

    def __init__(self, fleet: GatewayFleet, key: str, seconds: float) -> None:
        self._fleet = fleet
        self._key = fleet.keys[key]
        self._end = time.monotonic() + seconds
        self.outcomes: Counter[str] = Counter()
        self.refusals: list[Reply] = []

    async def run(self, callers: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(callers):
                tasks.create_task(self._caller(number))

    async def _caller(self, number: int) -> None:
        replicas = self._fleet.replicas
        turn = number
        while time.monotonic() < self._end or not self.refusals:
            turn += 1
            reply = await ask(
                replicas[turn % len(replicas)].url, self._key, question("hello"), patience=30
            )
            self.outcomes[f"{reply.status} {reply.fault}"] += 1
            if reply.status == 429:
                self.refusals.append(reply)
                # Nobody asks as fast as this; whoever is refused at once would starve the others.
                await asyncio.sleep(0.05)


def by_minute(rows: Iterable[Row], key: str) -> list[Sequence[Row]]:
    """The key's requests that were answered, by the minute in which they came."""
    minutes: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["key_id"] == key and row["outcome"] == "complete":
            minutes[str(row["time"])[:16]].append(row)
    return list(minutes.values())


def tokens(rows: Sequence[Row]) -> int:
    return sum(row["input_tokens"] + row["output_tokens"] for row in rows)


async def test_rates_over_four_gateways(
    full: bool, crowd: Crowd, store: ValkeyServer, tmp_path: Path, report: Callable[..., None]
) -> None:
    limit, most_tokens, callers, seconds = (600, 20_000, 40, 150.0) if full else (60, 1_500, 8, 1.5)
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(31, 51))],
        keys=[
            {"id": REQUESTS, "rate": {"requests_per_minute": limit}},
            {"id": TOKENS, "rate": {"tokens_per_minute": most_tokens}},
        ],
        replicas=4,
        store_url=store.url,
    ) as fleet:
        rushes = [Rush(fleet, key, seconds) for key in (REQUESTS, TOKENS)]
        async with asyncio.TaskGroup() as tasks:
            for rush in rushes:
                tasks.create_task(rush.run(callers))
        for replica in fleet.replicas:
            await asyncio.to_thread(replica.terminate)
    for rush in rushes:
        assert set(rush.outcomes) == {"200 ", "429 policy_rate"}, rush.outcomes
        assert all(
            reply.json()["error"]["code"] == "rate_limit_exceeded" for reply in rush.refusals
        )
        assert all(1 <= (reply.retry_after or 0) <= 60 for reply in rush.refusals)
    ledgers = [f"sqlite:///{tmp_path}/usage-{replica.port}.db" for replica in fleet.replicas]
    rows = [row for ledger in ledgers for row in usage_rows(ledger)]
    accepted = [len(minute) for minute in by_minute(rows, REQUESTS)]
    used = [tokens(minute) for minute in by_minute(rows, TOKENS)]
    largest = max(row["input_tokens"] + row["output_tokens"] for row in rows)
    assert sum(accepted) == rushes[0].outcomes["200 "]
    # Somebody was refused, so that the limit was reached in some minute; and passed in none.
    assert max(accepted) == limit
    assert most_tokens <= max(used) < most_tokens + callers * largest
    report(
        callers=f"2 x {callers}",
        requests_per_minute=limit,
        accepted=accepted,
        tokens_per_minute=most_tokens,
        used=used,
        refused=sum(len(rush.refusals) for rush in rushes),
    )
