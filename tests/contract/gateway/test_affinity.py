"""The contract of the Affinity port: alone, and on a shared store."""

import asyncio

import pytest

from gateway.adapters.shared_state import State
from gateway.ports.shared_state import Affinity, Bond

pytestmark = pytest.mark.anyio

TALK = bytes(range(32))


@pytest.fixture
def affinity(state: State) -> Affinity:
    return state.affinity


async def test_a_new_conversation_lives_nowhere(affinity: Affinity) -> None:
    assert affinity.remembers
    assert await affinity.find(TALK) is None


async def test_it_stays_where_it_settled(affinity: Affinity) -> None:
    bond = await affinity.settle(TALK, "seat-1", None)

    assert bond == Bond("seat-1", has_moved=False)
    assert await affinity.find(TALK) == bond
    assert await affinity.settle(TALK, "seat-1", None) == bond


async def test_whoever_was_first_has_settled_it(affinity: Affinity) -> None:
    await affinity.settle(TALK, "seat-1", None)

    assert await affinity.settle(TALK, "seat-2", None) == Bond("seat-1", has_moved=False)


async def test_it_leaves_an_account_and_remembers_that(affinity: Affinity) -> None:
    await affinity.settle(TALK, "seat-1", None)
    moved = Bond("seat-2", has_moved=True)

    assert await affinity.settle(TALK, "seat-2", "seat-1") == moved
    assert await affinity.find(TALK) == moved
    assert await affinity.settle(TALK, "seat-2", None) == moved


async def test_it_does_not_leave_where_it_does_not_live(affinity: Affinity) -> None:
    """Two replicas move a conversation at a time: the first one's account stands."""
    await affinity.settle(TALK, "seat-1", None)
    await affinity.settle(TALK, "seat-2", "seat-1")

    assert await affinity.settle(TALK, "seat-3", "seat-1") == Bond("seat-2", has_moved=True)


async def test_it_has_moved_even_if_nobody_remembers_from_where(affinity: Affinity) -> None:
    """What the other account sealed is in its history all the same."""
    assert await affinity.settle(TALK, "seat-2", "seat-1") == Bond("seat-2", has_moved=True)


async def test_who_stays_has_not_moved(affinity: Affinity) -> None:
    assert await affinity.settle(TALK, "seat-1", "seat-1") == Bond("seat-1", has_moved=False)
    assert await affinity.settle(TALK, "seat-1", "seat-1") == Bond("seat-1", has_moved=False)


async def test_conversations_are_kept_apart(affinity: Affinity) -> None:
    talks = [number.to_bytes(32, "big") for number in range(600)]
    settled = await asyncio.gather(
        *(affinity.settle(talk, f"séat-{talk[-1]}", None) for talk in talks)
    )

    assert [bond.account for bond in settled] == [f"séat-{talk[-1]}" for talk in talks]
    assert await asyncio.gather(*(affinity.find(talk) for talk in talks)) == settled
