"""A deadline that is moved, and how often a timer is set for it."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from runtime.deadline import TIMER_SECONDS, Deadlined


class Handle:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call = at, call
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class Loop:
    """Timers that fire when a test moves the time there."""

    def __init__(self) -> None:
        self.now = 0.0
        self.handles: list[Handle] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: Callable[[], None]) -> Handle:
        self.handles.append(Handle(at, call))
        return self.handles[-1]

    def advance(self, to: float) -> None:
        due = [each for each in self.handles if each.at <= to and not each.is_cancelled]
        self.handles = [each for each in self.handles if each not in due]
        self.now = to
        for each in due:
            each.call()


class Waiting(Deadlined):
    __slots__ = ("ended",)

    def __init__(self, loop: Loop) -> None:
        super().__init__(cast(asyncio.AbstractEventLoop, cast(Any, loop)))
        self.ended: list[float] = []

    def until(self, deadline: float) -> None:
        self._wait_until(deadline)

    def no_more(self) -> None:
        self._wait_no_more()

    def _due(self) -> None:
        self.ended.append(self._loop.time())


def waiting() -> tuple[Waiting, Loop]:
    loop = Loop()
    return Waiting(loop), loop


def test_it_is_due_once_and_then() -> None:
    one, loop = waiting()
    one.until(5.0)
    loop.advance(4.9)
    assert one.ended == []
    loop.advance(5.0)
    loop.advance(9.0)
    assert one.ended == [5.0]


def test_one_that_is_put_off_again_and_again_has_one_timer() -> None:
    one, loop = waiting()
    for deadline in (5.0, 6.0, 7.0):
        one.until(deadline)
    assert len(loop.handles) == 1
    loop.advance(5.0)
    assert one.ended == []
    loop.advance(7.0)
    assert one.ended == [7.0]


def test_one_that_comes_sooner_is_not_missed() -> None:
    one, loop = waiting()
    one.until(9.0)
    one.until(2.0)
    loop.advance(2.0)
    loop.advance(9.0)
    assert one.ended == [2.0]


def test_a_timer_that_is_a_little_early_will_do() -> None:
    one, loop = waiting()
    one.until(5.0)
    loop.handles[0].call()
    assert one.ended == []
    loop.now = 5.0 - TIMER_SECONDS / 2
    loop.handles[-1].call()
    assert one.ended == [loop.now]


def test_what_is_waited_for_no_more_is_never_due() -> None:
    one, loop = waiting()
    one.until(5.0)
    one.no_more()
    one.no_more()
    loop.advance(6.0)
    assert one.ended == []
    one.until(8.0)
    loop.advance(8.0)
    assert one.ended == [8.0]
