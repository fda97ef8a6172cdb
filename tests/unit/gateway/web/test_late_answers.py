"""Answers that are held back: how long, one after the other, and how many at the most."""

import asyncio
import itertools

import pytest

from gateway.web.late_answers import APART_SECONDS, MOST_SECONDS, LateAnswers
from tests.fakes.clock import FakeClock, settle

pytestmark = pytest.mark.anyio


def test_answers_are_late_and_one_comes_after_the_other() -> None:
    late = LateAnswers(FakeClock(), seconds=1.0)
    turns = [late._turn() for _ in range(1000)]
    assert turns[0] == pytest.approx(1.0)
    gaps = [after - before for before, after in itertools.pairwise(turns)]
    assert gaps == pytest.approx([APART_SECONDS] * 999)


async def test_nobody_waits_longer_than_the_most() -> None:
    clock = FakeClock()
    late = LateAnswers(clock, seconds=1.0)
    turns = [late._turn() for _ in range(20_000)]
    assert max(turns) == pytest.approx(MOST_SECONDS)
    await clock.advance(MOST_SECONDS)
    assert late._turn() == pytest.approx(1.0)


async def test_beyond_the_bound_the_answer_goes_out_at_once() -> None:
    late = LateAnswers(FakeClock(), seconds=60.0, most=2)
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(late.wait()) for _ in range(2)]
        await settle()
        assert late.waiting == 2
        assert await late.wait() is False
        for each in waiting:
            each.cancel()
    assert late.waiting == 0, "whoever leaves frees the place"


async def test_it_says_when_it_was_held_back() -> None:
    late = LateAnswers(FakeClock(), seconds=0.0)
    assert await late.wait() is True
    assert late.waiting == 0
