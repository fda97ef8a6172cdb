"""A rolling restart as a Deployment does it, under load: nobody notices."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest

from tests.servers.balancer import Balancer, Endpoint, balancing
from tests.servers.callers import at_rate
from tests.servers.chat_streams import told
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import CHAT, answer_to, ask, is_complete, question
from tests.servers.gateway_fleet import GatewayFleet, GatewayReplica
from tests.servers.valkey_server import ValkeyServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PIECE_CHARACTERS = 4
SAID_CHARACTERS = 144


def long_question(name: str) -> str:
    return f"{name} ".ljust(SAID_CHARACTERS, ".")


class Load:
    """Callers behind the balancer: long streams on new connections, short ones that stay."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self.streams: Counter[str] = Counter()
        self.requests: Counter[str] = Counter()
        self.connections: Counter[str] = Counter()
        self.stopping = asyncio.Event()

    async def stream(self, number: int) -> None:
        """One stream after the other."""
        turn = 0
        while not self.stopping.is_set():
            said = long_question(f"stream {turn} of {number}")
            reply = await ask(self._url, self._key, question(said, stream=True), patience=90)
            if is_complete(reply, answer_to(said)):
                self.streams["complete"] += 1
            else:
                error = told(reply.body).error if reply.status == 200 else reply.fault
                self.streams[f"{reply.status} {error}"] += 1
            turn += 1

    async def request(self, session: aiohttp.ClientSession, number: int) -> None:
        """One whole answer, on a connection that lives on as long as the gateway wants."""
        said = f"request {number}"
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with session.post(
                self._url + CHAT, json=question(said), headers=headers
            ) as answer:
                content = await answer.json()
                is_right = content["choices"][0]["message"]["content"] == answer_to(said)
                self.requests["complete" if is_right else f"{answer.status} wrong"] += 1
                self.connections[answer.headers.get("Connection", "").lower()] += 1
        except aiohttp.ClientError as error:
            self.requests[type(error).__name__] += 1

    async def requests_until_stopped(self, rate: float) -> None:
        async with aiohttp.ClientSession() as session:
            while not self.stopping.is_set():
                # In stretches, each of which waits for its last answers.
                await at_rate(lambda n: self.request(session, n), rate, time.monotonic() + 0.5)


async def replace(
    fleet: GatewayFleet, balancer: Balancer, old: GatewayReplica, endpoint: Endpoint, most: float
) -> float:
    """maxSurge 1, maxUnavailable 0: the new one is ready before the old one is told to end.

    Returns the seconds the old one took to end.
    """
    new = fleet.new_replica()
    await asyncio.to_thread(new.start)
    await balancer.until_ready(balancer.add(new.url, new.ops_url))
    old.signal(signal.SIGTERM)
    told_at = time.monotonic()
    while old.is_alive:
        assert time.monotonic() < told_at + most, "a replica did not end"
        await asyncio.sleep(0.05)
    assert endpoint.is_ready is False
    balancer.remove(endpoint)
    assert old.process.process is not None
    assert old.process.process.returncode == 0
    return time.monotonic() - told_at


async def test_a_rolling_restart_fails_no_request_and_cuts_no_stream(
    full: bool,
    store: ValkeyServer,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    """2 replicas, streams of 20 s, new connections to ready endpoints only."""
    streams, stream_seconds, rate, probe, grace = (
        (40, 20.0, 30, 1.0, 4.0) if full else (*(8, 2.0, 10, 0.2, 0.8),)
    )
    pieces = len(answer_to(long_question(""))) / PIECE_CHARACTERS
    crowd.upstream.faults(
        {
            "match": {"endpoint": "chat", "stream": True},
            "script": {
                "chunk_characters": PIECE_CHARACTERS,
                "chunk_delay_seconds": stream_seconds / pieces,
            },
        }
    )
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[team(range(1, 5))],
        replicas=2,
        store_url=store.url,
        settings={"drain": {"grace_seconds": grace, "stream_seconds": 3 * stream_seconds}},
    ) as fleet:
        async with balancing(Balancer(probe)) as balancer:
            former = [(each, balancer.add(each.url, each.ops_url)) for each in fleet.replicas]
            for _, endpoint in former:
                await balancer.until_ready(endpoint)
            load = Load(balancer.url, fleet.key)
            took = []
            async with asyncio.TaskGroup() as callers:
                for number in range(streams):
                    callers.create_task(load.stream(number))
                callers.create_task(load.requests_until_stopped(rate))
                await asyncio.sleep(stream_seconds / 4)
                most = grace + stream_seconds + 10
                for old, endpoint in former:
                    took.append(await replace(fleet, balancer, old, endpoint, most))
                await asyncio.sleep(stream_seconds / 4)
                load.stopping.set()
            shares = [each.connections for each in balancer.endpoints]
        assert set(load.streams) == {"complete"}, load.streams
        assert set(load.requests) == {"complete"}, load.requests
        assert balancer.refused == 0
        assert load.connections["close"] > 0, "nobody was asked to come back on another connection"
        assert min(took) > grace, "a replica ended at once: nothing was seen"
        assert min(shares) > 0
        report(
            streams=load.streams["complete"],
            cut=0,
            requests=load.requests["complete"],
            failed=0,
            slowest_end=f"{max(took):.1f} s",
        )
