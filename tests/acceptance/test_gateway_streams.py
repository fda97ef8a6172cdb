"""Ten thousand streams under random faults: what looks complete is complete, and nothing hangs."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.servers.chat_streams import told
from tests.servers.crowd import Crowd, team
from tests.servers.gateway_callers import MODEL, Reply, answer_to, ask, question
from tests.servers.gateway_fleet import GatewayFleet

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

LIMITS = {
    "first_byte_seconds": 2,
    "idle_seconds": 2,
    "heartbeat_seconds": 0.5,
    "total_seconds": 15,
}
GRACE_SECONDS = 3.0
"""For a machine that is busy: beyond the deadline and this a stream has hung."""
KINDS = ("reset", "cut", "finish", "stall", "error_event", "error_in_200", "one_byte_writes",
         "split_utf8", "crlf")  # fmt: skip
MODELS = (MODEL, "claude-sonnet-4.6")
ACCOUNTS = 2
"""Of each group; and as many callers at a time, each of which says the same again and again.

Fewer than three witnesses: breakers, which would end the run early, are tested elsewhere.
"""


@dataclass
class Found:
    """What the streams came to."""

    ends: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0

    def add(self, reply: Reply, expected: str) -> None:
        self.slowest = max(self.slowest, reply.seconds)
        try:
            self.ends[self._judged(reply, expected)] += 1
        except AssertionError as error:
            self.wrong.append(f"{error} in {reply.body[-600:]!r}")

    def _judged(self, reply: Reply, expected: str) -> str:
        if reply.status != 200:
            assert reply.status in (502, 503, 504), f"{reply.status} {reply.fault}"
            assert reply.fault
            self.faults[reply.fault] += 1
            return "refused"
        said = told(reply.body)
        assert len(said.ids) <= 1, "two answers in one stream"
        if said.error is not None:
            self.faults[said.error] += 1
            assert not said.is_done
            assert not reply.is_whole, "an error, and a proper end"
            assert expected.startswith(said.text), "not the beginning of the answer"
            return "error event"
        assert said.is_done, "neither an error nor [DONE]"
        assert reply.is_whole, "[DONE], and no proper end"
        assert said.text == expected, "complete, and not the answer"
        assert said.finish_reasons == ["stop"]
        return "complete"


async def test_what_looks_complete_is_complete(
    full: bool,
    lone_store: str,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    groups, streams = (100, 10_000) if full else (15, 300)
    if lone_store != "memory://":
        streams //= 10
    crowd.upstream.faults(
        {
            "match": {"endpoint": "chat", "stream": True},
            "probability": 0.9,
            # Byte by byte is slow to write: less often than the others.
            "random_stream_faults": {"kinds": [*KINDS, *(k for k in KINDS if k != KINDS[6])]},
        }
    )
    found = Found()
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[
            team(range(1 + ACCOUNTS * g, 1 + ACCOUNTS * (g + 1)), f"group-{g}")
            for g in range(groups)
        ],
        keys=[{"id": f"key-{g}", "group": f"group-{g}"} for g in range(groups)],
        store_url=lone_store,
        settings={"limits": LIMITS},
    ) as fleet:
        most = LIMITS["total_seconds"] + GRACE_SECONDS

        async def caller(key: str, number: int) -> None:
            model = MODELS[number % len(MODELS)]
            said = f"größer als 🦊 und {key} Nummer {number}: 東京, naïve façade"
            for _ in range(streams // groups // ACCOUNTS):
                body = question(said, stream=True, model=model)
                reply = await ask(fleet.url, fleet.keys[key], body, patience=most)
                found.add(reply, answer_to(said, model))

        async with asyncio.TaskGroup() as callers:
            for key in fleet.keys:
                for number in range(ACCOUNTS):
                    callers.create_task(caller(key, number))
        kinds = Counter(
            seen.fault_kind or "none"
            for seen in crowd.upstream.ledger(endpoint="chat", limit=100_000)
        )
        assert not found.wrong, "\n".join(found.wrong[:5])
        assert found.ends.total() == streams
        assert found.ends["complete"] > streams * 0.3, "too few came through to say anything"
        assert found.ends["error event"] > streams * 0.1
        assert set(kinds) >= set(KINDS)
        # Silence ends at the deadline for silence; nobody has to wait for the last one.
        assert "gateway_deadline" not in found.faults
        report(
            streams=streams,
            **found.ends,
            two_answers=0,
            slowest=f"{found.slowest:.1f} s",
            upstream=dict(kinds),
        )
