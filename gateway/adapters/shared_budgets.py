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
from typing import Any

from gateway.adapters import tellings
from gateway.adapters.batches import Batches, Queue
from gateway.adapters.budget_counters import known_totals
from gateway.adapters.scripts import script
from gateway.adapters.tellings import Question, Telling
from gateway.domain.budgets.known import Known
from gateway.domain.budgets.totals import GIVEN_BACK, TAKEN, Counter, Totals
from gateway.domain.budgets.verdict import Answer, Claim, judge_alone
from gateway.ports.clock import Clock
from runtime.valkey.calls import Call
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
        self,
        link: StoreLink[Connection],
        batches: Batches,
        namespace: str,
        channel: str,
        clock: Clock,
        owner: str,
    ) -> None:
        self._tag = f"{{{namespace}:budgets}}"
        self._channel = channel
        self._clock = clock
        self._owner = owner
        self._numbers = itertools.count(1)
        self._known = Known()
        self._unanswered: Telling | None = None
        self._is_said_again = False
        """Whether that is what is under way, without its questions."""
        self._counters: list[Counter] = []
        """Those of the telling that is under way."""
        self._announced: dict[Counter, None] = {}
        self._batches = batches
        self._queue: Queue[Question, Answer] = batches.join(self)
        link.add_reader(self)

    async def take(self, claims: Sequence[Claim]) -> Answer:
        """See ports.shared_state.BudgetCounters."""
        question = Question(claims=tuple(claims))
        try:
            answer = await self._queue.ask(question)
        except asyncio.CancelledError:
            self._left(question)
            raise
        if answer is None:
            return self._take_alone(claims).with_used(claims, self._known.totals)
        return answer

    async def seed(self, counter: Counter, spent: Totals) -> None:
        """See ports.shared_state.BudgetCounters."""
        if await self._queue.ask(Question(seeds=((counter, spent),))) is None:
            self._known.seed(counter, spent)

    def add(self, counters: Iterable[Counter], use: Totals) -> None:
        """See ports.shared_state.BudgetCounters."""
        now = self._clock.monotonic()
        for counter in counters:
            self._known.add(counter, use, now)
        self._batches.wake()

    async def totals(self, counters: Sequence[Counter]) -> Sequence[Totals | None]:
        """See ports.shared_state.BudgetCounters."""
        await self._queue.ask(Question(looks=tuple(counters)))
        return known_totals(self._known, counters)

    @asynccontextmanager
    async def running(self, tasks: asyncio.TaskGroup) -> AsyncIterator[None]:
        """What was used in the block is told at its end at the latest."""
        try:
            yield
        finally:
            for _ in range(MOST_LAST_CALLS):
                if self._known.has_unsent:
                    await self._queue.ask(Question())

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
        answer = judge_alone(claims, self._known.stand)
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

    def next_call(self) -> Call | None:
        """See batches.Part. What was not answered comes first."""
        self._is_said_again = self._unanswered is not None
        if self._unanswered is not None:
            # The requests have been answered here; what was used counts.
            return self._call(self._unanswered.without_questions())
        questions = self._queue.take()
        if not (questions or self._announced or self._known.has_unsent):
            return None
        self._unanswered = self._next(questions)
        return self._call(self._unanswered)

    def answered(self, answer: Any) -> None:
        """See batches.Part."""
        telling = self._unanswered
        # Nothing at all: an older telling than the last is one that its process has not said.
        if telling is None or not answer:
            self._queue.answer_none()
            return
        self._unanswered = None
        reading = tellings.read(answer)
        self._known.told(self._counters)
        for counter, heard in zip(self._counters, reading.counters, strict=True):
            self._known.hear(counter, heard)
        if not self._is_said_again:
            self._answer(telling, reading.findings)
        elif reading.was_told:
            self._answer_late(telling, reading.findings)
        if self._is_said_again or self._announced or self._known.has_unsent:
            self._batches.wake()

    def _next(self, questions: Sequence[Question]) -> Telling:
        announced = list(self._announced)[:MOST_TOLD_AT_ONCE]
        for counter in announced:
            del self._announced[counter]
        unsent = self._known.send(MOST_TOLD_AT_ONCE)
        return Telling(next(self._numbers), tuple(questions), unsent, tuple(announced))

    def _call(self, telling: Telling) -> Call:
        counters = self._counters = telling.counters()
        keys = (f"{self._tag}:told:{self._owner}", *[f"{self._tag}:{c.name}" for c in counters])
        arguments = (
            telling.number,
            f"{self._owner}-{telling.number:x}",
            self._channel,
            tellings.counters_packed(telling, counters, self._known, self._clock),
            tellings.requests_packed(telling, counters),
        )
        return Call(BUDGETS, keys, arguments)

    def _answer(self, telling: Telling, findings: bytes) -> None:
        answers = tellings.answers(telling.questions, findings, self._known.totals)
        for question, answer in zip(telling.questions, answers, strict=True):
            question.is_granted = answer.is_granted
            if question.is_left and answer.is_granted:
                self._give_back(question)
        self._queue.answer(answers)

    def _answer_late(self, telling: Telling, findings: bytes) -> None:
        """Nobody waits for it any more: requests that were counted then are given back."""
        answers = tellings.answers(telling.questions, findings, self._known.totals)
        for question, answer in zip(telling.questions, answers, strict=True):
            if answer.is_granted:
                self._give_back(question)
