"""Which account a call gets, with a place on it."""

import asyncio
from dataclasses import replace

import pytest

from gateway.adapters.affinity import MemoryAffinity
from gateway.adapters.board import MemoryBoard
from gateway.adapters.slots import MemorySlots
from gateway.domain import subjects
from gateway.domain.call import Call
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import GroupAccount
from gateway.health import Health
from gateway.ports.shared_state import Bond, Lease, Posted
from gateway.rooms import Rooms
from gateway.search import Search
from gateway.seats import Seats
from tests.fakes.calls import a_call, a_group, bound_to
from tests.fakes.clock import FakeClock, settle
from tests.fakes.gateway_ports import RecordedEvents

pytestmark = pytest.mark.anyio


class House:
    """Seats over memory, on a clock."""

    def __init__(self) -> None:
        self.clock, self.events = FakeClock(), RecordedEvents()
        self.board = MemoryBoard(self.clock)
        self.slots = MemorySlots()
        self.affinity = MemoryAffinity(self.clock)
        self.health = Health(self.board, self.clock, self.events)
        self.seats = Seats(self.health, Rooms(self.slots), self.affinity, self.clock, self.events)

    async def account(self, call: Call) -> str:
        """The account a call gets; its place is given back."""
        seat = await self.seats.find(Search(call))
        self.seats.leave(seat)
        return seat.account.id

    async def refusal(self, call: Call) -> GatewayError:
        with pytest.raises(GatewayError) as caught:
            await self.seats.find(Search(call))
        return caught.value

    def cool(self, account: str, seconds: float, fault: Fault = Fault.SEAT_RATE_LIMITED) -> None:
        self.board.post(subjects.account(account), Posted(seconds, fault.value))


async def test_the_lowest_priority_number_is_used_first() -> None:
    house = House()
    group = a_group(GroupAccount("b", priority=5), GroupAccount("a", priority=1))
    assert await house.account(a_call(group)) == "a"


async def test_a_bound_key_never_leaves_its_account() -> None:
    house = House()
    call = a_call(a_group("a", "b"), key=bound_to("b"), fallback=a_group("c", id="other"))
    assert await house.account(call) == "b"
    house.cool("b", 40)
    error = await house.refusal(call)
    assert error.fault is Fault.SEAT_RATE_LIMITED
    assert error.retry_after == pytest.approx(40)


async def test_a_conversation_stays_where_it_is_and_does_not_come_back() -> None:
    house = House()
    call = a_call(a_group("a", "b"))
    assert await house.account(call) == "a"
    house.cool("a", 40)
    assert await house.account(call) == "b"
    await house.clock.advance(41)
    assert await house.account(call) == "b"
    assert await house.account(a_call(call.group, conversation=b"d" * 16)) == "a"


async def test_a_conversation_that_has_moved_carries_foreign_state() -> None:
    house = House()
    call = a_call(a_group("a", "b"))
    first = await house.seats.find(Search(call))
    assert not first.has_foreign_state
    house.cool("a", 40)
    assert (await house.seats.find(Search(call))).has_foreign_state
    await house.clock.advance(41)
    assert (await house.seats.find(Search(call))).has_foreign_state, "still in its history"


async def test_a_conversation_that_another_replica_has_bound_goes_there() -> None:
    house = House()
    group = a_group("a", "b")

    class BoundMeanwhile(MemoryAffinity):
        async def find(self, conversation: bytes) -> Bond | None:
            return None

    house.affinity = BoundMeanwhile(house.clock)
    house.affinity.keep(b"c" * 16, Bond("b", False))
    house.seats = Seats(house.health, Rooms(house.slots), house.affinity, house.clock, house.events)
    assert await house.account(a_call(group)) == "b"


async def test_a_conversation_stays_on_a_seat_whose_quota_is_used_up_unless_seats_are_a_pool() -> (
    None
):
    house = House()
    group = a_group("a", "b")
    call = a_call(group)
    assert await house.account(call) == "a"
    house.cool("a", 900, Fault.SEAT_QUOTA)
    error = await house.refusal(call)
    assert error.fault is Fault.SEAT_QUOTA
    assert error.retry_after == pytest.approx(900)
    pooled = a_call(a_group("a", "b", on_quota="move"))
    assert await house.account(pooled) == "b"


async def test_the_fallback_group_serves_when_nobody_else_can() -> None:
    house = House()
    call = a_call(a_group("a"), fallback=a_group("z", id="other", platform="openai"))
    assert await house.account(call) == "a"
    house.cool("a", 40)
    assert await house.account(call) == "z"
    await house.clock.advance(41)
    assert await house.account(call) == "a", "help is no home"


async def test_when_nobody_can_serve_the_shortest_true_wait_is_named() -> None:
    house = House()
    house.cool("a", 300)
    house.cool("b", 20)
    error = await house.refusal(a_call(a_group("a", "b")))
    assert error.fault is Fault.SEAT_RATE_LIMITED
    assert error.retry_after == pytest.approx(20)


