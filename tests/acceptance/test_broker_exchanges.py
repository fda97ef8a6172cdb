"""One exchange per fleet: cold, at renewal, and when the replica that exchanges dies."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.servers.callers import Outcomes, warm
from tests.servers.fleet import Fleet
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
EXCHANGE_TIMEOUT, LOCK_TTL = 3, 4
SHORT_LIVED = {"renew_before_seconds": 0, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}


def exchanges(upstream: Simulator) -> int:
    return len(upstream.ledger(endpoint="exchange"))


def slow_exchange(upstream: Simulator, seconds: float) -> None:
    upstream.faults({"match": {"endpoint": "exchange"}, "delay_seconds": seconds})


async def exchange_begins(upstream: Simulator) -> None:
    async with asyncio.timeout(10):
        while exchanges(upstream) == 0:
            await asyncio.sleep(0.02)


async def test_a_cold_fleet_exchanges_once(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """4 replicas × 250 callers through warm channels: 1 exchange, all answered."""
    callers, exchange = (250, 2.0) if full else (25, 0.5)
    slow_exchange(upstream, exchange)
    with Fleet(tmp_path, upstream.base_url, store.url) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()
        await asyncio.gather(
            *(
                outcomes.get(channel, "seat-1", fleet.metadata)
                for channel in channels
                for _ in range(callers)
            )
        )
        for channel in channels:
            await channel.close()
        assert outcomes.errors == {}
        assert len(outcomes.tokens) == callers * 4
        assert len({token.token_id for token in outcomes.tokens}) == 1
        assert exchanges(upstream) == 1
        report(calls=outcomes.calls, exchanges=1, p99=f"{outcomes.percentile(0.99):.2f} s")
        if full:
            assert outcomes.percentile(0.99) <= exchange + 1


async def test_at_renewal_a_fleet_exchanges_once_and_nobody_waits(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    life, exchange, callers = (40, 2.0, 50) if full else (8, 1.0, 5)
    upstream.load({"token": {"life_seconds": life, "refresh_in_seconds": life // 2}})
    with Fleet(
        tmp_path, upstream.base_url, store.url, settings={"freshness": SHORT_LIVED}
    ) as fleet:
        channels = fleet.channels()
        await warm(channels)
        first = Outcomes()
        for channel in channels:
            await first.get(channel, "seat-1", fleet.metadata)
        slow_exchange(upstream, exchange)
        followers = fleet.metric("copilot_token_followers_total")
        outcomes = Outcomes()

        async def ask(channel_number: int) -> None:
            while time.monotonic() < until:
                await outcomes.get(channels[channel_number], "seat-1", fleet.metadata)
                await asyncio.sleep(0.05)

        until = time.monotonic() + life / 2 + exchange + 1
        await asyncio.gather(*(ask(n % len(channels)) for n in range(callers * len(channels))))
        for channel in channels:
            await channel.close()
        assert outcomes.errors == {}
        assert exchanges(upstream) == 2
        assert len(outcomes.generations) == 2
        assert max(outcomes.generations) == min(outcomes.generations) + 1
        assert fleet.metric("copilot_token_followers_total") == followers, "a caller waited"
        report(calls=outcomes.calls, exchanges=2, longest=f"{max(outcomes.seconds):.3f} s")


def two_replicas_with_short_locks(
    upstream: Simulator, store: ValkeyServer, directory: Path, count: int
) -> Fleet:
    settings = {
        "github": {
            "api_url": upstream.base_url,
            "web_url": upstream.base_url,
            "timeout_seconds": EXCHANGE_TIMEOUT,
        }
    }
    return Fleet(
        directory,
        upstream.base_url,
        store.url,
        count,
        settings=settings,
        store={"lock_ttl_seconds": LOCK_TTL},
    )


async def test_a_paused_holder_wakes_up_to_find_its_lock_taken(
    store: ValkeyServer, upstream: Simulator, tmp_path: Path
) -> None:
    """SIGSTOP in the exchange until past the lock's TTL, then SIGCONT: the newer token stays."""
    slow_exchange(upstream, 2.0)
    with two_replicas_with_short_locks(upstream, store, tmp_path, 2) as fleet:
        channels = fleet.channels()
        await warm(channels)
        early, late, afterwards = Outcomes(), Outcomes(), Outcomes()
        async with asyncio.TaskGroup() as group:
            group.create_task(early.get(channels[0], "seat-1", fleet.metadata))
            await exchange_begins(upstream)
            fleet.replicas[0].pause()
            await late.get(channels[1], "seat-1", fleet.metadata)
            fleet.replicas[0].resume()
        for channel in channels:
            await afterwards.get(channel, "seat-1", fleet.metadata)
            await channel.close()
        assert late.errors == afterwards.errors == {}
        assert exchanges(upstream) == 2
        assert {token.token_id for token in afterwards.tokens} == {late.tokens[0].token_id}
        assert fleet.metric("copilot_token_lock_takeovers_total") >= 1


async def test_when_the_exchanging_replica_is_killed_another_takes_over(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """Every caller of token_client is answered, with at most 2 exchanges in all."""
    callers = 200 if full else 20
    slow_exchange(upstream, 1.5)
    with two_replicas_with_short_locks(upstream, store, tmp_path, 3) as fleet:
        channels = fleet.channels()
        await warm(channels)
        async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(fleet.client()) for _ in range(callers)]
            victim = Outcomes()
            group.create_task(victim.get(channels[0], "seat-1", fleet.metadata))
            await exchange_begins(upstream)
            asked = [group.create_task(client.get("seat-1")) for client in clients]
            await asyncio.sleep(0.3)
            fleet.replicas[0].kill()
            killed_at = time.monotonic()
            tokens = await asyncio.gather(*asked)
            took = time.monotonic() - killed_at
        for channel in channels:
            await channel.close()
        assert len({token.token_id for token in tokens}) == 1
        assert exchanges(upstream) <= 2
        report(callers=callers, exchanges=exchanges(upstream), takeover=f"{took:.2f} s")
        if full:
            assert took <= LOCK_TTL + 1.5 + 1
