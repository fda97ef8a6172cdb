"""The system's clocks, as far as they can be tested without waiting."""

import time

import pytest

from runtime.clock import SystemClock

pytestmark = pytest.mark.anyio


def test_wall_and_monotonic_time_are_the_systems() -> None:
    clock = SystemClock()
    before = time.time(), time.monotonic()
    wall, monotonic = clock.now(), clock.monotonic()
    assert before[0] <= wall <= time.time()
    assert before[1] <= monotonic <= time.monotonic()


@pytest.mark.parametrize("seconds", [0.0, -5.0])
async def test_a_sleep_that_is_over_already_returns(seconds: float) -> None:
    await SystemClock().sleep(seconds)
