"""What travels together, and that everybody who asks gets an answer."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from gateway.adapters import batches as module
from gateway.adapters.batches import Batches
from tests.fakes.clock import settle

pytestmark = pytest.mark.anyio


class Store:
    """Answers twice the number; slowly, or not at all."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.is_down = False
        self.answering = asyncio.Event()
        self.answering.set()

    async def send(self, questions: Sequence[int]) -> Sequence[int] | None:
        self.batches.append(list(questions))
        await self.answering.wait()
        return None if self.is_down else [2 * each for each in questions]


@asynccontextmanager
async def running(store: Store) -> AsyncIterator[Batches[int, int]]:
    batches: Batches[int, int] = Batches(store.send)
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(batches.run())
        await settle()
        yield batches
        await batches.close(run)


async def test_those_who_ask_in_one_tick_travel_together() -> None:
    store = Store()
    async with running(store) as batches:
        answers = await asyncio.gather(*(batches.ask(number) for number in range(5)))

    assert answers == [0, 2, 4, 6, 8]
    assert store.batches[0] == [0, 1, 2, 3, 4]


async def test_what_is_asked_meanwhile_waits_for_the_next_one() -> None:
    store = Store()
    async with running(store) as batches:
        store.answering.clear()
        asking = [asyncio.ensure_future(batches.ask(0))]
        await settle()
        asking += [asyncio.ensure_future(batches.ask(number)) for number in (1, 2)]
        await settle()
        assert store.batches == [[0]]
        store.answering.set()
        await asyncio.gather(*asking)

    assert store.batches[:2] == [[0], [1, 2]]


async def test_who_was_answered_and_asks_again_comes_along() -> None:
    store = Store()

    async def twice(batches: Batches[int, int], number: int) -> None:
        await batches.ask(number)
        await batches.ask(10 + number)

    async with running(store) as batches:
        store.answering.clear()
        asking = [asyncio.ensure_future(twice(batches, number)) for number in range(3)]
        await settle()
        batches.tell(9)
        store.answering.set()
        await asyncio.gather(*asking)

    assert store.batches[:2] == [[0, 1, 2], [9, 10, 11, 12]]


async def test_a_batch_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_A_TIME", 2)
    store = Store()
    async with running(store) as batches:
        answers = await asyncio.gather(*(batches.ask(number) for number in range(5)))

    assert answers == [0, 2, 4, 6, 8]
    assert store.batches[:3] == [[0, 1], [2, 3], [4]]


async def test_who_has_left_is_not_asked_for() -> None:
    store = Store()
    async with running(store) as batches:
        store.answering.clear()
        asking = [asyncio.ensure_future(batches.ask(number)) for number in (0, 1, 2)]
        await settle()
        asking += [asyncio.ensure_future(batches.ask(number)) for number in (3, 4)]
        await settle()
        asking[1].cancel()
        asking[3].cancel()
        await settle()
        store.answering.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, int)] == [0, 4, 8]
    assert store.batches[:2] == [[0, 1, 2], [4]]


async def test_nobody_waits_for_a_store_that_does_not_answer() -> None:
    store = Store()
    async with running(store) as batches:
        store.is_down = True

        assert list(await asyncio.gather(batches.ask(1), batches.ask(2))) == [None, None]


async def test_nobody_waits_where_nothing_runs() -> None:
    batches: Batches[int, int] = Batches(Store().send)

    assert await batches.ask(1) is None
    assert not batches.tell(1)


async def test_what_was_told_before_the_end_is_sent() -> None:
    store = Store()
    async with running(store) as batches:
        store.answering.clear()
        batches.tell(1)
        await settle()
        batches.tell(2)
        asyncio.get_running_loop().call_soon(store.answering.set)

    assert store.batches[:2] == [[1], [2]]


async def test_who_waits_when_it_is_cancelled_is_answered() -> None:
    store = Store()
    batches: Batches[int, int] = Batches(store.send)
    store.answering.clear()
    run = asyncio.ensure_future(batches.run())
    await settle()
    asking = [asyncio.ensure_future(batches.ask(0))]
    await settle()
    asking.append(asyncio.ensure_future(batches.ask(1)))
    await settle()
    run.cancel()

    assert await asyncio.gather(*asking) == [None, None]


async def test_more_than_so_many_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    store = Store()
    async with running(store) as batches:
        answers = await asyncio.gather(*(batches.ask(number) for number in range(4)))

    assert answers == [0, 2, None, None]


async def test_it_can_be_woken_without_a_question() -> None:
    store = Store()
    async with running(store) as batches:
        batches.wake()
        await settle()
        assert store.batches == [[]]
