"""Questions to the shared store that travel together.

One batch is under way at a time: what is asked meanwhile goes with the next one, in the order in
which it was asked. So a call to the store costs the more callers the less each of them. Knows
neither the questions nor the store.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

MOST_AT_A_TIME = 256
"""Questions in one batch: the store serves nobody else while it answers them."""
MOST_WAITING = 20_000
CLOSE_SECONDS = 1.0

Question = TypeVar("Question")
Answer = TypeVar("Answer")
Send = Callable[[Sequence[Question]], Awaitable[Sequence[Answer] | None]]


class Batches(Generic[Question, Answer]):
    """Collects questions while `run` sends them.

    send: an answer for each question, in their order; None when the store gives none. Raises
    nothing and is bounded in time. It is called with no question at all after `wake`.
    """

    def __init__(self, send: Send[Question, Answer]) -> None:
        self._send = send
        self._waiting: list[tuple[Question, asyncio.Future[Answer | None] | None]] = []
        self._work = asyncio.Event()
        self._is_running = False
        self._is_closed = False

    async def ask(self, question: Question) -> Answer | None:
        """Its answer; None when there is none to be had at the moment. May be cancelled."""
        if not self._has_room():
            return None
        answer: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        self._work.set()
        return await answer

    def tell(self, question: Question) -> bool:
        """Ask without waiting for the answer; False when it cannot be taken along."""
        if not self._has_room():
            return False
        self._waiting.append((question, None))
        self._work.set()
        return True

    def wake(self) -> None:
        """Have `send` called, whether something is asked or not."""
        self._work.set()

    async def run(self) -> None:
        """Send what is asked, until `close`."""
        self._is_running = True
        try:
            while not self._is_closed or self._waiting:
                if not self._waiting:
                    await self._work.wait()
                self._work.clear()
                # Whoever got its answer a moment ago may ask again in this round of the loop.
                await asyncio.sleep(0)
                await self._send_some()
        finally:
            self._is_running = False
            _answer(self._waiting, None)
            self._waiting = []

    async def close(self, running: asyncio.Task[None]) -> None:
        """Let `run`, which is that task, end with what was asked until now; bounded in time."""
        self._is_closed = True
        self._work.set()
        await asyncio.wait([running], timeout=CLOSE_SECONDS)
        running.cancel()

    async def _send_some(self) -> None:
        asked, self._waiting = self._waiting[:MOST_AT_A_TIME], self._waiting[MOST_AT_A_TIME:]
        # Whoever has left meanwhile need not be answered.
        batch = [each for each in asked if each[1] is None or not each[1].done()]
        answers = None
        try:
            answers = await self._send([question for question, _ in batch])
        finally:
            _answer(batch, answers)

    def _has_room(self) -> bool:
        is_open = self._is_running and not self._is_closed
        return is_open and len(self._waiting) < MOST_WAITING


def _answer(
    batch: list[tuple[Question, asyncio.Future[Answer | None] | None]],
    answers: Sequence[Answer] | None,
) -> None:
    for position, (_, waiting) in enumerate(batch):
        if waiting is not None and not waiting.done():
            waiting.set_result(None if answers is None else answers[position])
