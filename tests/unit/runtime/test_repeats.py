"""Lines that are written once and then counted, of any kind; several kinds share a bound."""

import asyncio

import pytest

from runtime.repeats import MOST_KEYS, WINDOW_SECONDS, Repeats, Window
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio

Written = list[tuple[str, str, int | None]]


def kind(window: Window, name: str, written: Written) -> Repeats[tuple[str]]:
    def write(key: tuple[str], count: int | None) -> None:
        written.append((name, key[0], count))

    return Repeats(window, write, lambda key: ("others",))


async def test_once_at_once_and_the_rest_as_a_count_at_the_windows_end() -> None:
    clock, written = FakeClock(), Written()
    window = Window(clock)
    doors, bells = kind(window, "door", written), kind(window, "bell", written)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(window.run())
        for _ in range(3):
            doors.seen(("front",))
        bells.seen(("front",))
        assert written == [("door", "front", None), ("bell", "front", None)]
        await clock.advance(WINDOW_SECONDS)
        assert written[2:] == [("door", "front", 2)]
        await clock.advance(WINDOW_SECONDS)
        running.cancel()
    doors.seen(("front",))
    assert written[3:] == [("door", "front", None)]


def test_kinds_share_a_bound_and_what_is_beyond_it_is_counted_together() -> None:
    written = Written()
    window = Window(FakeClock())
    doors, bells = kind(window, "door", written), kind(window, "bell", written)
    for number in range(MOST_KEYS):
        doors.seen((str(number),))
    for number in range(50):
        bells.seen((str(number),))
    assert len(written) == MOST_KEYS
    window.close()
    assert written[MOST_KEYS:] == [("bell", "others", 50)]


def test_nothing_is_counted_twice() -> None:
    written = Written()
    window = Window(FakeClock())
    doors = kind(window, "door", written)
    doors.seen(("front",))
    doors.seen(("front",))
    window.close()
    window.close()
    assert written == [("door", "front", None), ("door", "front", 1)]
