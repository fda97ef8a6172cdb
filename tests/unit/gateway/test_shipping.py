"""How records come into the ledger: when it is there, when it is not, and at the end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from gateway.domain.usage.record import UsageRecord
from gateway.ports.usage import LedgerDown
from gateway.shipping import (
    FIRST_PAUSE_SECONDS,
    INTERVAL_SECONDS,
    LEFTOVERS_SECONDS,
    LONGEST_PAUSE_SECONDS,
    PURGE_SECONDS,
    CaughtUp,
    Shipper,
)
from tests.fakes.clock import FakeClock, settle
from tests.fakes.ledger import FakeLedger
from tests.fakes.shipping import Told
from tests.fakes.usage_records import NOVEMBER_25, a_record

pytestmark = pytest.mark.anyio


@dataclass
class Listed:
    """A source of records: batches in a list."""

    batches: list[list[UsageRecord]] = field(default_factory=list)
    safe: list[str] = field(default_factory=list)
    given: list[UsageRecord] = field(default_factory=list)
    is_kept: bool = False
    takes: int = 0
    put_in: list[str] = field(default_factory=list)
    is_all: bool = False

    async def next(self) -> Sequence[UsageRecord]:
        self.given = self.batches[0] if self.batches else []
        return self.given

    async def done(self, records: Sequence[UsageRecord]) -> None:
        assert list(records) == self.given
        self.safe += [each.request_id for each in self.batches.pop(0)]

    def start_over(self) -> None:
        self.given = []

    def keep(self) -> None:
        self.is_kept = True

    async def put(self, records: Sequence[UsageRecord]) -> bool:
        if len(self.put_in) + len(records) > self.takes:
            return False
        self.put_in += [each.request_id for each in records]
        return True


class Books(FakeLedger):
    """A ledger that may hang, and remembers what it was to remove."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = self.cannot_purge = False
        self.is_prepared = False
        self.purged: list[float] = []

    async def prepare(self) -> None:
        self._check()
        self.is_prepared = True

    async def add(self, records: Sequence[UsageRecord]) -> None:
        assert self.is_prepared, "there are no tables yet"
        if self.hangs:
            await asyncio.Event().wait()
        await super().add(records)

    async def purge(self, before: float) -> None:
        if self.cannot_purge:
            raise LedgerDown("purge")
        self.purged.append(before)

    @property
    def ids(self) -> list[str]:
        return list(self._records)


class House:
    """A shipper and all it works with."""

    def __init__(self) -> None:
        self.own, self.leftovers, self.spill = Listed(), Listed(), Listed()
        self.ledger, self.clock, self.told = Books(), FakeClock(NOVEMBER_25), Told()
        self.pauses: list[float] = []
        self.shipper = Shipper(
            self.own,
            self.leftovers,
            self.spill,
            self.ledger,
            self.clock,
            self.told,
            retention_days=2,
            fraction=lambda: 0.5,
            sleep=self._pause,
        )

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await self.clock.sleep(seconds)


def some(*request_ids: str) -> list[UsageRecord]:
    return [a_record(request_id) for request_id in request_ids]


async def test_everything_that_waits_comes_into_the_ledger() -> None:
    house = House()
    house.own.batches = [some("a", "b"), some("c")]
    house.leftovers.batches = [some("left")]
    house.spill.batches = [some("spilled")]
    assert await house.shipper.catch_up()
    assert house.ledger.ids == ["a", "b", "c", "left", "spilled"]
    assert house.own.safe == ["a", "b", "c"]
    assert (house.leftovers.safe, house.spill.safe) == (["left"], ["spilled"])
    assert house.told.count == 5


async def test_what_comes_while_all_there_was_is_shipped_waits_for_the_next_time() -> None:
    house = House()
    house.own.batches, house.own.is_all = [some("a", "b"), some("c")], True
    assert await house.shipper.catch_up()
    assert house.own.safe == ["a", "b"]
    assert await house.shipper.catch_up()
    assert house.own.safe == ["a", "b", "c"]


async def test_others_records_are_looked_for_now_and_then() -> None:
    house = House()
    await house.shipper.catch_up()
    house.leftovers.batches = [some("left")]
    await house.shipper.catch_up()
    assert house.leftovers.safe == []
    await house.clock.advance(LEFTOVERS_SECONDS)
    await house.shipper.catch_up()
    assert house.leftovers.safe == ["left"]


async def test_while_the_ledger_is_down_records_stay_where_they_are() -> None:
    house = House()
    house.own.batches = [some("a")]
    house.ledger.is_down = True
    assert not await house.shipper.catch_up()
    assert house.own.safe == []
    assert house.told.states == [""]
    house.ledger.is_down = False
    assert await house.shipper.catch_up()
    assert house.own.safe == ["a"]
    assert house.told.states[-1] == "up"


