"""Runs cases of the failover table against one gateway. Each case has a group and accounts of its
own, so that none disturbs another.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.failover_table import Case, Place
from tests.acceptance.faults import dated, refusal, rule
from tests.servers.gateway_callers import MODEL, Reply, ask, question
from tests.servers.gateway_fleet import Broker, GatewayFleet
from tests.servers.ports import free_ports
from tests.servers.simulator import Simulator

LIFE_SECONDS = 8
"""Of the tokens that are old enough to be replaced when upstream refuses them: half of it."""
SHORT_LIVED = {"renew_before_seconds": 1, "renew_jitter_seconds": 0, "min_remaining_seconds": 0.5}
LIMITS = {
    "first_byte_seconds": 1,
    "idle_seconds": 1,
    "heartbeat_seconds": 5,
    "total_seconds": 20,
}


@dataclass
class Outcome:
    """What the caller of one case got."""

    case: Case
    said: str
    reply: Reply
    at: float
    """Monotonic seconds at its end."""


def rules(case: Case) -> Iterator[dict[str, Any]]:
    """The simulator's rules for a case."""
    if case.place is Place.SECOND:
        yield rule(case.accounts[0], refusal("internal_error"))
    for account in case.faulty:
        if case.row.refused:
            continue
        # What makes the token old enough is a request too.
        after = {"after": 1} if case.row.aged else {}
        times = {"times": 1} if case.row.recovers else {}
        yield {**rule(account, dated(case.row.fault)), **after, **times}


def credential(account: str) -> str:
    return "ghu_simulated_" + account.replace("-", "_")


def scenario(cases: Sequence[Case]) -> dict[str, Any]:
    (closed,) = free_ports(1)
    accounts = []
    for case in cases:
        for account in case.accounts:
            entry: dict[str, Any] = {"login": account, "credentials": [credential(account)]}
            if case.row.aged:
                entry["token"] = {
                    "life_seconds": LIFE_SECONDS,
                    "refresh_in_seconds": LIFE_SECONDS - 1,
                }
            if case.row.refused and account in case.faulty:
                entry["api_url"] = f"http://127.0.0.1:{closed}"
            accounts.append(entry)
    return {
        "accounts": accounts,
        "chat": {"chunk_delay_seconds": 0},
    }


def group(case: Case) -> dict[str, Any]:
    first, second = case.accounts
    return {
        "id": case.id,
        "accounts": [{"id": first, "priority": 0}, {"id": second, "priority": 1}],
        "failover": dict(case.row.failover),
    }


def keys(case: Case) -> Iterator[dict[str, Any]]:
    """One that may use both accounts, and one bound to each, which shows the account's state."""
    yield {"id": case.id, "group": case.id}
    for account in case.accounts:
        yield {"id": account, "group": case.id, "account": account}


def broker_of(directory: Path, upstream: Simulator, cases: Sequence[Case]) -> Broker:
    seats = {account: credential(account) for case in cases for account in case.accounts}
    return Broker(directory, upstream.base_url, seats, settings={"freshness": SHORT_LIVED})


def fleet_of(
    directory: Path, broker: Broker, cases: Sequence[Case], store_url: str
) -> GatewayFleet:
    return GatewayFleet(
        directory,
        broker,
        groups=[group(case) for case in cases],
        keys=[key for case in cases for key in keys(case)],
        store_url=store_url,
        settings={"limits": LIMITS},
    )


class Round:
    """Cases being run against one gateway."""

    def __init__(self, fleet: GatewayFleet, upstream: Simulator, cases: Sequence[Case]) -> None:
        self._fleet = fleet
        self._upstream = upstream
        self._cases = cases
        self._few = asyncio.Semaphore(8)

    async def run(self) -> list[Outcome]:
        aged = [case for case in self._cases if case.row.aged]
        began = time.monotonic()
        await asyncio.gather(*(self._warm(case) for case in aged))
        seen = await asyncio.gather(*(self._one(c) for c in self._cases if not c.row.aged))
        if aged:
            await asyncio.sleep(max(0.0, began + LIFE_SECONDS / 2 + 0.3 - time.monotonic()))
        return [*seen, *await asyncio.gather(*(self._one(case) for case in aged))]

    async def bound(self, account: str, model: str = MODEL) -> Reply:
        """What a key gets that may use this account only."""
        async with self._few:
            body = question(f"bound to {account}", model=model)
            return await ask(self._fleet.url, self._fleet.keys[account], body)

    async def _warm(self, case: Case) -> None:
        for account in case.faulty:
            assert (await self.bound(account)).status == 200

    async def _one(self, case: Case) -> Outcome:
        async with self._few:
            said = f"case {case.id}"
            body = question(said, stream=case.is_stream)
            reply = await ask(self._fleet.url, self._fleet.keys[case.id], body)
            return Outcome(case, said, reply, time.monotonic())
