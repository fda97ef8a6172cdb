"""The store is killed, starts empty and hangs, under load: one replica keeps its promises alone."""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.overlap import most_at_once
from tests.servers.callers import at_rate
from tests.servers.crowd import Crowd, seat
from tests.servers.gateway_callers import MODEL, answer_to, ask, is_complete, question
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.simulator import Seen, Simulator
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SLOW_MODEL = "gpt-4.1"
"""For callers that take places: its answers need this long."""
SLOW_SECONDS = 0.2
KEY_LIMIT, SEAT_LIMIT = 2, 3
CONVERSATIONS = 30
UNDER_WAY_SECONDS = 0.5
LONGEST_SECONDS = 1.5
"""What a caller may notice of it, of answers that upstream gives at once."""
LIMITED, NARROW, FAILING, RESTING, LATE = map(seat, range(1, 6))
GROUPS: dict[str, list[dict[str, Any]]] = {
    "limited": [{"id": LIMITED}],
    "narrow": [{"id": NARROW, "max_concurrency": SEAT_LIMIT}],
    "failing": [{"id": FAILING, "priority": 0}, {"id": seat(11), "priority": 1}],
    "resting": [{"id": RESTING, "priority": 0}, {"id": seat(12), "priority": 1}],
    "late": [{"id": LATE, "priority": 0}, {"id": seat(13), "priority": 1}],
    "talking": [{"id": seat(n)} for n in range(21, 25)],
}
KEYS: list[dict[str, Any]] = [
    {"id": "limited", "group": "limited", "max_concurrency": KEY_LIMIT, "max_waiting": 50},
    *({"id": name, "group": name} for name in GROUPS if name != "limited"),
]


def rule(account: str, **fault: Any) -> dict[str, Any]:
    return {"match": {"endpoint": "chat", "account": account}, **fault}


def rate_limited(account: str) -> dict[str, Any]:
    return rule(account, refusal="rate_limited", headers={"retry-after": "3600"})


class Load:
    """All groups' callers, and what they got."""

    def __init__(self, fleet: GatewayFleet) -> None:
        self._fleet = fleet
        self.phase = "up"
        self.outcomes: Counter[str] = Counter()
        self.slowest: dict[str, float] = defaultdict(float)
        self.stopping = asyncio.Event()

    async def one(self, group: str, said: str, model: str, **more: Any) -> None:
        phase = self.phase
        reply = await ask(
            self._fleet.url, self._fleet.keys[group], question(said, model=model, **more)
        )
        if is_complete(reply, answer_to(said, model)):
            self.outcomes["complete"] += 1
        else:
            self.outcomes[f"{group}: {reply.status} {reply.fault}"] += 1
        if model == MODEL:
            self.slowest[phase] = max(self.slowest[phase], reply.seconds)

    async def quick(self, number: int) -> None:
        """Requests that need no place, of the other groups in turn."""
        group = ("failing", "resting", "late", "talking")[number % 4]
        if group == "talking":
            name = f"talking-{number // 4 % CONVERSATIONS}"
            await self.one(group, f"marker:{name} {number}", MODEL, prompt_cache_key=name)
        else:
            await self.one(group, f"{group} {number}", MODEL)

    async def occupant(self, group: str, number: int) -> None:
        """One request after the other for the same few places."""
        turn = 0
        while not self.stopping.is_set():
            await self.one(group, f"{group} {number} {turn}", SLOW_MODEL)
            turn += 1


class Trouble:
    """What happens to the store, and when; while it is gone another account reaches its limit."""

    def __init__(self, store: ValkeyServer, upstream: Simulator, load: Load, phase: float) -> None:
        self._store = store
        self._upstream = upstream
        self._load = load
        self._phase = phase
        self.cooled_by = 0.0
        """Seconds since the epoch."""

    async def run(self, began: float) -> None:
        acts = (
            ("killed", self._kill),
            ("started empty", self._store.start),
            ("hung", self._store.pause),
            ("awake", self._store.resume),
        )
        for number, (name, act) in enumerate(acts, 1):
            await asyncio.sleep(max(0.0, began + number * self._phase - time.monotonic()))
            self._load.phase = name
            await asyncio.to_thread(act)

    def _kill(self) -> None:
        self._store.kill()
        # Nobody else can be told; it has to be known when the store is back, too.
        self._upstream.faults(rate_limited(LATE))
        self.cooled_by = time.time() + self._phase / 2


def fleet_of(directory: Path, crowd: Crowd, store: ValkeyServer) -> GatewayFleet:
    crowd.upstream.faults(
        {"match": {"endpoint": "chat", "model": SLOW_MODEL}, "delay_seconds": SLOW_SECONDS},
        rule(FAILING, refusal="internal_error"),
        rate_limited(RESTING),
    )
    return GatewayFleet(
        directory,
        crowd.broker,
        groups=[{"id": name, "accounts": members} for name, members in GROUPS.items()],
        keys=KEYS,
        store_url=store.url,
    )


async def test_the_stores_troubles_cost_one_replica_nothing(
    full: bool,
    store: ValkeyServer,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """Limits, failover, cool-downs and homes hold through all of it; no request waits for it."""
    rate, phase = (60, 8.0) if full else (40, 1.2)
    with fleet_of(tmp_path, crowd, store) as fleet:
        load = Load(fleet)
        trouble = Trouble(store, crowd.upstream, load, phase)
        began = time.monotonic()
        async with asyncio.TaskGroup() as callers:
            for group, limit in (("limited", KEY_LIMIT), ("narrow", SEAT_LIMIT)):
                for number in range(2 * limit + 2):
                    callers.create_task(load.occupant(group, number))
            callers.create_task(trouble.run(began))
            await at_rate(load.quick, rate, began + 5 * phase)
            load.stopping.set()
        ledger = crowd.upstream.ledger(endpoint="chat", limit=100_000)
    assert set(load.outcomes) == {"complete"}, load.outcomes
    assert most_at_once(of(ledger, LIMITED)) == KEY_LIMIT
    assert most_at_once(of(ledger, NARROW)) == SEAT_LIMIT
    # Some were under way when the first one came back; after that nobody asks.
    assert span(of(ledger, RESTING)) < UNDER_WAY_SECONDS, "an account at its limit was asked"
    limited = [seen for seen in of(ledger, LATE) if seen.status == 429]
    assert span(limited) < UNDER_WAY_SECONDS
    assert max(seen.time for seen in of(ledger, LATE)) < trouble.cooled_by
    homes = homes_of(ledger)
    assert len(homes) == CONVERSATIONS
    assert all(len(each) == 1 for each in homes.values()), "a conversation moved"
    figures = {name: f"{seconds:.2f} s" for name, seconds in load.slowest.items()}
    report(requests=load.outcomes.total(), failed=0, slowest=figures)
    if full:
        assert max(load.slowest.values()) <= LONGEST_SECONDS


def span(requests: Iterable[Seen]) -> float:
    """Seconds from the first to the last of these, of which there has to be one."""
    moments = [seen.opened for seen in requests]
    assert moments
    return max(moments) - min(moments)


def of(ledger: Iterable[Seen], account: str) -> list[Seen]:
    return [seen for seen in ledger if seen.account == account]


def homes_of(ledger: Iterable[Seen]) -> dict[str, set[str | None]]:
    """The accounts of each conversation."""
    homes: dict[str, set[str | None]] = defaultdict(set)
    for seen in ledger:
        if seen.marker is not None and seen.marker.startswith("talking") and seen.status == 200:
            homes[seen.marker].add(seen.account)
    return homes
