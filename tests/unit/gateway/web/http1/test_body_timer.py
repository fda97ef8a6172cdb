"""How long a body is waited for: by how much of it has come since the last look."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest

from gateway.web.http1.body_timer import LEAST_BYTES, LOOK_SECONDS, MOST_LOOKS, BodyTimer

HOUR = 3600.0


class Loop:
    """One timer, which fires when a test moves the time there."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: float | None = None
        self._call: Callable[[], None] = lambda: None

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, call: Callable[[], None]) -> Any:
        assert self.at is None
        self.at, self._call = at, call
        return self

    def cancel(self) -> None:
        self.at = None

    def advance(self, to: float) -> None:
        self.now = to
        if self.at is not None and self.at <= to:
            self.at = None
            self._call()


class Upload:
    """A body that comes at some rate; `given_up` is when that was too slow."""

    def __init__(self, arrived: int = 0) -> None:
        self.loop = Loop()
        self.arrived = arrived
        self.given_up: float | None = None
        loop = cast(asyncio.AbstractEventLoop, self.loop)
        self.timer = BodyTimer(loop, lambda: self.arrived, self._give_up)

    def _give_up(self) -> None:
        assert self.given_up is None
        self.given_up = self.loop.now

    def send(self, seconds: int, bytes_a_second: float) -> None:
        start, before = self.loop.now, self.arrived
        for second in range(1, seconds + 1):
            self.arrived = before + int(second * bytes_a_second)
            self.loop.advance(start + second)


@pytest.mark.parametrize("rate", [0, 1, 1000])
def test_a_body_that_hardly_comes_is_given_up_at_the_first_look(rate: int) -> None:
    upload = Upload()
    upload.send(5000, rate)
    assert upload.given_up == LOOK_SECONDS


@pytest.mark.parametrize("rate", [1024, 2000, 100_000])
def test_a_body_that_comes_steadily_is_waited_for_an_hour(rate: int) -> None:
    upload = Upload()
    upload.send(5000, rate)
    assert upload.given_up == HOUR == MOST_LOOKS * LOOK_SECONDS


def test_what_came_before_does_not_excuse_a_pause() -> None:
    upload = Upload()
    upload.send(10, 3_000_000)
    upload.send(500, 0)
    assert upload.given_up == 2 * LOOK_SECONDS


def test_what_came_before_it_was_asked_for_does_not_count() -> None:
    upload = Upload(LEAST_BYTES)
    upload.send(200, 0)
    assert upload.given_up == LOOK_SECONDS


def test_a_body_that_is_there_is_not_given_up() -> None:
    upload = Upload()
    upload.timer.stop()
    upload.send(5000, 0)
    assert upload.given_up is None
