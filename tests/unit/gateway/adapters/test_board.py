"""A process's own board: when notices end, and how many there may be."""

from collections.abc import Mapping

import pytest

from gateway.adapters import board as module
from gateway.adapters.board import MemoryBoard
from gateway.domain import subjects
from gateway.domain.subjects import Subject
from gateway.ports.shared_state import Posted
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

ONE, TWO, THREE = (subjects.account(f"seat-{number}") for number in (1, 2, 3))


async def test_seconds_are_those_that_are_left() -> None:
    clock = FakeClock()
    board = MemoryBoard(clock)
    board.post(ONE, Posted(30.0, "a"))
    board.post(TWO, Posted(10.0, "b"))
    await clock.advance(10.0)
    read: list[Mapping[Subject, Posted]] = []
    board.follow(read.append)

    assert read == [{ONE: Posted(20.0, "a")}]


async def test_an_ended_notice_makes_way_for_a_shorter_one() -> None:
    clock = FakeClock()
    board = MemoryBoard(clock)
    board.post(ONE, Posted(30.0, "a"))
    await clock.advance(31.0)
    board.post(ONE, Posted(5.0, "b"))

    assert board.notices.keys() == {ONE}
    assert board.notices[ONE].word == "b"


async def test_a_full_board_loses_what_would_have_ended_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Callers name models: a flood of them ends no pause."""
    monkeypatch.setattr(module, "MOST_SUBJECTS", 2)
    board = MemoryBoard(FakeClock())
    board.post(ONE, Posted(None, "paused"))
    board.post(TWO, Posted(10.0, "a"))
    board.post(THREE, Posted(20.0, "b"))

    assert board.notices.keys() == {ONE, THREE}