async def test_at_the_end_what_the_ledger_does_not_take_goes_to_the_shared_store() -> None:
    house = House()
    house.own.batches, house.leftovers.batches = [some("a", "b"), some("c")], [some("left")]
    house.ledger.is_down = True
    house.spill.takes = 10
    assert not await house.shipper.close(5.0)
    assert house.spill.put_in == ["a", "b", "c", "left"]
    assert house.own.is_kept
    assert house.leftovers.is_kept
    assert house.told.ends == [(3, 0), (1, 0)]


async def test_what_finds_no_room_in_the_shared_store_is_said() -> None:
    house = House()
    house.own.batches = [some("a", "b"), some("c")]
    house.ledger.is_down = True
    house.spill.takes = 2
    await house.shipper.close(5.0)
    assert house.spill.put_in == ["a", "b"]
    assert house.told.ends == [(2, 1), (0, 0)]


async def test_a_ledger_that_hangs_does_not_hold_up_the_end() -> None:
    house = House()
    house.own.batches = [some("a")]
    house.ledger.hangs = True
    house.spill.takes = 10
    assert not await house.shipper.close(0.01)
    assert house.spill.put_in == ["a"]


async def test_with_everything_shipped_nothing_is_spilled() -> None:
    house = House()
    house.own.batches = [some("a")]
    house.spill.takes = 10
    assert await house.shipper.close(5.0)
    assert house.spill.put_in == []
    assert not house.own.is_kept


@asynccontextmanager
async def running(house: House) -> AsyncIterator[None]:
    """It ships until the block is over."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(house.shipper.run())
        await settle()
        yield
        task.cancel()


async def test_while_the_ledger_is_up_it_ships_at_the_same_short_intervals() -> None:
    house = House()
    async with running(house):
        await house.clock.advance(3 * INTERVAL_SECONDS)
        house.own.batches = [some("a")]
        await house.clock.advance(INTERVAL_SECONDS)
        assert house.own.safe == ["a"]
    assert set(house.pauses) == {INTERVAL_SECONDS}


async def test_while_the_ledger_is_down_its_pauses_grow_up_to_a_bound() -> None:
    house = House()
    house.ledger.is_down = True
    async with running(house):
        await house.clock.advance(30.0)
    assert house.pauses[:4] == [FIRST_PAUSE_SECONDS * 2**power for power in range(4)]
    assert set(house.pauses[4:]) == {LONGEST_PAUSE_SECONDS}


async def test_after_the_ledger_came_back_they_are_short_again() -> None:
    house = House()
    house.own.batches = [some("a")]
    house.ledger.is_down = True
    async with running(house):
        await house.clock.advance(30.0)
        house.ledger.is_down = False
        await house.clock.advance(LONGEST_PAUSE_SECONDS)
        assert house.own.safe == ["a"], "no later than after one pause"
        assert house.pauses[-1] == INTERVAL_SECONDS
        house.own.batches = [some("b")]
        house.ledger.is_down = True
        house.pauses.clear()
        await house.clock.advance(INTERVAL_SECONDS + FIRST_PAUSE_SECONDS)
    assert house.pauses == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS]


async def test_old_records_are_removed_now_and_then() -> None:
    house = House()
    async with running(house):
        first = house.clock.now() - 2 * 86_400
        assert house.ledger.purged == [first]
        await house.clock.advance(PURGE_SECONDS - 2 * INTERVAL_SECONDS)
        assert house.ledger.purged == [first]
        await house.clock.advance(3 * INTERVAL_SECONDS)
        assert len(house.ledger.purged) == 2


async def test_a_ledger_that_fails_while_old_records_are_removed_is_down() -> None:
    house = House()
    house.ledger.cannot_purge = True
    async with running(house):
        assert house.told.states == ["up", "purge"]
        await house.clock.advance(INTERVAL_SECONDS)
        assert house.told.states[-1] == "up", "and tried again"


async def test_sums_are_of_everything_written_down_until_now() -> None:
    house = House()
    house.own.batches = [some("a", "b")]
    sums = CaughtUp(house.shipper, house.ledger)
    spending = await sums.key_spending("bot", NOVEMBER_25 - 1, NOVEMBER_25 + 1)
    assert spending.requests == 2


async def test_sums_of_a_ledger_that_is_down_are_unknown() -> None:
    house = House()
    house.ledger.is_down = True
    with pytest.raises(LedgerDown):
        await CaughtUp(house.shipper, house.ledger).group_spending("team", 0.0, 1.0)
