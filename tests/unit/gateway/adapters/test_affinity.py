"""What a process remembers of conversations: for how long, and of how many."""

import pytest

from gateway.adapters import affinity as module
from gateway.adapters.affinity import MemoryAffinity
from gateway.ports.shared_state import Bond
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

HOME = Bond("seat-1", has_moved=False)


async def test_a_bond_lasts_an_hour_after_its_last_use() -> None:
    clock = FakeClock()
    affinity = MemoryAffinity(clock)
    await affinity.settle(b"talk", "seat-1", None)
    for _ in range(3):
        await clock.advance(3599.0)
        assert await affinity.find(b"talk") == HOME
    await clock.advance(3600.0)

    assert await affinity.find(b"talk") is None


async def test_after_that_it_may_settle_anywhere() -> None:
    clock = FakeClock()
    affinity = MemoryAffinity(clock)
    await affinity.settle(b"talk", "seat-1", None)
    await clock.advance(3600.0)

    assert await affinity.settle(b"talk", "seat-2", None) == Bond("seat-2", has_moved=False)


async def test_the_longest_unused_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CONVERSATIONS", 2)
    affinity = MemoryAffinity(FakeClock())
    await affinity.settle(b"one", "seat-1", None)
    await affinity.settle(b"two", "seat-1", None)
    await affinity.find(b"one")
    await affinity.settle(b"three", "seat-1", None)

    assert [await affinity.find(each) for each in (b"one", b"two", b"three")] == [HOME, None, HOME]
