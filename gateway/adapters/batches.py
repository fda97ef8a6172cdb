"""What is asked of the shared store travels together: one call for all that waits.

One call is under way at a time: what is asked meanwhile goes with the next one, of every kind,
in the order in which it was asked. So a call to the store costs the more callers the less each of
them. Knows neither the questions nor the scripts.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, Protocol, TypeVar

from runtime.valkey.calls import Call
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection, ScriptFailed

MOST_AT_A_TIME = 256
"""Questions of one kind in one call: the store serves nobody else while it answers them."""
MOST_WAITING = 20_000
CLOSE_SECONDS = 1.0

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Part(Protocol):
    """Who has something to say to the store. Neither waits nor raises."""

    def next_call(self) -> Call | None:
        """What it says now; None for nothing. Called in every turn, woken for it or not."""

    def answered(self, answer: Any) -> None:
        """What the store answered to that; None when it gave no answer."""


class Batches:
    """Sends what the parts have to say while `running`."""

    def __init__(self, link: StoreLink[Connection]) -> None:
        self._link = link
        self._parts: list[Part] = []
        self._queues: list[Queue[Any, Any]] = []
        self._work = asyncio.Event()
        self._is_open = False

    def join(self, part: Part) -> "Queue[Any, Any]":
        """Have the part asked in every turn; for its questions."""
        queue: Queue[Any, Any] = Queue(self)
        self._parts.append(part)
        self._queues.append(queue)
        return queue

    @property
    def is_open(self) -> bool:
        """Whether there is anybody to ask."""
        return self._is_open and self._link.is_up

    def wake(self) -> None:
        """Have the parts asked soon what they have to say."""
        self._work.set()

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Send for the length of the block; what waits at its end is sent, bounded in time."""
        self._is_open = True
        sending = tasks.create_task(self._send_again_and_again())
        try:
            yield
        finally:
            self._is_open = False
            self._work.set()
            await asyncio.wait([sending], timeout=CLOSE_SECONDS)
            sending.cancel()

    async def _send_again_and_again(self) -> None:
        try:
            while self._is_open or self._work.is_set():
                await self._work.wait()
                self._work.clear()
                # Whoever got its answer a moment ago may ask again in this round of the loop.
                await asyncio.sleep(0)
                await self._send()
        finally:
            self._is_open = False
            for queue in self._queues:
                queue.answer_none()

    async def _send(self) -> None:
        said = [(part, call) for part in self._parts if (call := part.next_call()) is not None]
        if not said:
            return
        calls = [call for _, call in said]
        answers: Sequence[Any] | None = None
        try:
            answers = await self._link.ask(lambda store: store.run_all(calls))
        finally:
            for (part, _), answer in zip(said, answers or [None] * len(said), strict=True):
                part.answered(None if isinstance(answer, ScriptFailed) else answer)


class Queue(Generic[Question, Answer]):
    """Questions of one kind that wait, and those that are under way."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches
        self._waiting: list[tuple[Question, asyncio.Future[Answer | None] | None]] = []
        self._under_way: list[tuple[Question, asyncio.Future[Answer | None] | None]] = []

    async def ask(self, question: Question) -> Answer | None:
        """Its answer; None when there is none to be had at the moment. May be cancelled."""
        if len(self._waiting) >= MOST_WAITING or not self._batches.is_open:
            return None
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        self._batches.wake()
        return await answer

    def tell(self, question: Question) -> bool:
        """Ask without waiting for the answer; False when it cannot be taken along."""
        if len(self._waiting) >= MOST_WAITING or not self._batches.is_open:
            return False
        self._waiting.append((question, None))
        self._batches.wake()
        return True

    def take(self) -> list[Question]:
        """Those to be answered next; whoever has left meanwhile is not among them."""
        asked, self._waiting = self._waiting[:MOST_AT_A_TIME], self._waiting[MOST_AT_A_TIME:]
        if self._waiting:
            self._batches.wake()
        self._under_way = [each for each in asked if each[1] is None or not each[1].done()]
        return [question for question, _ in self._under_way]

    def answer(self, answers: Sequence[Answer] | None) -> None:
        """Of those that were taken, in their order; None when there are none."""
        under_way, self._under_way = self._under_way, []
        _answer(under_way, answers)

    def answer_none(self) -> None:
        """Nothing can be had at the moment, for those either who wait."""
        self.answer(None)
        waiting, self._waiting = self._waiting, []
        _answer(waiting, None)


def _answer(
    asked: list[tuple[Question, asyncio.Future[Answer | None] | None]],
    answers: Sequence[Answer] | None,
) -> None:
    for at, (_, waiting) in enumerate(asked):
        if waiting is not None and not waiting.done():
            waiting.set_result(None if answers is None else answers[at])
