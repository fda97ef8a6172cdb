"""Budgets' counters that all replicas share: a hash in the shared store for each.

What is asked and used in one turn of the loop travels in one telling, which has a number, so that
saying it again counts nothing twice. A telling that stays without an answer is said again, first
of all, when the store is back; until then this process goes on with what it knows. Totals that a
store has lost come back with every telling. Nobody waits longer than the link does.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from gateway.adapters import tellings
from gateway.adapters.batches import Batches
from gateway.adapters.budget_counters import known_totals
from gateway.adapters.scripts import script
from gateway.adapters.tellings import Question, Reading, Telling
from gateway.domain.budgets.known import Known
from gateway.domain.budgets.totals import GIVEN_BACK, TAKEN, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, answered, judge_alone
from gateway.ports import Clock
from runtime.valkey.link import StoreLink
from runtime.valkey.server import Connection

BUDGETS = script("budgets")

MOST_TOLD_AT_ONCE = 500
"""Counters in one call: the store serves nobody else for the milliseconds it takes."""
MOST_LAST_CALLS = 40
"""At the end of the process."""
NOTICE = b"budget:"
"""Begins what the store says of a counter that is not whole."""


class SharedBudgets:
    """The BudgetCounters port for many replicas. owner: no other process has the same."""

    def __init__(
        self, link: StoreLink[Connection], namespace: str, channel: str, clock: Clock, owner: str
    ) -> None:
        self._link = link
        self._tag = f"{{{namespace}:budgets}}"
        self._channel = channel
        self._clock = clock
        self._owner = owner
        self._numbers = itertools.count(1)
        self._known = Known()
        self._unanswered: Telling | None = None
        self._announced: dict[Counter, None] = {}
        self._batches: Batches[Question, Answer] = Batches(self._send)
        link.add_reader(self)

    async def take(self, claims: Sequence[Claim]) -> Answer:
        """See ports.BudgetCounters."""
        question = Question(claims=tuple(claims))
        try:
            answer = await self._ask(question)
        except asyncio.CancelledError:
            self._left(question)
            raise
        found = self._take_alone(claims) if answer is None else answer
        return found.with_used(claims, self._known.totals)

    async def seed(self, counter: Counter, spent: Totals) -> None:
        """See ports.BudgetCounters."""
        if await self._ask(Question(seeds=((counter, spent),))) is None:
            self._known.seed(counter, spent)

    def add(self, counters: Iterable[Counter], use: Totals) -> None:
        """See ports.BudgetCounters."""
        now = self._clock.monotonic()
        for counter in counters:
            self._known.add(counter, use, now)
        self._batches.wake()

    async def totals(self, counters: Sequence[Counter]) -> Sequence[Totals | None]:
        """See ports.BudgetCounters."""
        await self._ask(Question(looks=tuple(counters)))
        return known_totals(self._known, counters)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """Tell the store for the length of the block; what was used last is told after."""
        sending = tasks.create_task(self._batches.run())
        try:
            yield
        finally:
            for _ in range(MOST_LAST_CALLS):
                if self._known.has_unsent:
                    await self._ask(Question())
            await self._batches.close(sending)

    # --- what the link says -------------------------------------------------------------------

    def store_rose(self) -> None:
        """It may be empty, and does not know what was used here meanwhile."""
        self._announced = dict.fromkeys(self._known.all())
        self._batches.wake()

    def store_fell(self) -> None:
        """Whoever asks from now on is answered here."""

    def noticed(self, notice: bytes) -> None:
        """Somebody has met a counter that is not whole: whoever knows more of it says so."""
        if notice.startswith(NOTICE):
            counter = self._known.named(notice.removeprefix(NOTICE).decode("utf-8", "replace"))
            if counter is not None:
                self._announced[counter] = None
                self._batches.wake()

    def ticked(self) -> None:
        """What is used is told at once."""

    # --- alone --------------------------------------------------------------------------------

    def _take_alone(self, claims: Sequence[Claim]) -> Answer:
        answer = judge_alone(claims, self._known.totals, self._known.is_whole)
        if answer.is_granted:
            self.add([claim.counter for claim in claims], TAKEN)
        return answer

    def _left(self, question: Question) -> None:
        """Whoever asked is gone: what was counted, or will be, goes back."""
        question.is_left = True
        if question.is_granted:
            self._give_back(question)

    def _give_back(self, question: Question) -> None:
        self.add([claim.counter for claim in question.claims], GIVEN_BACK)

    # --- to the store -------------------------------------------------------------------------

    async def _ask(self, question: Question) -> Answer | None:
        """None when the store does not say."""
        return await self._batches.ask(question) if self._link.is_up else None

    async def _send(self, questions: Sequence[Question]) -> Sequence[Answer] | None:
        if not await self._say_again():
            return None
        if not (questions or self._announced or self._known.has_unsent):
            return ()
        telling = self._next(questions)
        reading = await self._tell(telling)
        if reading is None:
            return None
        answers = self._answers(telling, reading)
        for question, answer in zip(questions, answers, strict=True):
            question.is_granted = answer.is_granted
            if question.is_left and answer.is_granted:
                self._give_back(question)
        if self._announced or self._known.has_unsent:
            self._batches.wake()
        return answers

    def _next(self, questions: Sequence[Question]) -> Telling:
        announced = list(self._announced)[:MOST_TOLD_AT_ONCE]
        for counter in announced:
            del self._announced[counter]
        unsent = self._known.send(MOST_TOLD_AT_ONCE)
        return Telling(next(self._numbers), tuple(questions), unsent, tuple(announced))

    async def _say_again(self) -> bool:
        """What was not answered: the requests have been answered here, what was used counts."""
        telling = self._unanswered
        if telling is None:
            return True
        reading = await self._tell(telling.without_questions())
        if reading is None:
            return False
        if reading.was_told:
            for question, answer in zip(
                telling.questions, self._answers(telling, reading), strict=True
            ):
                if answer.is_granted:
                    self._give_back(question)
        return True

    async def _tell(self, telling: Telling) -> Reading | None:
        if self._unanswered is None:
            self._unanswered = telling
        counters = telling.counters()
        keys = (f"{self._tag}:told:{self._owner}", *(f"{self._tag}:{c.name}" for c in counters))
        arguments = (
            telling.number,
            f"{self._owner}-{telling.number:x}",
            self._channel,
            tellings.counters_packed(telling, counters, self._known, self._clock),
            tellings.requests_packed(telling, counters),
        )
        answer = await self._link.ask(lambda store: store.run(BUDGETS, keys, arguments))
        # An older telling than the last is one that its process has not said.
        reading = tellings.read(answer) if answer else None
        if reading is not None:
            self._unanswered = None
            self._learn(counters, reading)
        return reading

    def _learn(self, counters: Sequence[Counter], reading: Reading) -> None:
        self._known.told(counters)
        for counter, heard in zip(counters, reading.counters, strict=True):
            self._known.hear(counter, heard)

    def _answers(self, telling: Telling, reading: Reading) -> list[Answer]:
        findings = iter(reading.findings)
        return [
            answered(each.claims, list(itertools.islice(findings, len(each.claims))))
            for each in telling.questions
        ]
