"""One running call per key."""

import asyncio

import pytest

from tests.fakes.clock import settle
from token_service.singleflight import SingleFlight

pytestmark = pytest.mark.anyio


class Call:
    """A call that ends when it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.end = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.count += 1
        await self.end.wait()
        if self.error is not None:
            raise self.error
        return self.count


async def test_a_hundred_callers_share_one_call() -> None:
    call = Call()
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        futures = [flights.join("a", call) for _ in range(100)]
        await settle()
        call.end.set()

    assert call.count == 1
    assert {future.result() for future in futures} == {1}


async def test_keys_do_not_wait_for_each_other() -> None:
    one, other = Call(), Call()
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        _ = flights.join("a", one)
        _ = flights.join("b", other)
        await settle()
        assert flights.running == 2
        one.end.set()
        await settle()
        assert (flights.under_way("a"), flights.under_way("b")) == (False, True)
        other.end.set()


async def test_a_leaving_caller_does_not_end_the_call() -> None:
    call = Call()
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)

        async def wait() -> int:
            return await asyncio.shield(flights.join("a", call))

        first, second = tasks.create_task(wait()), tasks.create_task(wait())
        await settle()
        first.cancel()
        await settle()
        call.end.set()

    assert first.cancelled()
    assert second.result() == 1


async def test_the_next_call_starts_anew() -> None:
    call = Call()
    call.end.set()
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        assert await flights.join("a", call) == 1
        await settle()
        assert await flights.join("a", call) == 2


async def test_a_bug_reaches_every_caller_and_leaves_the_group_alone() -> None:
    call = Call()
    call.error = RuntimeError("bug")
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        one, other = flights.join("a", call), flights.join("a", call)
        call.end.set()
        await settle()

    assert str(one.exception()) == str(other.exception()) == "bug"


async def test_a_bug_that_nobody_waits_for_is_quiet() -> None:
    """filterwarnings turns "exception was never retrieved" into a failure."""
    call = Call()
    call.error = RuntimeError("bug")
    call.end.set()
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        _ = flights.join("a", call)

    assert flights.running == 0


@pytest.mark.parametrize("rounds", [0, 25])
async def test_cancelling_all_frees_those_who_wait(rounds: int) -> None:
    """Also when the call has not made its first step yet."""
    async with asyncio.TaskGroup() as tasks:
        flights: SingleFlight[str, int] = SingleFlight(tasks)
        future = flights.join("a", Call())
        await settle(rounds)
        flights.cancel_all()
        await settle()
        assert future.cancelled()
        assert flights.running == 0
