"""A thousand conversations over eight accounts: spread by weight, and each one stays at home."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from typing import Any

import pytest

from tests.servers.crowd import Crowd, seat
from tests.servers.gateway_callers import ask, question
from tests.servers.gateway_fleet import GatewayFleet
from tests.servers.simulator import Simulator

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

WEIGHTS = {seat(n): 1 if n <= 4 else 4 for n in range(1, 9)}
TOLERANCE = 0.2
HEAVY_SHARE = 0.1
"""Of the users; they have half of all conversations, of which each is longer than the others."""
AT_A_TIME = 40
HEALED_SECONDS = 60.0


KNOWN_BY = (
    "prompt_cache_key",
    "metadata.user_id",
    "x-session-id",
    "x-session-affinity",
    "session-id",
    "x-claude-code-session-id",
    "first messages",
)
"""What says which conversation a request belongs to."""


@dataclass
class Conversation:
    """One conversation of a user, known to the gateway by one of the things that say so."""

    number: int
    key: str
    is_heavy: bool
    messages: list[dict[str, Any]] = field(default_factory=list)
    homes: list[str] = field(default_factory=list)
    """The accounts that answered its turns."""

    @property
    def name(self) -> str:
        return f"conversation-{self.number}"

    def turn(self) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The next request; with everything said before only where nothing else tells it apart."""
        said = f"marker:{self.name} turn {len(self.messages) // 2}"
        self.messages.append({"role": "user", "content": said})
        by = KNOWN_BY[self.number % len(KNOWN_BY)]
        if by == "first messages":
            return {**question(said), "messages": self.messages}, {}
        if by == "prompt_cache_key":
            return question(said, prompt_cache_key=self.name), {}
        if by == "metadata.user_id":
            return question(said, metadata={"user_id": self.name}), {}
        return question(said), {by: self.name}


def conversations(count: int, keys: Mapping[str, str]) -> list[Conversation]:
    """Half of them of the heavy users."""
    users = list(keys.values())
    heavy = users[: round(len(users) * HEAVY_SHARE)]
    light = users[len(heavy) :]
    return [
        Conversation(n, heavy[n // 2 % len(heavy)], True)
        if n % 2
        else Conversation(n, light[n // 2 % len(light)], False)
        for n in range(count)
    ]


class Talk:
    """All the conversations with one gateway."""

    def __init__(self, fleet: GatewayFleet, upstream: Simulator, every: list[Conversation]) -> None:
        self._fleet = fleet
        self._upstream = upstream
        self.every = every
        self.refused: Counter[str] = Counter()

    async def turns(self, count: int, more: int = 0) -> None:
        """So many more turns of each, some conversations at a time; notes who answered.

        more: how many more than that the heavy ones have, and the light ones less.
        """
        self._upstream.clear_ledger()
        few = asyncio.Semaphore(AT_A_TIME)

        async def one(conversation: Conversation) -> None:
            async with few:
                for _ in range(count + (more if conversation.is_heavy else -more)):
                    await self._turn(conversation)

        await asyncio.gather(*(one(each) for each in self.every))
        by_name = {each.name: each for each in self.every}
        for seen in self._upstream.ledger(endpoint="chat", limit=100_000, status=200):
            by_name[seen.marker or ""].homes.append(seen.account or "")

    async def _turn(self, conversation: Conversation) -> None:
        body, headers = conversation.turn()
        reply = await ask(self._fleet.url, conversation.key, body, headers=headers)
        if reply.status == 200:
            conversation.messages.append(reply.json()["choices"][0]["message"])
        else:
            self.refused[f"{reply.status} {reply.fault}"] += 1
            conversation.messages.pop()


async def test_conversations_stay_where_they_are(
    full: bool,
    lone_store: str,
    crowd: Crowd,
    tmp_path: Path,
    report: Callable[..., None],
) -> None:
    count, turns, more, users = (1000, 5, 2, 100) if full else (80, 3, 1, 20)
    upstream = crowd.upstream
    with GatewayFleet(
        tmp_path,
        crowd.broker,
        groups=[
            {
                "id": "team",
                "accounts": [{"id": each, "weight": weight} for each, weight in WEIGHTS.items()],
            }
        ],
        keys=users,
        store_url=lone_store,
    ) as fleet:
        talk = Talk(fleet, upstream, conversations(count, fleet.keys))
        await talk.turns(turns, more)
        assert talk.refused == {}
        assert sum(len(each.homes) for each in talk.every) == count * turns
        assert all(len(set(each.homes)) == 1 for each in talk.every), "a conversation moved"
        off = worst_deviation(talk.every)
        # Without its store a gateway has only the hash, as all others have then.
        is_hash_only = fleet.metric("gateway_store_up") == 0
        assert off <= (TOLERANCE if full and not is_hash_only else chance_of(count))

        # The account with the most conversations dies: those move, and no others.
        home = {each.number: each.homes[0] for each in talk.every}
        dead = Counter(home.values()).most_common(1)[0][0]
        upstream.faults(
            {"match": {"endpoint": "chat", "account": dead}, "refusal": "internal_error"}
        )
        before = {each.number: len(each.homes) for each in talk.every}
        await talk.turns(2)
        refused_while_it_died = talk.refused.total()
        now = {each.number: each.homes[-1] for each in talk.every}
        assert dead not in now.values()
        assert all(now[number] == home[number] for number in home if home[number] != dead)
        moved = [each for each in talk.every if home[each.number] == dead]
        assert all(len(set(each.homes[before[each.number] :])) == 1 for each in moved), "twice"
        assert len({now[each.number] for each in moved}) > 1, "all of them went to one account"

        # It comes back: nobody returns to it, and new conversations do go there.
        upstream.remove_faults()
        await until_ok(fleet, dead)
        talk.refused.clear()
        await talk.turns(1)
        assert talk.refused == {}
        assert {each.number: each.homes[-1] for each in talk.every} == now
        newcomers = Talk(fleet, upstream, conversations(2 * count, fleet.keys)[count:])
        await newcomers.turns(1)
        assert dead in {each.homes[0] for each in newcomers.every}
        report(
            turns=count * turns,
            off_by=f"{off:.1%}",
            at_home="100 %",
            moved=len(moved),
            refused_while_it_died=refused_while_it_died,
            back=0,
        )


def chance_of(count: int) -> float:
    """How far off the shares of so many conversations may be where only a hash decides."""
    least = min(WEIGHTS.values()) / sum(WEIGHTS.values())
    return 4 * sqrt((1 - least) / (least * count))


def worst_deviation(every: list[Conversation]) -> float:
    """By how much an account's share of the turns is off its share of the weights, at most."""
    load = Counter(home for each in every for home in each.homes)
    total, weights = load.total(), sum(WEIGHTS.values())
    return max(abs(load[each] / total / (weight / weights) - 1) for each, weight in WEIGHTS.items())


async def until_ok(fleet: GatewayFleet, account: str) -> None:
    """Wait until the account may be used again."""
    deadline = time.monotonic() + HEALED_SECONDS
    while fleet.replicas[0].states()[account] != "ok":
        assert time.monotonic() < deadline, "the account was not taken back"
        await asyncio.sleep(0.25)
