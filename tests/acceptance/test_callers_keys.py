"""Fifty thousand keys in a database: what they cost, how fast one is gone, and the database away.

What is asserted holds on any machine; the full-size run prints what it took.
"""

import asyncio
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.domain.api_keys import Rate, digest
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.stored_keys import StoredKey
from tests.fakes.stored_keys import a_stored_key, fill
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import Call, Reply, answer_to, ask, is_complete, question
from tests.servers.gateway_fleet import GROUP, Broker, GatewayFleet, GatewayReplica
from tests.servers.postgres_server import PostgresServer
from tests.servers.process import ROOT, clean_environment
from tests.servers.simulator import Simulator
from tests.servers.supervisor import descendants_of
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

MODEST = {"rate": Rate(1_000_000, None), "budget": Budget(Period.MONTH, tokens=10**12)}
NANOSECONDS = 1e9


def secret(number: int) -> str:
    """The text of a key in the database."""
    return f"cgw-test-key-{number:06}"


def keys_of(numbers: range, **fields: Any) -> list[StoredKey]:
    return [
        a_stored_key(id=f"db-{number}", sha256=digest(secret(number)), group_id=GROUP, **fields)
        for number in numbers
    ]


async def filled(database: PostgresServer, keys: Sequence[StoredKey]) -> str:
    """A database of a ledger with these keys; its URL."""
    url = database.create_database()
    ledger = SqlLedger(url)
    await ledger.prepare()
    await ledger.close()
    fill(url, keys)
    return url


def cpu_seconds(replica: GatewayReplica) -> float:
    """What its process has used so far."""
    running = replica.process.process
    assert running is not None
    return int(Path(f"/proc/{running.pid}/schedstat").read_text().split()[0]) / NANOSECONDS


async def served(replica: GatewayReplica, numbers: range) -> float:
    """CPU seconds a request, over one request for each of these keys."""
    before = cpu_seconds(replica)
    queue = iter(numbers)

    async def caller() -> None:
        for number in queue:
            reply = await ask(replica.url, secret(number), question("hello"))
            assert is_complete(reply, answer_to("hello")), reply.fault

    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(caller())
    return (cpu_seconds(replica) - before) / len(numbers)


