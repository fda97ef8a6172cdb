"""The store and GitHub fail in every way while callers go on."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from protos.token_service.v1 import token_service_pb2 as pb
from protos.token_service.v1.token_service_pb2_grpc import TokenServiceStub
from tests.servers.callers import Metadata, Outcomes, at_rate, warm
from tests.servers.fleet import Fleet
from tests.servers.simulator import Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
REFUSED = "UNAVAILABLE: upstream refuses"
SHORT_LIVED = {"renew_before_seconds": 0, "renew_jitter_seconds": 0.2, "min_remaining_seconds": 0.5}


def exchanges(upstream: Simulator) -> int:
    return len(upstream.ledger(endpoint="exchange"))


class Watcher:
    """Follows an account on one replica and remembers the newest generation it was told."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        self._channel = channel
        self._metadata = metadata
        self.newest = 0
        self.seen: list[int] = []

    async def run(self) -> None:
        request = pb.WatchCopilotTokenRequest(accounts=["seat-1"])
        while True:
            try:
                stream = TokenServiceStub(self._channel).WatchCopilotToken(
                    request, metadata=self._metadata
                )
                async for change in stream:
                    self.seen.append(change.token.generation)
                    self.newest = max(self.newest, change.token.generation)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)


async def all_reach(watchers: list[Watcher], generation: int, seconds: float) -> None:
    async with asyncio.timeout(seconds):
        while min(watcher.newest for watcher in watchers) < generation:
            await asyncio.sleep(0.1)


async def close(channels: list[grpc.aio.Channel]) -> None:
    for channel in channels:
        await channel.close()


