"""Wrong keys by the thousand from one address: who has a good key does not notice.

The guessers run in a process of their own, the gateway in another one, its callers in this one.
What is asserted holds on any machine; the full-size run prints what it took.
"""

import asyncio
import re
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.guesses import MOST_ADDRESSES
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import answer_to, ask, is_complete, question
from tests.servers.gateway_fleet import GatewayFleet, GatewayReplica
from tests.servers.guessers import Guessed, GuessersProcess
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CALLERS = 4
PAUSE_SECONDS = 0.05
ONE_ADDRESS_MOST = 100
"""What an address is told about its keys in these seconds: 60 at once and one a second."""
MEGABYTE_IN_KIB = 1024


@dataclass
class Callers:
    """What callers with a good key got, and how long it took."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    async def run(self, fleet: GatewayFleet, seconds: float) -> None:
        """Ask for that long."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(CALLERS):
                tasks.create_task(self._one(fleet, number, time.monotonic() + seconds))

    async def _one(self, fleet: GatewayFleet, number: int, until: float) -> None:
        while time.monotonic() < until:
            said = f"hello {number}"
            reply = await ask(fleet.url, fleet.key, question(said))
            is_good = is_complete(reply, answer_to(said))
            self.outcomes["complete" if is_good else f"{reply.status} {reply.fault}"] += 1
            self.seconds.append(reply.seconds)
            await asyncio.sleep(PAUSE_SECONDS)

    def ms(self, share: float) -> float:
        """So many of a hundred took no longer."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def resident(replica: GatewayReplica) -> int:
    """Megabytes of memory."""
    running = replica.process.process
    assert running is not None
    arguments = ["ps", "-o", "rss=", "-p", str(running.pid)]
    return int(subprocess.check_output(arguments)) // MEGABYTE_IN_KIB


@pytest.fixture
def fleet(store: ValkeyServer, crowd: Crowd, tmp_path: Path) -> Iterator[GatewayFleet]:
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(1, 5))],
        store_url=store.url,
        settings={"listen": {"trusted_proxies": ["127.0.0.1"]}, "log": {"level": "info"}},
    ) as fleet:
        yield fleet


def store_calls(store: ValkeyServer) -> int:
    """Commands it was sent; scripts' own among them."""
    told = store.command("INFO", "commandstats").decode()
    return sum(int(number) for number in re.findall(r"^cmdstat_\S+:calls=(\d+)", told, re.M))


async def guess(fleet: GatewayFleet, connections: int, seconds: float, kind: str) -> Guessed:
    with GuessersProcess(fleet.replicas[0].port, connections, seconds, kind) as guessers:
        return await asyncio.to_thread(guessers.guessed)


@pytest.mark.parametrize(
    ("kind", "connections"), [("kept", 64), ("kept", 800), ("fresh", 64), ("impatient", 64)]
)
async def test_callers_do_not_notice_that_somebody_guesses(
    full: bool, fleet: GatewayFleet, report: Callable[..., None], kind: str, connections: int
) -> None:
    if not full and connections > 64:
        pytest.skip("the full-size run has it")
    seconds = 20.0 if full else 0.8
    before, during = Callers(), Callers()
    await before.run(fleet, seconds)
    replica = fleet.replicas[0]
    async with asyncio.TaskGroup() as tasks:
        guessing = tasks.create_task(guess(fleet, connections, seconds + 2, kind))
        await asyncio.sleep(1.0)
        tasks.create_task(during.run(fleet, seconds))
    guessed = guessing.result()
    assert set(before.outcomes) == set(during.outcomes) == {"complete"}, during.outcomes
    if kind == "impatient":
        # Who does not wait has no answer but to guesses that were free, and perhaps not to those.
        assert set(guessed.statuses) <= {"401"}
    else:
        assert set(guessed.statuses) == {"401", "429"}
    assert guessed.statuses.get("401", 0) <= ONE_ADDRESS_MOST
    report(
        guesses_per_second=round(guessed.per_second),
        answered=guessed.statuses,
        guessers_cpu=f"{guessed.cpu / guessed.seconds:.0%}",
        valid=f"{len(before.seconds)} and {len(during.seconds)}",
        p50=f"{before.ms(0.5):.1f} and {during.ms(0.5):.1f} ms",
        p99=f"{before.ms(0.99):.1f} and {during.ms(0.99):.1f} ms",
        gateway_memory=f"{resident(replica)} MB",
    )


async def test_a_guess_asks_neither_the_store_nor_the_ledger_and_is_no_line_of_its_own(
    full: bool, fleet: GatewayFleet, store: ValkeyServer, report: Callable[..., None]
) -> None:
    """What runs on the side asks the store as often as without guesses."""
    seconds = 10.0 if full else 2.0
    replica, idle = fleet.replicas[0], store_calls(store)
    await asyncio.sleep(seconds)
    idle, began = store_calls(store) - idle, store_calls(store)
    guessed = await guess(fleet, 200, seconds, "kept")
    calls = store_calls(store) - began
    assert guessed.statuses["429"] > 100
    # The guessers take a while to start and to end.
    assert calls <= 2 * idle + 20
    assert replica.metric("gateway_usage_journal_pending") == 0
    assert replica.metric("gateway_usage_records_shipped_total") == 0
    output = replica.output()
    replica.terminate()
    assert output.count('"error":"policy_guessing"') == 0
    ended = replica.output()
    assert ended.count('"reason":"policy_guessing"') <= 2 + 2 * seconds / 60
    assert '"message":"refused again","reason":"policy_guessing"' in ended
    report(guesses=guessed.answers, store_calls=f"{idle} without and {calls} with guesses")


async def test_addresses_without_end_take_no_memory_without_end(
    full: bool, fleet: GatewayFleet, report: Callable[..., None]
) -> None:
    """Each guess from an address of its own, which a proxy tells."""
    replica = fleet.replicas[0]
    # What was ever needed at once stays with the process: it is warm when measuring begins.
    await guess(fleet, 64, 1.0, "many")
    before = resident(replica)
    guessed = await guess(fleet, 64, 30.0 if full else 2.0, "many")
    assert set(guessed.statuses) == {"401"}, "an address's first wrong key was refused"
    grown = resident(replica) - before
    assert grown < 64, f"{guessed.answers} addresses took {grown} MB"
    report(addresses=guessed.answers, at_most=MOST_ADDRESSES, grown=f"{grown} MB")
