"""The contract of the Slots port: alone, and on a shared store."""

import asyncio

import pytest

from gateway.adapters.shared_state import State
from gateway.ports.shared_state import Lease, Slots

pytestmark = pytest.mark.anyio


@pytest.fixture
def slots(state: State) -> Slots:
    return state.slots


async def taken(slots: Slots, place: str, limit: int) -> Lease:
    lease = await slots.take(place, limit)
    assert lease is not None
    return lease


async def test_as_many_are_out_as_the_limit_says(slots: Slots) -> None:
    leases = [await slots.take("key:a", 3) for _ in range(5)]

    assert [lease is not None for lease in leases] == [True, True, True, False, False]
    assert slots.taken("key:a") == 3


async def test_those_who_ask_together_get_no_more(slots: Slots) -> None:
    leases = await asyncio.gather(*(slots.take("key:a", 7) for _ in range(600)))

    assert sum(lease is not None for lease in leases) == 7
    assert slots.taken("key:a") == 7


async def test_places_are_counted_apart(slots: Slots) -> None:
    places = [f"account:{number}" for number in range(40)]
    leases = await asyncio.gather(*(slots.take(place, 1) for place in places * 2))

    assert [lease is not None for lease in leases] == [True] * 40 + [False] * 40
    assert [lease.place for lease in leases if lease is not None] == places
    assert {slots.taken(place) for place in places} == {1}


async def test_leases_have_names_of_their_own(slots: Slots) -> None:
    leases = [await taken(slots, "key:a", 100) for _ in range(50)]

    assert len({lease.id for lease in leases}) == 50


async def test_what_is_given_back_can_be_taken_at_once(slots: Slots) -> None:
    lease = await taken(slots, "key:a", 1)
    assert await slots.take("key:a", 1) is None
    slots.give_back(lease)

    assert slots.taken("key:a") == 0
    assert await slots.take("key:a", 1) is not None


async def test_a_lease_is_given_back_once(slots: Slots) -> None:
    first = await taken(slots, "key:a", 2)
    slots.give_back(first)
    await taken(slots, "key:a", 2)
    slots.give_back(first)
    await taken(slots, "key:a", 2)

    assert slots.taken("key:a") == 2
    assert await slots.take("key:a", 2) is None


async def test_a_limit_that_was_lowered_counts_for_those_who_come(slots: Slots) -> None:
    leases = [await taken(slots, "key:a", 4) for _ in range(4)]
    for lease in leases[:2]:
        slots.give_back(lease)

    assert await slots.take("key:a", 2) is None
    slots.give_back(leases[2])
    assert await slots.take("key:a", 2) is not None


async def test_no_place_of_none_is_to_be_had(slots: Slots) -> None:
    assert await slots.take("key:a", 0) is None
    assert slots.taken("key:a") == 0


async def test_who_leaves_while_asking_leaves_nothing_taken(slots: Slots) -> None:
    for rounds in range(4):
        asking = [asyncio.ensure_future(slots.take("key:a", 5)) for _ in range(5)]
        for _ in range(rounds):
            await asyncio.sleep(0)
        for each in asking:
            each.cancel()
        leases = await asyncio.gather(*asking, return_exceptions=True)
        # Alone it is taken before anybody can leave.
        for lease in leases:
            if isinstance(lease, Lease):
                slots.give_back(lease)

        assert slots.taken("key:a") == 0
        again = [await taken(slots, "key:a", 5) for _ in range(5)]
        for lease in again:
            slots.give_back(lease)
