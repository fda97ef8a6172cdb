"""A key's places: who has to wait is counted, and everybody gives back what was taken."""

import asyncio
from dataclasses import replace

import pytest

from gateway.adapters.slots import MemorySlots
from gateway.admission import Admission
from gateway.domain.errors import Fault, GatewayError
from gateway.rooms import Rooms
from tests.fakes.calls import A_KEY, an_exchange
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import RecordedEvents

pytestmark = pytest.mark.anyio

KEY = replace(A_KEY, max_concurrency=1, max_waiting=1)


class Waiting(RecordedEvents):
    """How many wait now, and how many did at most."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0

    def waiting(self, group: str, change: int) -> None:
        self.now += change
        self.most = max(self.most, self.now)


async def test_only_who_has_to_wait_is_counted_as_waiting() -> None:
    slots, events = MemorySlots(), Waiting()
    admission = Admission(Rooms(slots), FakeClock(), events)
    first = await admission.enter(KEY, an_exchange())
    assert events.most == 0
    async with asyncio.TaskGroup() as tasks:
        second = tasks.create_task(admission.enter(KEY, an_exchange()))
        await asyncio.sleep(0)
        assert events.now == 1
        with pytest.raises(GatewayError) as refused:
            await admission.enter(KEY, an_exchange())
        admission.leave(first)
    assert refused.value.fault is Fault.POLICY_CONCURRENCY
    assert events.now == 0
    admission.leave(second.result())
    assert slots.taken(f"key:{KEY.id}") == 0


async def test_a_key_without_a_limit_takes_no_place() -> None:
    admission = Admission(Rooms(MemorySlots()), FakeClock(), Waiting())
    lease = await admission.enter(A_KEY, an_exchange())
    assert lease is None
    admission.leave(lease)
