"""Whose turn it is to ask for quotas, on a real Valkey."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from runtime.clock import SystemClock
from runtime.valkey.server import Place
from tests.fakes.service_events import FakeServiceEvents
from tests.servers.valkey_server import ValkeyServer
from token_service.adapters.chance import SystemChance
from token_service.adapters.quota_turns import OwnTurns, SharedTurns
from token_service.adapters.shared_store import StoreOptions, shared_store
from token_service.domain.credentials import Choice
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId

pytestmark = pytest.mark.anyio

SEAT = Account(AccountId("seat"), Choice.AUTO, Site("https://api.github.com"))
KEY = "{test:seat}:quotas"


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as made:
        yield made


@asynccontextmanager
async def replicas(server: ValkeyServer, count: int = 2) -> AsyncIterator[list[SharedTurns]]:
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        turns = []
        for number in range(count):
            options = StoreOptions(Place(server.url), "test", (b"k" * 32,), 15.0)
            store = shared_store(options, SystemClock(), SystemChance(), FakeServiceEvents())
            await stack.enter_async_context(store.running())
            turns.append(SharedTurns(store.link, f"replica-{number}"))
        yield turns


async def test_who_has_it_keeps_it_and_the_others_learn_when_it_ends(server: ValkeyServer) -> None:
    async with replicas(server) as (one, two):
        assert await one.take(SEAT, 1000.0) == 0
        assert 999 < await two.take(SEAT, 1000.0) <= 1000
        assert await one.take(SEAT, 4000.0) == 0
        assert 3999 < await two.take(SEAT, 1000.0) <= 4000


async def test_a_turn_that_ended_is_anybodys(server: ValkeyServer) -> None:
    async with replicas(server) as (one, two):
        await one.take(SEAT, 1000.0)
        server.command("DEL", KEY)
        assert await two.take(SEAT, 1000.0) == 0
        assert await one.take(SEAT, 1000.0) > 0


async def test_one_that_would_never_end_is_given_an_end(server: ValkeyServer) -> None:
    async with replicas(server, 1) as (one,):
        server.command("SET", KEY, "somebody")
        assert 999 < await one.take(SEAT, 1000.0) <= 1000


async def test_what_is_no_turn_is_in_nobodys_way(server: ValkeyServer) -> None:
    async with replicas(server, 1) as (one,):
        server.command("HSET", KEY, "a", "b")
        assert await one.take(SEAT, 1000.0) == 0


async def test_without_the_store_each_goes_on_alone() -> None:
    with ValkeyServer() as server:
        async with replicas(server) as (one, two):
            await one.take(SEAT, 1000.0)
            server.kill()
            assert await one.take(SEAT, 1000.0) == 0
            assert await two.take(SEAT, 1000.0) == 0


async def test_alone_it_is_always_ones_own() -> None:
    assert await OwnTurns().take(SEAT, 1000.0) == 0
