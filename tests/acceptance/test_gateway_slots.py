"""Keys' limits over two replicas, one of which is killed: never exceeded, and soon free again."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import pytest

from tests.acceptance.overlap import full_from, most_at_once
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import answer_to, ask, is_complete, question
from tests.servers.gateway_fleet import GatewayFleet, GatewayReplica
from tests.servers.simulator import Seen
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LIMIT = 2
LEASE_SECONDS = 3.0
ANSWER_SECONDS = 0.5
CALLERS_PER_KEY = 3 * LIMIT


def by_key(ledger: Iterable[Seen]) -> Mapping[str, list[Seen]]:
    """What was asked for each key, whose name its requests are marked with."""
    found: dict[str, list[Seen]] = defaultdict(list)
    for seen in ledger:
        found[seen.marker or ""].append(seen)
    return found


class Load:
    """More callers of each key than it has places, who ask one replica after the other.

    Those of every other key ask the first replica alone while it lives: places of theirs are
    certainly taken when it dies.
    """

    def __init__(self, fleet: GatewayFleet) -> None:
        self._fleet = fleet
        self.outcomes: Counter[str] = Counter()
        self.stopping = asyncio.Event()

    def start(self, tasks: asyncio.TaskGroup) -> None:
        for place, key in enumerate(self._fleet.keys):
            for number in range(CALLERS_PER_KEY):
                tasks.create_task(self._caller(key, number, most_replicas=1 + place % 2))

    async def _caller(self, key: str, number: int, most_replicas: int) -> None:
        turn = number
        while not self.stopping.is_set():
            alive = [each for each in self._fleet.replicas if each.is_alive][:most_replicas]
            await self._one(alive[turn % len(alive)], key, f"marker:{key} {turn} of {number}")
            turn += 1

    async def _one(self, replica: GatewayReplica, key: str, said: str) -> None:
        reply = await ask(replica.url, self._fleet.keys[key], question(said))
        if is_complete(reply, answer_to(said)):
            self.outcomes["complete"] += 1
        elif reply.status == 0 and not replica.is_alive:
            self.outcomes["lost with the replica"] += 1
        else:
            self.outcomes[f"{reply.status} {reply.fault}"] += 1


async def test_no_key_exceeds_its_limit_and_a_killed_replicas_places_come_back(
    full: bool,
    store: ValkeyServer,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """Two replicas, 50 keys at their limits, one replica killed in the middle of it."""
    keys, seconds = (50, 10.0) if full else (12, 1.5)
    crowd.upstream.faults({"match": {"endpoint": "chat"}, "delay_seconds": ANSWER_SECONDS})
    entry = {"max_concurrency": LIMIT, "max_waiting": 100}
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(1, 5))],
        keys=[{"id": f"key-{n}", **entry} for n in range(keys)],
        replicas=2,
        store_url=store.url,
        settings={"slots": {"lease_seconds": LEASE_SECONDS}},
    ) as fleet:
        load = Load(fleet)
        async with asyncio.TaskGroup() as tasks:
            load.start(tasks)
            await asyncio.sleep(seconds)
            killed_at = time.monotonic()
            fleet.replicas[0].kill()
            await asyncio.sleep(LEASE_SECONDS + seconds)
            load.stopping.set()
        assert fleet.metric("gateway_waiting") == 0
        assert fleet.metric("gateway_inflight") == 0
    requests = by_key(crowd.upstream.ledger(endpoint="chat", limit=100_000))
    most = {key: most_at_once(asked) for key, asked in requests.items()}
    assert set(most) == set(fleet.keys)
    assert set(most.values()) == {LIMIT}, most
    assert set(load.outcomes) == {"complete", "lost with the replica"}, load.outcomes
    # Its places were as taken as can be: its callers had them all the time.
    free = max(full_from(asked, LIMIT, killed_at) for asked in requests.values()) - killed_at
    assert free <= LEASE_SECONDS + (0.5 if full else 2.0)
    report(**load.outcomes, most_per_key=LIMIT, free_after=f"{free:.2f} s", lease=LEASE_SECONDS)