async def test_accounts_that_are_ill_are_no_rate_limit() -> None:
    house = House()
    house.cool("a", 300)
    house.cool("b", 20, Fault.UPSTREAM_UNAVAILABLE)
    error = await house.refusal(a_call(a_group("a", "b")))
    assert error.fault is Fault.SEAT_UNAVAILABLE
    assert error.retry_after == pytest.approx(20)


@pytest.mark.parametrize(
    "subject",
    [
        subjects.account("a"),
        subjects.Subject(subjects.Kind.GROUP, "team"),
        subjects.Subject(subjects.Kind.MODEL, "m"),
    ],
)
async def test_what_is_paused_does_not_serve(subject: subjects.Subject) -> None:
    house = House()
    house.board.post(subject, Posted(None, "paused"))
    assert (await house.refusal(a_call(a_group("a")))).fault is Fault.POLICY_PAUSED


async def test_a_new_conversation_goes_past_a_full_seat() -> None:
    house = House()
    group = a_group(GroupAccount("a", priority=0, max_concurrency=1), GroupAccount("b", priority=1))
    first = await house.seats.find(Search(a_call(group)))
    assert first.account.id == "a"
    assert await house.account(a_call(group, conversation=b"d" * 16)) == "b"


async def test_a_conversation_waits_for_its_own_seat() -> None:
    house = House()
    group = a_group(GroupAccount("a", priority=0, max_concurrency=1), GroupAccount("b", priority=1))
    first = await house.seats.find(Search(a_call(group)))
    async with asyncio.TaskGroup() as tasks:
        search = Search(a_call(group))
        second = tasks.create_task(house.seats.find(search))
        await asyncio.sleep(0)
        assert not second.done()
        assert house.events.waiters == 1
        await house.clock.advance(2.5)
        house.seats.leave(first)
    assert second.result().account.id == "a"
    assert house.events.waiters == 0
    assert search.waited_seconds == pytest.approx(2.5)


async def test_who_finds_a_place_at_once_has_not_waited() -> None:
    house = House()
    search = Search(a_call(a_group(GroupAccount("a", max_concurrency=1))))
    await house.seats.find(search)
    assert search.waited_seconds == 0


async def test_a_place_is_given_back_by_who_leaves() -> None:
    house = House()
    group = a_group(GroupAccount("a", max_concurrency=1))
    for _ in range(3):
        await house.account(a_call(group))
    assert house.slots.taken("account:a") == 0


async def test_who_is_cancelled_while_waiting_holds_nothing() -> None:
    house = House()
    group = a_group(GroupAccount("a", max_concurrency=1))
    first = await house.seats.find(Search(a_call(group)))
    waiting = asyncio.ensure_future(house.seats.find(Search(a_call(group))))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    house.seats.leave(first)
    assert house.slots.taken("account:a") == 0
    assert await house.account(a_call(group)) == "a"


async def test_accounts_that_were_tried_are_not_found_again() -> None:
    house = House()
    search = Search(a_call(a_group("a", "b")))
    search.tried.add("a")
    assert (await house.seats.find(search)).account.id == "b"
    search.tried.add("b")
    assert not house.seats.has_another(search)


async def test_a_model_is_looked_for_by_the_name_upstream_knows() -> None:
    """A cool-down is of the model upstream knows, whatever the caller calls it."""
    house = House()
    group = replace(a_group("a"), aliases=(("claude-*", "claude-sonnet-4.6"),))
    house.board.post(
        subjects.seat_model("a", "claude-sonnet-4.6"), Posted(9.0, "seat_model_rate_limited")
    )
    error = await house.refusal(a_call(group, model="claude-sonnet-4-6-20260101"))
    assert error.fault is Fault.SEAT_MODEL_RATE_LIMITED


class Asked(MemorySlots):
    """A store that is slow to answer the second question."""

    def __init__(self) -> None:
        super().__init__()
        self.questions = 0

    async def take(self, place: str, limit: int) -> Lease | None:
        self.questions += 1
        if self.questions == 2:
            await asyncio.Event().wait()
        return await super().take(place, limit)


class SettledElsewhere(MemoryAffinity):
    """Another replica was first, with the other account."""

    async def settle(self, conversation: bytes, account: str, leaving: str | None) -> Bond:
        return Bond("b" if account == "a" else "a", has_moved=False)


async def test_who_is_cancelled_on_the_way_to_where_another_replica_put_it_holds_nothing() -> None:
    house, slots = House(), Asked()
    affinity = SettledElsewhere(house.clock)
    seats = Seats(house.health, Rooms(slots), affinity, house.clock, house.events)
    group = a_group(*(GroupAccount(name, max_concurrency=1) for name in "ab"))
    moving = asyncio.ensure_future(seats.find(Search(a_call(group))))
    await settle()
    assert slots.questions == 2
    moving.cancel()
    await asyncio.gather(moving, return_exceptions=True)
    assert [slots.taken(f"account:{name}") for name in "ab"] == [0, 0]
