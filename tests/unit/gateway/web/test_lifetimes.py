"""How long requests may live."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.web.lifetimes import Lifetimes

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def one(lifetimes: Lifetimes, key: str = "") -> AsyncIterator[None]:
    """A request, as the front has them."""
    life = lifetimes.begin(key)
    try:
        yield
    except asyncio.CancelledError:
        error = life.why_cancelled()
        if error is None:
            raise
        raise error from None
    finally:
        lifetimes.end(life)


async def fault_of(lifetimes: Lifetimes, key: str = "") -> Fault:
    with pytest.raises(GatewayError) as caught:
        async with one(lifetimes, key):
            await asyncio.Event().wait()
    return caught.value.fault


async def test_a_request_ends_at_its_deadline() -> None:
    assert await fault_of(Lifetimes(0.01)) is Fault.GATEWAY_DEADLINE


async def test_the_end_of_a_drain_ends_all_of_them_and_those_that_come_later() -> None:
    lifetimes = Lifetimes(3600)
    async with asyncio.TaskGroup() as tasks:
        ended = [tasks.create_task(fault_of(lifetimes)) for _ in range(3)]
        await asyncio.sleep(0)
        assert lifetimes.under_way == 3
        lifetimes.end_all()
    assert {task.result() for task in ended} == {Fault.GATEWAY_DRAINING}
    assert await fault_of(lifetimes) is Fault.GATEWAY_DRAINING
    assert lifetimes.under_way == 0


async def test_what_ends_in_time_is_left_alone() -> None:
    lifetimes = Lifetimes(3600)
    async with one(lifetimes):
        assert lifetimes.under_way == 1
    assert lifetimes.under_way == 0


async def test_who_is_cancelled_is_not_told_of_a_deadline() -> None:
    """A caller that leaves is no request that took too long."""
    lifetimes = Lifetimes(3600)

    async def live() -> None:
        async with one(lifetimes):
            await asyncio.Event().wait()

    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(live())
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()


async def test_the_end_of_a_key_ends_its_requests_and_no_others() -> None:
    lifetimes = Lifetimes(3600)
    async with asyncio.TaskGroup() as tasks:
        ended = [tasks.create_task(fault_of(lifetimes, "a")) for _ in range(3)]
        other = tasks.create_task(fault_of(lifetimes, "b"))
        await asyncio.sleep(0)
        lifetimes.end_of("a")
        lifetimes.end_of("nobody's")
        for task in ended:
            assert await task is Fault.CALLER_KEY_REVOKED
        assert lifetimes.under_way == 1
        lifetimes.end_all()
    assert other.result() is Fault.GATEWAY_DRAINING
    assert lifetimes.under_way == 0


async def test_a_key_that_was_taken_back_meanwhile_begins_nothing() -> None:
    lifetimes = Lifetimes(1, is_revoked=lambda key: key == "a")

    assert await fault_of(lifetimes, "a") is Fault.CALLER_KEY_REVOKED
    async with one(lifetimes, "b"):
        assert lifetimes.under_way == 1


async def test_a_request_that_ends_already_ends_for_its_own_reason() -> None:
    lifetimes = Lifetimes(0.0)

    async def live() -> None:
        async with one(lifetimes, "a"):
            try:
                await asyncio.Event().wait()
            finally:
                lifetimes.end_of("a")
                lifetimes.end_all()

    with pytest.raises(GatewayError) as caught:
        await live()
    assert caught.value.fault is Fault.GATEWAY_DEADLINE
