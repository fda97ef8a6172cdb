"""One answer: how its body is taken, and how far upstream may run ahead."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import pytest

from gateway.adapters.upstream_pool import faults
from gateway.adapters.upstream_pool.reply import MOST_BYTES_WAITING, Reply
from gateway.domain.errors import Fault, GatewayError

pytestmark = pytest.mark.anyio


@dataclass
class Line:
    """A connection that only remembers."""

    said: list[str] = field(default_factory=list)

    def pause(self) -> None:
        self.said.append("pause")

    def resume(self) -> None:
        self.said.append("resume")

    def drop(self) -> None:
        self.said.append("drop")


@dataclass
class Caller:
    """A sink."""

    took: list[bytes] = field(default_factory=list)
    does: Callable[[], None] = lambda: None
    ends: list[GatewayError | None] = field(default_factory=list)

    def write(self, data: bytes) -> None:
        self.took.append(data)
        self.does()

    def finish(self, error: GatewayError | None) -> None:
        self.ends.append(error)


def begun() -> tuple[Reply, Line]:
    line = Line()
    reply = Reply(line)
    reply.begin(200, {"a": "b"})
    return reply, line


async def test_a_reader_that_is_behind_holds_upstream_back_until_it_has_caught_up() -> None:
    reply, line = begun()
    reply.feed(b"x" * MOST_BYTES_WAITING)
    assert line.said == []
    reply.feed(b"y")
    assert line.said == ["pause"]
    assert len(await reply.next()) == MOST_BYTES_WAITING + 1
    assert line.said == ["pause", "resume"]


async def test_whoever_wants_it_all_is_not_held_back_before_the_limit() -> None:
    reply, line = begun()
    asked = asyncio.create_task(reply.read(3 * MOST_BYTES_WAITING))
    await asyncio.sleep(0)
    for _ in range(3):
        reply.feed(b"x" * MOST_BYTES_WAITING)
    await asyncio.sleep(0)
    assert not asked.done()
    assert "pause" not in line.said
    reply.feed(b"x")
    await asyncio.wait([asked])
    error = asked.exception()
    assert isinstance(error, GatewayError)
    assert error.fault is Fault.UPSTREAM_BAD_ANSWER
    assert line.said[-1] == "pause"


async def test_reading_it_all_goes_on_where_upstream_was_held_back() -> None:
    reply, line = begun()
    reply.feed(b"x" * (MOST_BYTES_WAITING + 1))
    async with asyncio.TaskGroup() as tasks:
        asked = tasks.create_task(reply.read(1_000_000))
        await asyncio.sleep(0)
        assert line.said == ["pause", "resume"]
        reply.finish()
        assert len(await asked) == MOST_BYTES_WAITING + 1


# --- how long upstream may be silent ---


class Time:
    """The loop's, moved by the test; and how many timers were set since."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        loop = asyncio.get_running_loop()
        self.now, self.timers = loop.time(), 0
        self._call_at = loop.call_at
        monkeypatch.setattr(loop, "time", lambda: self.now)
        monkeypatch.setattr(loop, "call_at", self._set)

    def _set(self, when: float, call: Callable[[], None]) -> asyncio.TimerHandle:
        self.timers += 1
        return self._call_at(when, call)

    async def advance(self, seconds: float) -> None:
        self.now += seconds
        for _ in range(3):
            await asyncio.sleep(0)


@pytest.fixture
async def moved(monkeypatch: pytest.MonkeyPatch) -> Time:
    return Time(monkeypatch)


async def begin(reading: Coroutine[None, None, bytes]) -> asyncio.Task[bytes]:
    task = asyncio.create_task(reading)
    await asyncio.sleep(0)
    return task


async def test_a_body_of_which_nothing_more_comes_is_given_up(moved: Time) -> None:
    reply, _ = begun()
    reply.feed(b"half")
    asked = await begin(reply.read(100, idle_seconds=10))
    await moved.advance(9.9)
    assert not asked.done()
    await moved.advance(0.2)
    error = asked.exception()
    assert isinstance(error, GatewayError)
    assert error.fault is Fault.UPSTREAM_IDLE


async def test_whatever_comes_puts_off_the_end_of_patience_without_a_timer(moved: Time) -> None:
    reply, _ = begun()
    asked = await begin(reply.read(100, idle_seconds=10))
    for _ in range(9):
        reply.feed(b"x")
        await moved.advance(1)
    assert moved.timers == 1
    await moved.advance(8.5)
    assert not asked.done()
    await moved.advance(0.6)
    assert isinstance(asked.exception(), GatewayError)
    assert moved.timers == 2


async def test_a_body_that_ends_in_time_leaves_no_timer_behind(moved: Time) -> None:
    reply, _ = begun()
    asked = await begin(reply.read(100, idle_seconds=10))
    reply.feed(b"all")
    reply.finish()
    assert await asked == b"all"
    await moved.advance(20)
    assert reply.status == 200


async def test_a_body_that_is_there_sets_no_timer(moved: Time) -> None:
    reply, _ = begun()
    reply.feed(b"all")
    reply.finish()
    assert await reply.read(100, idle_seconds=10) == b"all"
    assert moved.timers == 0


async def test_what_came_before_a_break_is_handed_out_before_the_error() -> None:
    reply, _ = begun()
    reply.feed(b"a")
    reply.finish(faults.broken_off())
    assert await reply.next() == b"a"
    with pytest.raises(GatewayError):
        await reply.next()


async def test_an_iterator_goes_on_after_a_wait_that_was_given_up() -> None:
    reply, _ = begun()
    chunks = reply.chunks()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await anext(aiter(chunks))
    reply.feed(b"a")
    reply.finish()
    assert [chunk async for chunk in chunks] == [b"a"]


async def test_a_body_is_poured_without_any_task_running() -> None:
    reply, _ = begun()
    reply.feed(b"before")
    caller = Caller()
    reply.pour(caller)
    assert caller.took == [b"before"]
    reply.feed(b"one")
    reply.feed(b"two")
    assert caller.took == [b"before", b"one", b"two"]
    assert caller.ends == []
    reply.finish()
    assert caller.ends == [None]


async def test_pouring_ends_with_the_error_of_a_body_that_breaks_off() -> None:
    reply, _ = begun()
    caller, error = Caller(), faults.broken_off()
    reply.feed(b"a")
    reply.finish(error)
    reply.pour(caller)
    assert caller.took == [b"a"]
    assert caller.ends == [error]


async def test_a_body_that_has_ended_says_so_whenever_it_is_poured() -> None:
    reply, _ = begun()
    reply.finish()
    caller = Caller()
    reply.pour(caller)
    reply.pour(caller)
    assert caller.took == []
    assert caller.ends == [None, None]


async def test_a_sink_that_is_behind_says_so_itself() -> None:
    reply, line = begun()
    reply.pour(Caller(does=reply.pause))
    reply.feed(b"x" * 3 * MOST_BYTES_WAITING)
    assert line.said == ["pause"]
    reply.resume()
    assert line.said == ["pause", "resume"]
    reply.finish()
    reply.pause()
    assert line.said == ["pause", "resume"]


async def test_a_reply_that_is_closed_tells_its_sink_nothing_more() -> None:
    reply, line = begun()
    caller = Caller()
    reply.pour(caller)
    reply.close()
    reply.finish(faults.broken_off())
    assert caller.ends == []
    assert line.said == ["drop"]


async def test_an_answer_that_has_ended_lets_go_of_its_connection() -> None:
    reply, line = begun()
    reply.finish()
    reply.close()
    assert line.said == []
