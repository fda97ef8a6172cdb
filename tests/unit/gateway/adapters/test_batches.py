"""What travels together, and that everybody who asks gets an answer."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from gateway.adapters import batches as module
from gateway.adapters.batches import Batches, Queue
from runtime.valkey.calls import Call
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection, ScriptFailed
from tests.fakes.clock import settle

pytestmark = pytest.mark.anyio


class Store:
    """A link and what is behind it: answers twice the number; slowly, or not at all."""

    def __init__(self) -> None:
        self.calls: list[dict[str, list[int]]] = []
        self.is_up = True
        self.failing = ""
        self.answering = asyncio.Event()
        self.answering.set()

    async def ask(self, operation: Callable[[Any], Awaitable[Any]]) -> Any:
        return await operation(self) if self.is_up else None

    async def run_all(self, calls: Sequence[Call]) -> list[Any] | None:
        self.calls.append({call.script: [int(each) for each in call.keys] for call in calls})
        await self.answering.wait()
        return [self._answer(call) for call in calls] if self.is_up else None

    def _answer(self, call: Call) -> Any:
        if call.script == self.failing:
            return ScriptFailed("x")
        return [2 * int(each) for each in call.keys]


class Part:
    """Asks what it is asked."""

    def __init__(self, batches: Batches, name: str) -> None:
        self._name = name
        self.queue: Queue[int, int] = batches.join(self)

    def next_call(self) -> Call | None:
        questions = self.queue.take()
        return Call(self._name, tuple(map(str, questions)), ()) if questions else None

    def answered(self, answer: Any) -> None:
        self.queue.answer(answer)


class Asked:
    """Two parts of one store."""

    def __init__(self) -> None:
        self.store = Store()
        self.batches = Batches(cast(StoreLink[Connection], self.store))
        self.one, self.other = Part(self.batches, "one"), Part(self.batches, "other")
        self.ask, self.tell = self.one.queue.ask, self.one.queue.tell

    @property
    def of_one(self) -> list[list[int]]:
        return [call["one"] for call in self.store.calls]

    async def asking(self, *numbers: int) -> list[asyncio.Future[int | None]]:
        made: list[asyncio.Future[int | None]] = []
        made += [asyncio.ensure_future(self.ask(number)) for number in numbers]
        await settle()
        return made


@asynccontextmanager
async def running() -> AsyncIterator[Asked]:
    asked = Asked()
    async with asyncio.TaskGroup() as tasks, asked.batches.running(tasks):
        yield asked


async def test_those_who_ask_in_one_tick_travel_together() -> None:
    async with running() as a:
        answers = await asyncio.gather(*(a.ask(number) for number in range(5)))

    assert answers == [0, 2, 4, 6, 8]
    assert a.of_one == [[0, 1, 2, 3, 4]]


async def test_questions_of_every_kind_do() -> None:
    async with running() as a:
        answers = await asyncio.gather(a.ask(1), a.other.queue.ask(2), a.ask(3))

    assert list(answers) == [2, 4, 6]
    assert a.store.calls == [{"one": [1, 3], "other": [2]}]


async def test_a_kind_that_fails_does_so_alone() -> None:
    async with running() as a:
        a.store.failing = "one"

        answers = await asyncio.gather(a.ask(1), a.other.queue.ask(2))

    assert list(answers) == [None, 4]


async def test_what_is_asked_meanwhile_waits_for_the_next_one() -> None:
    async with running() as a:
        a.store.answering.clear()
        asking = await a.asking(0)
        asking += await a.asking(1, 2)
        assert a.of_one == [[0]]
        a.store.answering.set()
        await asyncio.gather(*asking)

    assert a.of_one == [[0], [1, 2]]


async def test_who_was_answered_and_asks_again_comes_along() -> None:
    async def twice(a: Asked, number: int) -> None:
        await a.ask(number)
        await a.ask(10 + number)

    async with running() as a:
        a.store.answering.clear()
        asking = [asyncio.ensure_future(twice(a, number)) for number in range(3)]
        await settle()
        a.tell(9)
        a.store.answering.set()
        await asyncio.gather(*asking)

    assert a.of_one == [[0, 1, 2], [9, 10, 11, 12]]


async def test_a_batch_has_a_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_AT_A_TIME", 2)
    async with running() as a:
        answers = await asyncio.gather(*(a.ask(number) for number in range(5)))

    assert answers == [0, 2, 4, 6, 8]
    assert a.of_one == [[0, 1], [2, 3], [4]]


async def test_who_has_left_is_not_asked_for() -> None:
    async with running() as a:
        a.store.answering.clear()
        asking = await a.asking(0, 1, 2)
        asking += await a.asking(3, 4)
        asking[1].cancel()
        asking[3].cancel()
        await settle()
        a.store.answering.set()
        answers = await asyncio.gather(*asking, return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, int)] == [0, 4, 8]
    assert a.of_one == [[0, 1, 2], [4]]


async def test_nobody_waits_for_a_store_that_does_not_answer() -> None:
    async with running() as a:
        a.store.answering.clear()
        asking = await a.asking(1, 2)
        asking += await a.asking(3)
        a.store.is_up = False
        a.store.answering.set()

        assert list(await asyncio.gather(*asking)) == [None, None, None]
        assert await a.ask(4) is None
        assert not a.tell(4)


async def test_nobody_waits_where_nothing_runs() -> None:
    a = Asked()

    assert await a.ask(1) is None
    assert not a.tell(1)


async def test_what_was_told_before_the_end_is_sent() -> None:
    async with running() as a:
        a.store.answering.clear()
        a.tell(1)
        await settle()
        a.tell(2)
        asyncio.get_running_loop().call_soon(a.store.answering.set)

    assert a.of_one == [[1], [2]]


async def test_who_waits_when_it_is_cancelled_is_answered() -> None:
    a = Asked()

    async def use() -> None:
        async with asyncio.TaskGroup() as tasks, a.batches.running(tasks):
            await asyncio.Event().wait()

    using = asyncio.ensure_future(use())
    await settle()
    a.store.answering.clear()
    asking = await a.asking(0)
    asking += await a.asking(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "CLOSE_SECONDS", 0.0)
        using.cancel()
        assert await asyncio.gather(*asking) == [None, None]
        await asyncio.wait([using])


async def test_more_than_so_many_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 2)
    async with running() as a:
        answers = await asyncio.gather(*(a.ask(number) for number in range(4)))

    assert answers == [0, 2, None, None]