async def test_many_keys_cost_a_start_and_no_request(
    full: bool,
    crowd: Crowd,
    database: PostgresServer,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    many, requests, rounds = (50_000, 1_000, 7) if full else (5_000, 50, 1)
    few, all_of_them = keys_of(range(requests), **MODEST), keys_of(range(many), **MODEST)
    seconds: dict[int, float] = {}
    costs: dict[int, list[float]] = {len(few): [], len(all_of_them): []}
    with GatewayFleet(tmp_path, crowd.broker, groups=[team(range(60, 80))]) as fleet:
        replicas = {}
        for keys in (few, all_of_them):
            usage = {"database_url": await filled(database, keys)}
            replica = fleet.new_replica({**fleet.document, "usage": usage})
            begun = time.monotonic()
            await asyncio.to_thread(replica.start)
            seconds[len(keys)] = time.monotonic() - begun
            assert replica.metric("gateway_keys", source="database") == len(keys)
            replicas[len(keys)] = replica
            await served(replica, range(requests))
        for _ in range(rounds):
            for count, replica in replicas.items():
                costs[count].append(await served(replica, range(requests)))
        last = await ask(replicas[many].url, secret(many - 1), question("hello"))
        assert last.status == 200
    medians = {count: statistics.median(each) for count, each in costs.items()}
    if full:
        assert seconds[many] < 5
    report(
        start_seconds={count: round(each, 2) for count, each in seconds.items()},
        cpu_us_per_request={count: round(each * 1e6) for count, each in medians.items()},
        ratio=round(medians[many] / medians[requests], 3),
        spread=[f"{min(each) * 1e6:.0f} to {max(each) * 1e6:.0f}" for each in costs.values()],
    )


@dataclass
class Streams:
    """Streams of one key, on all gateways."""

    begun: int = 0
    ends: list[float] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    async def read(self, url: str, key: str) -> None:
        async with Call(url, key, question("hello", stream=True)) as call:
            assert await call.read_until(400)
            self.begun += 1
            self.replies.append(await call.read_all())
            self.ends.append(time.monotonic())


@pytest.fixture
def slow_broker(tmp_path: Path) -> Iterator[Broker]:
    """In front of an upstream whose answers take half a minute."""
    with (
        Simulator() as upstream,
        Broker(tmp_path, upstream.base_url, {"seat-1": "ghu_simulated_octocat"}) as broker,
    ):
        upstream.load({"chat": {"chunks": 600, "chunk_delay_seconds": 0.05}})
        yield broker


async def test_a_revoked_keys_streams_end_on_every_worker_of_every_replica(
    full: bool,
    slow_broker: Broker,
    database: PostgresServer,
    store: ValkeyServer,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    many, streams = (50_000, 24) if full else (2, 12)
    workers = 2
    url = await filled(database, keys_of(range(many)))
    settings = {"listen": {"workers": workers}, "usage": {"database_url": url}}
    with GatewayFleet(
        tmp_path, slow_broker, replicas=2, store_url=store.url, settings=settings
    ) as fleet:
        revoked, other = Streams(), Streams()
        async with asyncio.TaskGroup() as tasks:
            for number in range(streams):
                replica = fleet.replicas[number % len(fleet.replicas)]
                tasks.create_task(revoked.read(replica.url, secret(0)))
            others = tasks.create_task(other.read(fleet.url, secret(1)))
            while revoked.begun < streams or not other.begun:
                await asyncio.sleep(0.01)
            assert await asyncio.to_thread(busy_workers, fleet) == len(fleet.replicas) * workers
            begun = time.monotonic()
            await asyncio.to_thread(revoke, fleet, "db-0")
            command = time.monotonic() - begun
            while len(revoked.ends) < streams:
                await asyncio.sleep(0.05)
            assert not other.ends, "another key's stream has ended too"
            refused = [await ask(each.url, secret(0), question("hi")) for each in fleet.replicas]
            others.cancel()
    assert {reply.fault for reply in refused} == {"caller_key_revoked"}
    for reply in revoked.replies:
        assert b"revoked" in reply.body.rpartition(b"data: ")[2]
        assert b"[DONE]" not in reply.body
    slowest = max(revoked.ends) - begun
    if full:
        assert slowest - command < 5
    report(
        keys=many,
        replicas_and_workers=f"2 x {workers}",
        streams=streams,
        command_seconds=round(command, 2),
        first_and_last_end=f"{min(revoked.ends) - begun:.2f} and {slowest:.2f} s after it began",
    )


def busy_workers(fleet: GatewayFleet) -> int:
    """How many processes have a connection of a caller."""
    ports = {f"{replica.port:04X}" for replica in fleet.replicas}
    inodes = {
        words[9]
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        if (words := line.split())[1].partition(":")[2] in ports and words[3] == "01"
    }
    return sum(holds_one(pid, inodes) for replica in fleet.replicas for pid in workers_of(replica))


def holds_one(pid: int, inodes: set[str]) -> bool:
    wanted = {f"socket:[{inode}]" for inode in inodes}
    return any(str(link.readlink()) in wanted for link in Path(f"/proc/{pid}/fd").iterdir())


def workers_of(replica: GatewayReplica) -> tuple[int, ...]:
    running = replica.process.process
    assert running is not None
    return descendants_of(running.pid)


def revoke(fleet: GatewayFleet, key_id: str) -> None:
    command = [sys.executable, "-m", "gateway", "keys", "revoke", "--id", key_id]
    subprocess.run(
        [*command, "--config", str(fleet.replicas[0].file)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        timeout=60,
        check=True,
    )


async def test_without_its_database_a_gateway_knows_whom_it_knew_and_calls_nobody_unknown(
    full: bool,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """Away later: nothing changes. Away from the start: 503 for all but the configuration's."""
    seconds, many = (20.0, 50_000) if full else (1.5, 50)
    outcomes: dict[str, Counter[str]] = {"before it left": Counter(), "without": Counter()}
    with PostgresServer() as database:
        url = await filled(database, keys_of(range(many)))
        with GatewayFleet(
            tmp_path,
            crowd.broker,
            groups=[team(range(80, 100))],
            settings={"usage": {"database_url": url}},
        ) as fleet:
            replica = fleet.replicas[0]
            await use(replica, fleet.key, seconds / 2, many, outcomes["before it left"])
            database.kill()
            await use(replica, fleet.key, seconds, many, outcomes["without"])
            late = fleet.new_replica()
            began = time.monotonic()
            await asyncio.to_thread(late.start)
            start = time.monotonic() - began
            found = {
                who: await ask(late.url, key, question("hello"))
                for who, key in (("file", fleet.key), ("database", secret(0)), ("nobody", "none"))
            }
            assert late.metric("gateway_keys_up") == 0
            database.start()
            began = time.monotonic()
            # They come part by part: what is unknown is known when all have come.
            while (await ask(late.url, "none", question("hello"))).fault != "caller_key_unknown":
                assert time.monotonic() < began + 30
                await asyncio.sleep(0.1)
            back = time.monotonic() - began
            assert (await ask(late.url, secret(many - 1), question("hello"))).status == 200
            assert late.metric("gateway_keys_up") == 1
    for each in outcomes.values():
        assert set(each) == {"complete"}, outcomes
    assert {who: (reply.status, reply.fault) for who, reply in found.items()} == {
        "file": (200, ""),
        "database": (503, "gateway_keys"),
        "nobody": (503, "gateway_keys"),
    }
    assert all((found[who].retry_after or 0) >= 1 for who in ("database", "nobody"))
    report(
        keys=many,
        **{name.replace(" ", "_"): dict(each) for name, each in outcomes.items()},
        start_without_it_seconds=round(start, 2),
        known_again_after_seconds=round(back, 2),
    )


async def use(
    replica: GatewayReplica, file_key: str, seconds: float, many: int, outcomes: Counter[str]
) -> None:
    """Ask with the configuration's key and with all of the database's, turn by turn."""
    until, turn = time.monotonic() + seconds, 0

    async def caller() -> None:
        nonlocal turn
        while time.monotonic() < until:
            turn += 1
            key = file_key if turn % 4 == 0 else secret(turn % many)
            reply = await ask(replica.url, key, question("hello"))
            good = is_complete(reply, answer_to("hello"))
            outcomes["complete" if good else f"{reply.status} {reply.fault}"] += 1

    async with asyncio.TaskGroup() as tasks:
        for _ in range(4):
            tasks.create_task(caller())
