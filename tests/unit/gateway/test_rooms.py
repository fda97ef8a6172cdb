"""Waiting for a place: first come, first served, so many and no longer."""

import asyncio

import pytest

from gateway.adapters.slots import MemorySlots
from gateway.ports.shared_state import Lease
from gateway.rooms import NoPlace, Rooms

pytestmark = pytest.mark.anyio
LONG = 60.0


async def settled() -> None:
    """Let everything that can happen now happen."""
    for _ in range(10):
        await asyncio.sleep(0)


def rooms() -> Rooms:
    return Rooms(MemorySlots())


async def take(
    room: Rooms, place: str, limit: int, most_waiting: int, seconds: float
) -> Lease | NoPlace:
    """At once, or after waiting."""
    found = await room.take_at_once(place, limit)
    return found or await room.wait(place, limit, most_waiting, seconds)


async def taken(found: Lease | NoPlace) -> Lease:
    assert isinstance(found, Lease)
    return found


async def test_a_free_place_is_taken_without_waiting() -> None:
    room = rooms()
    assert isinstance(await take(room, "a", 1, 0, 0.0), Lease)


async def test_what_comes_back_twice_frees_one_place() -> None:
    room = rooms()
    first, _ = [await taken(await take(room, "a", 2, 0, 0.0)) for _ in range(2)]
    room.give_back(first)
    room.give_back(first)
    assert isinstance(await take(room, "a", 2, 0, 0.0), Lease)
    assert await take(room, "a", 2, 0, 0.0) is NoPlace.WAITED_IN_VAIN


async def test_who_may_not_wait_is_told_at_once() -> None:
    room = rooms()
    await take(room, "a", 1, 5, LONG)
    assert await take(room, "a", 1, 5, 0.0) is NoPlace.WAITED_IN_VAIN


async def test_a_full_room_takes_nobody() -> None:
    room = rooms()
    lease = await taken(await take(room, "a", 1, 1, LONG))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(take(room, "a", 1, 1, LONG))
        await settled()
        assert room.waiting("a") == 1
        assert await take(room, "a", 1, 1, LONG) is NoPlace.ROOM_FULL
        room.give_back(lease)
    assert isinstance(waiting.result(), Lease)


async def test_places_go_to_who_waits_longest() -> None:
    room = rooms()
    lease = await taken(await take(room, "a", 1, 9, LONG))
    order: list[int] = []

    async def wait(number: int) -> None:
        mine = await taken(await take(room, "a", 1, 9, LONG))
        order.append(number)
        room.give_back(mine)

    async with asyncio.TaskGroup() as tasks:
        for number in range(5):
            tasks.create_task(wait(number))
            await settled()
        room.give_back(lease)
    assert order == [0, 1, 2, 3, 4]


async def test_a_newcomer_does_not_pass_those_who_wait() -> None:
    """A place that was just given back belongs to the one who waits for it."""
    room = rooms()
    lease = await taken(await take(room, "a", 1, 9, LONG))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(take(room, "a", 1, 9, LONG))
        await settled()
        room.give_back(lease)
        second = tasks.create_task(take(room, "a", 1, 9, LONG))
        await settled()
        assert not second.done()
        room.give_back(await taken(first.result()))
    assert isinstance(second.result(), Lease)


async def test_who_leaves_while_waiting_is_passed_over() -> None:
    room = rooms()
    lease = await taken(await take(room, "a", 1, 9, LONG))
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(take(room, "a", 1, 9, LONG))
        stays = tasks.create_task(take(room, "a", 1, 9, LONG))
        await settled()
        gone.cancel()
        await settled()
        room.give_back(lease)
    assert isinstance(stays.result(), Lease)
    assert room.waiting("a") == 0


async def test_waiting_ends() -> None:
    room = rooms()
    await take(room, "a", 1, 9, LONG)
    assert await take(room, "a", 1, 9, 0.01) is NoPlace.WAITED_IN_VAIN
    assert room.waiting("a") == 0


async def test_rooms_do_not_know_each_other() -> None:
    room = rooms()
    await take(room, "a", 1, 0, 0.0)
    assert isinstance(await take(room, "b", 1, 0, 0.0), Lease)


class GivenBackElsewhere(MemorySlots):
    """Slots that another replica gives back too, which tells nobody."""

    is_shared = True

    def free_quietly(self, lease: Lease) -> None:
        super().give_back(lease)


async def test_a_place_that_another_replica_gives_back_is_found() -> None:
    slots = GivenBackElsewhere()
    room = Rooms(slots)
    lease = await taken(await take(room, "a", 1, 9, LONG))
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(take(room, "a", 1, 9, 5.0))
        await settled()
        slots.free_quietly(lease)
    assert isinstance(waiting.result(), Lease)


async def test_nobody_who_comes_later_overtakes_somebody_who_waits() -> None:
    rooms = Rooms(MemorySlots())
    first = await take(rooms, "place", 1, 1, 1.0)
    assert isinstance(first, Lease)
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(take(rooms, "place", 1, 1, 1.0))
        await asyncio.sleep(0)
        rooms.give_back(first)
        assert await rooms.take_at_once("place", 1) is None
    assert isinstance(waiting.result(), Lease)
