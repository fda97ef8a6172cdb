"""What the memory store adds to its contract (tests/contract/token_service)."""

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock
from tests.fakes.token_source import grant
from token_service.adapters.memory_store import MemoryStore
from token_service.domain.credentials import Choice
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId, CopilotToken

pytestmark = pytest.mark.anyio

SEAT = Account(AccountId("a"), Choice.AUTO, Site("https://api.github.com"))


async def kept(store: MemoryStore) -> CopilotToken:
    token = await store.keep(await store.claim(SEAT), grant(), 0.0, 1.0)
    assert token is not None
    return token


async def test_a_restarted_process_does_not_reuse_generations() -> None:
    clock = FakeClock()
    before = await kept(MemoryStore(clock, FakeChance(0.999)))
    await clock.advance(0.01)
    after = await kept(MemoryStore(clock, FakeChance(0.0)))

    assert after.generation > before.generation


async def test_a_clock_set_back_does_not_turn_generations_back() -> None:
    clock = FakeClock()
    store = MemoryStore(clock, FakeChance())
    before = await kept(store)
    clock.jump_wall(-3600)
    after = await kept(store)

    assert after.generation > before.generation


async def test_two_processes_at_the_same_moment_differ_by_chance() -> None:
    clock = FakeClock()
    one = await kept(MemoryStore(clock, FakeChance(0.1)))
    other = await kept(MemoryStore(clock, FakeChance(0.2)))

    assert one.generation != other.generation
