"""Callers that vanish at any point leave nothing behind: no request, no place, no penalty."""

import asyncio
import random
import time
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from tests.servers.crowd import Crowd, seat
from tests.servers.gateway_callers import MODEL, Call, ask, question
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SEED = 20
LIMIT = 5
"""Places of each key, and of each account half of all of them."""
ANSWER_SECONDS = 5.0
"""Longer than anybody stays: what is over by then has been ended."""
LONGEST_STAY_SECONDS = 0.8
CHUNK_SECONDS = 0.05
CHUNKS = int(ANSWER_SECONDS / CHUNK_SECONDS)
HOUSE_FULL_SECONDS = 1.0
CANCELLED_SECONDS = 0.1
"""Within which upstream learns that nobody listens any more, for nine of ten callers."""


LATE_MODEL = "gpt-4.1"
"""Its answers begin after ANSWER_SECONDS; those of the other one at once."""
BYTES_PER_SECOND = 5000
"""Fewer than a stream brings."""


class When(Enum):
    """Where a caller is when it goes."""

    QUEUED = "queued"
    EARLY = "before the first byte"
    STREAMING = "in the middle of a stream"
    WHOLE = "in the middle of a whole answer"


def asked(number: int, when: When) -> dict[str, Any]:
    model = LATE_MODEL if when is When.EARLY else MODEL
    return question(f"marker:{number} calls", stream=when is not When.WHOLE, model=model)


async def vanish(url: str, key: str, number: int, when: When, after: float) -> float:
    """Ask, and be gone at this point; the monotonic time of it."""
    async with Call(url, key, asked(number, when)) as call:
        if when is When.STREAMING:
            await call.read_until(1 + int(after * BYTES_PER_SECOND))
        else:
            await asyncio.sleep(after)
        assert not call.so_far().is_whole
        call.vanish()
        return time.monotonic()


def fleet_of(
    directory: Path, crowd: Crowd, keys: int, accounts: int, store_url: str
) -> GatewayFleet:
    """All places of the keys together are all places of the accounts."""
    limit = keys * LIMIT // accounts
    return GatewayFleet(
        directory,
        crowd.broker,
        groups=[
            {
                "id": "team",
                "accounts": [
                    {"id": seat(n), "max_concurrency": limit} for n in range(1, accounts + 1)
                ],
            }
        ],
        keys=[
            {"id": f"key-{n}", "max_concurrency": LIMIT, "max_waiting": 100} for n in range(keys)
        ],
        store_url=store_url,
    )


async def vanish_all(fleet: GatewayFleet, count: int) -> dict[str, float]:
    """So many callers, gone at random points; when each of them left, by the number it had.

    There are places for half of them: the second half waits for the first one to be gone.
    """
    chance = random.Random(SEED)  # noqa: S311  which points they are has to be the same each time
    whens = chance.choices([When.EARLY, When.STREAMING, When.WHOLE], k=count // 2)
    whens += [When.QUEUED] * (count - len(whens))
    callers = list(fleet.keys.values())
    gone = await asyncio.gather(
        *(
            vanish(
                fleet.url,
                callers[number % len(callers)],
                number,
                when,
                chance.uniform(0.05, LONGEST_STAY_SECONDS),
            )
            for number, when in enumerate(whens)
        )
    )
    return {str(number): moment for number, moment in enumerate(gone)}


async def take_every_place(fleet: GatewayFleet, upstream: Simulator) -> None:
    """All places of every key and account can be taken at once, and nobody has to wait."""
    upstream.remove_faults()
    upstream.clear_ledger()
    upstream.faults({"match": {"endpoint": "chat"}, "delay_seconds": HOUSE_FULL_SECONDS})
    everyone = [
        ask(fleet.url, key, question(f"place {n} of {id_}"))
        for id_, key in fleet.keys.items()
        for n in range(LIMIT)
    ]
    replies = await asyncio.gather(*everyone)
    assert {reply.status for reply in replies} == {200}
    assert upstream.state()["most_open_requests"] == len(replies)


async def test_callers_that_vanish_leave_nothing_behind(
    full: bool,
    lone_store: str,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """200 of them, at random points; a second later all is as if they had never been there."""
    count, keys, accounts = (200, 20, 4) if full else (40, 4, 2)
    upstream = crowd.upstream
    with fleet_of(tmp_path, crowd, keys, accounts, lone_store) as fleet:
        await warm(fleet, accounts)
        upstream.faults(
            {"match": {"endpoint": "chat", "model": LATE_MODEL}, "delay_seconds": ANSWER_SECONDS},
            {
                "match": {"endpoint": "chat", "stream": False},
                "stall": {"after_bytes": 30, "seconds": ANSWER_SECONDS},
            },
            {
                "match": {"endpoint": "chat", "stream": True},
                "script": {"chunks": CHUNKS, "chunk_delay_seconds": CHUNK_SECONDS},
            },
        )
        upstream.clear_ledger()
        gone = await vanish_all(fleet, count)
        await asyncio.sleep(max(0.0, max(gone.values()) + 1 - time.monotonic()))
        assert upstream.open_requests == 0
        ledger = upstream.ledger(endpoint="chat")
        assert {seen.outcome for seen in ledger} == {"client_left"}
        assert len(ledger) > count // 2, "nobody who waited had a turn"
        gateway = fleet.replicas[0]
        assert gateway.metric("gateway_inflight") == 0
        assert gateway.metric("gateway_waiting") == 0
        assert gateway.metric("gateway_failovers_total") == 0
        assert set(gateway.states().values()) == {"ok"}
        late = sorted((seen.closed or 0.0) - gone[seen.marker or ""] for seen in ledger)
        await take_every_place(fleet, upstream)
        report(
            vanished=count,
            cancelled_upstream=len(ledger),
            open_after_1_s=0,
            slowest_cancel=f"{late[-1] * 1000:.0f} ms",
            places_free=keys * LIMIT,
        )
        if full:
            assert late[len(late) * 9 // 10] <= CANCELLED_SECONDS


async def warm(fleet: GatewayFleet, accounts: int) -> None:
    """Let every account have its token: the first exchange is not what is tested."""
    for number in range(8 * accounts):
        assert (await ask(fleet.url, fleet.key, question(f"warm {number}"))).status == 200
