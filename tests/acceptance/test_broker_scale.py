"""Many accounts and watching clients, wrong clocks, and no secret anywhere."""

import asyncio
import math
import os
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc
import pytest
import redis

from tests.servers.callers import Outcomes, warm
from tests.servers.fleet import Fleet
from tests.servers.process import ROOT
from tests.servers.simulator import Seen, Simulator
from tests.servers.valkey_server import ValkeyServer
from token_client.client import TokenClient

pytestmark = [pytest.mark.anyio, pytest.mark.slow]
SHORT_LIVED = {"renew_before_seconds": 0, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}
HOUR = 3600


def exchanges(upstream: Simulator) -> int:
    return len(upstream.ledger(endpoint="exchange", limit=100_000))


async def test_watching_clients_of_many_accounts_stay_current_over_restarts(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """5,000 accounts × 12 clients, replicas restarted one by one; 200 accounts in use.

    An account is renewed after half of a token's life to three quarters of it.
    """
    count, clients, active, replicas, life = (5000, 12, 200, 3, 60) if full else (60, 3, 20, 2, 8)
    upstream.load(
        {
            "crowd": {"count": count},
            "token": {"life_seconds": life, "refresh_in_seconds": life * 3 // 4},
        }
    )
    accounts = {f"seat-{n}": f"ghu_simulated_seat_{n}" for n in range(1, count + 1)}
    settings = {"freshness": {**SHORT_LIVED, "renew_jitter_seconds": life / 4}}
    with Fleet(
        tmp_path, upstream.base_url, store.url, replicas, accounts, settings=settings
    ) as fleet:
        names = list(accounts)
        used = names[:active]
        async with AsyncExitStack() as stack:
            watching = [await stack.enter_async_context(fleet.client()) for _ in range(clients)]
            for client in watching:
                client.follow(names)
            slowest = 0.0
            for replica in fleet.replicas:
                replica.terminate()
                restarted = time.monotonic()
                await asyncio.to_thread(replica.start)
                await asyncio.gather(*(watching[0].get(name) for name in used))
                slowest = max(slowest, await all_current(watching, used, restarted))
                # all_current has tokens renewed by looking at them: the streams themselves, too.
                await all_follow(fleet, clients)
            before, known = exchanges(upstream), newest(watching, used)
            period = life * 3 / 4
            until = time.monotonic() + period
            while time.monotonic() < until:
                await asyncio.gather(*(watching[0].get(name) for name in used))
                await asyncio.sleep(0.5)
            seen = upstream.ledger(endpoint="exchange", limit=100_000)[before:]
            await all_current(watching, used, until)
            renewed = sum(
                now > then for now, then in zip(newest(watching, used), known, strict=True)
            )
        assert renewed >= active / 2, "too few new tokens to say that the streams are there again"
        made, busiest = len(seen), busiest_second(seen)
        assert made <= active * 2
        assert shortest_period(seen) >= life / 2 * 0.75
        assert busiest < (made / 5 if full else active), "the renewals are not spread"
        asked = {seen.account for seen in upstream.ledger(endpoint="exchange", limit=100_000)}
        assert len(asked) == active, "an account that nobody asked for was exchanged"
        report(
            accounts=count,
            clients=clients,
            slowest=f"{slowest:.1f} s",
            exchanges=made,
            busiest_second=busiest,
        )
        if full:
            assert slowest <= 10


def busiest_second(seen: list[Seen]) -> int:
    """The most of them that came within one second."""
    times = [each.time for each in seen]
    return max(sum(0 <= other - time < 1 for other in times) for time in times)


def shortest_period(seen: list[Seen]) -> float:
    """The least seconds between two of one account."""
    times: dict[str | None, list[float]] = defaultdict(list)
    for each in seen:
        times[each.account].append(each.time)
    gaps = [later - time for own in times.values() for time, later in pairwise(sorted(own))]
    return min(gaps, default=math.inf)


async def test_nobody_is_refused_who_starts(
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """5,000 accounts × 12 clients that are one caller; each asks for 500 of them at a time."""
    count, clients = (5000, 12) if full else (500, 12)
    upstream.load({"crowd": {"count": count}})
    accounts = {f"seat-{n}": f"ghu_simulated_seat_{n}" for n in range(1, count + 1)}
    with Fleet(tmp_path, upstream.base_url, store.url, 1, accounts) as fleet:
        channels = fleet.channels(each=clients)
        await warm(channels)
        outcomes = Outcomes()

        async def ask(channel: grpc.aio.Channel, names: list[str]) -> None:
            for name in names:
                await outcomes.get(channel, name, fleet.metadata)

        names, began = list(accounts), time.monotonic()
        asking = [ask(channel, names[n::500]) for channel in channels for n in range(500)]
        await asyncio.gather(*asking)
        took = time.monotonic() - began
        for channel in channels:
            await channel.close()
        assert outcomes.errors == {}
        assert outcomes.calls == count * clients
        assert exchanges(upstream) == count
        report(calls=outcomes.calls, exchanges=count, per_second=round(outcomes.calls / took))


async def all_follow(fleet: Fleet, clients: int) -> None:
    """Wait until each client has its stream."""
    async with asyncio.timeout(30):
        while fleet.under_way("WatchCopilotToken") < clients:
            await asyncio.sleep(0.1)


def generations(client: TokenClient, names: list[str]) -> list[int]:
    """Of the tokens it holds; 0 for none."""
    held = [client.peek(name) for name in names]
    return [token.generation if token is not None else 0 for token in held]


def newest(watching: list[TokenClient], names: list[str]) -> list[int]:
    """The newest generation of each account that any of them holds."""
    return [max(held) for held in zip(*(generations(c, names) for c in watching), strict=True)]


async def all_current(watching: list[TokenClient], names: list[str], since: float) -> float:
    """Seconds until every client holds the same newest token of each account."""
    async with asyncio.timeout(30):
        while True:
            best = newest(watching, names)
            if all(generations(client, names) == best for client in watching):
                return time.monotonic() - since
            await asyncio.sleep(0.1)


def wall_clock_off_by(seconds: int) -> dict[str, str]:
    """The environment of a process whose wall clock is wrong."""
    return {
        "PYTHONPATH": os.pathsep.join((str(ROOT / "tests/servers/shifted_clock"), str(ROOT))),
        "SHIFT_WALL_CLOCK_SECONDS": str(seconds),
    }


@pytest.mark.parametrize(
    ("github", "broker", "caller"),
    [
        *((HOUR, 0, 0), (-HOUR, 0, 0), (0, HOUR, 0), (0, -HOUR, 0), (0, 0, HOUR), (0, 0, -HOUR)),
        *((HOUR, -HOUR, -HOUR), (-HOUR, HOUR, HOUR)),
    ],
)
async def test_wrong_clocks_cost_no_exchange(
    github: int,
    broker: int,
    caller: int,
    full: bool,
    store: ValkeyServer,
    upstream: Simulator,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """GitHub's, the brokers', a caller's clock an hour off: as many exchanges as with true ones."""
    if not full and 0 in (github, broker, caller):
        pytest.skip("the full-size run has every combination")
    life, lives, replicas = (8, 4, 3) if full else (6, 1, 2)
    upstream.load(
        {
            "token": {"life_seconds": life, "refresh_in_seconds": life // 2},
            "clock": {"skew_seconds": github},
        }
    )
    settings = {"freshness": SHORT_LIVED}
    with Fleet(
        tmp_path,
        upstream.base_url,
        store.url,
        replicas,
        settings=settings,
        environment=wall_clock_off_by(broker),
    ) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()
        began = time.monotonic()
        await outcomes.get(channels[0], "seat-1", fleet.metadata)
        seconds = lives * life / 2 + life / 4
        # It takes a while to start, and is to end before the next renewal is due.
        with fleet.caller(seconds - life / 4, caller) as other:
            while time.monotonic() < began + seconds:
                await asyncio.sleep(0.1)
                for channel in channels:
                    await outcomes.get(channel, "seat-1", fleet.metadata)
            told = await asyncio.to_thread(other.told)
        for channel in channels:
            await channel.close()
        assert outcomes.errors == {}
        assert exchanges(upstream) == 1 + lives
        assert told.failed == 0
        assert told.cached > told.calls / 2, "it took living tokens for dead ones"
        assert told.tokens > lives / 2, "it was not there for the renewals"
        assert told.believed <= life, "it took dead tokens for living ones"
        assert told.off_by == caller, "the caller's clock was not off"
        stated = outcomes.tokens[-1].expires_at.seconds - time.time()
        assert abs(stated - github - life) < life, "GitHub's clock was not off"
        assert all(f"off by {broker} s" in text for text in fleet.outputs()), "the brokers' was not"
        report(github=github, broker=broker, caller=caller, exchanges=exchanges(upstream))


async def test_no_credential_is_anywhere_it_does_not_belong(
    store: ValkeyServer, upstream: Simulator, tmp_path: Path
) -> None:
    """The store's whole content, logs at level debug, metrics, errors and what --check prints.

    Even where GitHub says a credential back in the text of its refusal.
    """
    accounts = {"seat-1": "ghu_simulated_octocat", "seat-2": "ghu_simulated_noaccess"}
    said = f"No access to Copilot for {accounts['seat-2']}"
    details = {"notification_id": "no_copilot_access", "title": said, "message": said}
    upstream.faults(
        {
            "match": {"endpoint": "exchange", "account": "noaccess"},
            "respond": {"status": 403, "body": {"message": said, "error_details": details}},
        }
    )
    with Fleet(tmp_path, upstream.base_url, store.url, 2, accounts) as fleet:
        channels = fleet.channels()
        await warm(channels)
        outcomes = Outcomes()
        for account in ("seat-1", "seat-2", "nowhere"):
            for channel in channels:
                await outcomes.get(channel, account, fleet.metadata)
                await outcomes.get(channel, account, (("authorization", "Bearer wrong"),))
        for channel in channels:
            await channel.close()
        database = redis.Redis(port=store.port)
        keys: list[bytes] = list(database.scan_iter())
        # Not DUMP: it compresses, and hides what is there.
        stored: list[dict[Any, Any]] = [
            database.hgetall(key) for key in keys if database.type(key) == b"hash"
        ]
        assert len(stored) == len(keys), "there are keys of other types: read those too"
        database.close()
        written = [text.encode() for text in fleet.outputs()]
        written += [
            *keys,
            *(b"".join([*record, *record.values()]) for record in stored),
            repr(outcomes.errors).encode(),
        ]
        for replica in fleet.replicas:
            written += [replica.metrics().encode(), replica.checked().encode()]
        secrets = [
            *upstream.issued(),
            *fleet.accounts.values(),
            fleet.caller_token,
            fleet.store_key,
        ]
        assert outcomes.tokens[0].value in secrets
        assert len(stored) >= 1
        assert any("No access to Copilot for" in error for error in outcomes.errors)
        for number, text in enumerate(written):
            found = [secret[:6] for secret in secrets if secret.encode() in text]
            assert not found, f"output {number} holds a secret"