async def test_callers_notice_nothing_of_the_stores_troubles(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """Killed, hung and restarted empty under 200 rps: no failed call, few exchanges."""
    rate, life, phase, replicas = (200, 20, 25.0, 4) if full else (60, 4, 4.2, 2)
    upstream.load({"token": {"life_seconds": life, "refresh_in_seconds": life / 2}})
    settings = {"freshness": SHORT_LIVED}
    with Fleet(tmp_path, upstream.base_url, store.url, replicas, settings=settings) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()
        watchers = [Watcher(channel, fleet.metadata) for channel in channels]
        began = time.monotonic()

        async def ask(number: int) -> None:
            await outcomes.get(channels[number % replicas], "seat-1", fleet.metadata)

        made: list[int] = []

        async def trouble() -> None:
            for act in (store.kill, store.start, store.pause, store.resume):
                await asyncio.sleep(phase)
                made.append(exchanges(upstream))
                await asyncio.to_thread(act)

        async with asyncio.TaskGroup() as group:
            following = [group.create_task(watcher.run()) for watcher in watchers]
            group.create_task(trouble())
            await at_rate(ask, rate, began + 5 * phase)
            last = Outcomes()
            for channel in channels:
                await last.get(channel, "seat-1", fleet.metadata)
            newest = max(last.generations)
            await all_reach(watchers, newest, life)
            for task in following:
                task.cancel()
        lives = (time.monotonic() - began) / (life / 2) + 1
        await close(channels)
        assert outcomes.errors == {}
        assert exchanges(upstream) <= replicas * lives
        *_, before, after = made
        assert after > before, "while the store hung everybody waited for it"
        for watcher in watchers:
            assert watcher.seen == sorted(set(watcher.seen)), "a generation went back or was reused"
        report(
            calls=outcomes.calls,
            failed=0,
            exchanges=exchanges(upstream),
            longest=f"{max(outcomes.seconds):.2f} s",
        )
        if full:
            assert max(outcomes.seconds) <= 1


async def test_a_late_complaint_does_not_kill_the_new_token(
    store: ValkeyServer, upstream: Simulator, tmp_path: Path
) -> None:
    upstream.load({"token": {"life_seconds": 6, "refresh_in_seconds": 2}})
    settings = {"freshness": SHORT_LIVED}
    with Fleet(tmp_path, upstream.base_url, store.url, 2, settings=settings) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()
        await outcomes.get(channels[0], "seat-1", fleet.metadata)
        old = outcomes.tokens[0]
        async with asyncio.timeout(10):
            while outcomes.tokens[-1].token_id == old.token_id:
                await asyncio.sleep(0.1)
                await outcomes.get(channels[1], "seat-1", fleet.metadata)
        before = exchanges(upstream)
        answer = await TokenServiceStub(channels[0]).InvalidateCopilotToken(
            pb.InvalidateCopilotTokenRequest(
                account="seat-1", token_id=old.token_id, reason="upstream said 401"
            ),
            metadata=fleet.metadata,
            timeout=5,
        )
        assert answer.token_id != old.token_id
        await outcomes.get(channels[0], "seat-1", fleet.metadata)
        assert outcomes.tokens[-1].token_id == answer.token_id
        assert outcomes.tokens[-1].state == pb.TOKEN_STATE_FRESH
        assert exchanges(upstream) == before
        await close(channels)


SEATS = ["http_500", "http_504", "unicorn", "garbage", "hang", "rate_limited"]


@pytest.mark.parametrize("seat", SEATS)
async def test_a_token_lives_to_its_end_whatever_github_answers(
    seat: str,
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """No failed call until true expiry, then UNAVAILABLE or RESOURCE_EXHAUSTED with RetryInfo."""
    if not full and seat not in ("unicorn", "rate_limited"):
        pytest.skip("the full-size run has it; the integration tests have each answer by itself")
    life, rate, replicas = (20, 50, 4) if full else (5, 20, 2)
    upstream.load({"token": {"life_seconds": life, "refresh_in_seconds": life / 2}})
    settings = {
        "freshness": SHORT_LIVED,
        "github": {"api_url": upstream.base_url, "timeout_seconds": 2},
    }
    with Fleet(
        tmp_path,
        upstream.base_url,
        store.url,
        replicas,
        settings=settings,
        store={"lock_ttl_seconds": 4},
    ) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes, after = Outcomes(), Outcomes()
        began = time.monotonic()
        await outcomes.get(channels[0], "seat-1", fleet.metadata)
        upstream.faults({"match": {"endpoint": "exchange"}, "seat": seat})

        async def ask(number: int) -> None:
            await outcomes.get(channels[number % replicas], "seat-1", fleet.metadata)

        await at_rate(ask, rate, began + life - 0.1)
        failed_attempts = exchanges(upstream) - 1
        await asyncio.sleep(max(0.0, began + life + 0.5 - time.monotonic()))
        for channel in channels:
            await after.get(channel, "seat-1", fleet.metadata)
            await channel.close()
        assert outcomes.errors == {}
        assert after.tokens == []
        assert all(e.startswith(("UNAVAILABLE", "RESOURCE_EXHAUSTED")) for e in after.errors)
        assert len(after.delays) == replicas
        assert None not in after.delays, "a refusal does not say when to ask again"
        # Pauses grow from 0.5 s at least by three quarters of doubling, over the whole fleet.
        assert failed_attempts <= most_attempts(life / 2)
        report(seat=seat, calls=outcomes.calls, failed=0, attempts=failed_attempts)


def most_attempts(seconds: float) -> int:
    """How many attempts fit when each pause is as short as it may be: 3/4 of 0.5, 1, 2 … 10 s."""
    attempts, pause, passed = 1, 0.5, 0.0
    while (passed := passed + 0.75 * pause) < seconds:
        attempts, pause = attempts + 1, min(10.0, pause * 2)
    return attempts + 1


async def test_a_fleet_whose_every_token_is_refused_does_not_storm_github(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """100 rps of Get → Invalidate for 5 minutes: at most 5 exchanges.

    After three refused tokens in a row none is given for a while. In the short form a token may
    be replaced after 2 seconds instead of a minute.
    """
    rate, seconds, most, replicas = (100, 300, 5, 4) if full else (40, 9, 3, 2)
    if not full:
        upstream.load({"token": {"life_seconds": 4, "refresh_in_seconds": 2}})
    with Fleet(tmp_path, upstream.base_url, store.url, replicas) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()

        async def complain(number: int) -> None:
            channel, had = channels[number % replicas], len(outcomes.tokens)
            await outcomes.get(channel, "seat-1", fleet.metadata)
            if len(outcomes.tokens) == had:
                return
            token_id = outcomes.tokens[-1].token_id
            await TokenServiceStub(channel).InvalidateCopilotToken(
                pb.InvalidateCopilotTokenRequest(account="seat-1", token_id=token_id, reason="401"),
                metadata=fleet.metadata,
                timeout=10,
            )

        await at_rate(complain, rate, time.monotonic() + seconds)
        await close(channels)
        refused = sum(outcomes.errors.values())
        assert 3 <= exchanges(upstream) <= most
        assert len(outcomes.generations) == exchanges(upstream)
        assert [error.split(" one ")[0] for error in outcomes.errors] == [REFUSED]
        assert None not in outcomes.delays
        # From the third token on; what comes before is two of nine seconds, or of five minutes.
        assert refused > outcomes.calls / 4
        assert fleet.metric("copilot_account_alert", kind="rejected_upstream") > 0
        report(calls=outcomes.calls, exchanges=exchanges(upstream), refused=refused)
