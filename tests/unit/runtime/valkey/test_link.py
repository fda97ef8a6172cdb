"""Whether the store is up, and that nobody waits for one that is not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from runtime.valkey import link as module
from runtime.valkey.link import StoreLink
from runtime.valkey.server import KEEPS_ALL, Connection, ScriptFailed, Server, StoreDown
from tests.fakes.clock import settle
from tests.fakes.store_events import FakeStoreEvents

pytestmark = pytest.mark.anyio


class Line:
    """Stands for a server: may refuse connections, be silent, and break."""

    def __init__(self) -> None:
        self.refuses = self.is_silent = False
        self.server = Server("valkey 9", is_cluster=False, eviction=KEEPS_ALL)
        self.connections = self.pings = 0
        self.channel = ""
        self.messages: asyncio.Queue[bytes] = asyncio.Queue()

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Any]:
        if self.refuses:
            raise StoreDown("ConnectionRefusedError")
        self.connections += 1
        yield self

    async def listen(self, channel: str) -> Any:
        self.channel = channel
        return self

    async def ping(self) -> None:
        self.pings += 1
        if not self.is_silent:
            self.messages.put_nowait(b"")

    async def next(self, seconds: float) -> bytes | None:
        try:
            return await asyncio.wait_for(self.messages.get(), seconds)
        except TimeoutError:
            return None

    async def close(self) -> None:
        pass


class Reader:
    """Keeps what it was told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def store_rose(self) -> None:
        self.told.append("rose")

    def store_fell(self) -> None:
        self.told.append("fell")

    def noticed(self, notice: bytes) -> None:
        self.told.append(notice.decode())

    def ticked(self) -> None:
        self.told.append("ticked")


class Linked:
    """A link to such a line, and everybody who hears of it."""

    def __init__(self) -> None:
        self.line, self.events, self.reader = Line(), FakeStoreEvents(), Reader()
        self.link: StoreLink[Connection] = StoreLink(
            self.line.connected, lambda made: made, "changes", lambda: 0.0, self.events
        )
        self.link.add_reader(self.reader)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(self.link.run())
            await self.link.tried()
            yield
            run.cancel()


@pytest.fixture
def linked(monkeypatch: pytest.MonkeyPatch) -> Linked:
    quick = {
        "OPERATION_SECONDS": 0.02,
        "TICK_SECONDS": 0.01,
        "PING_SECONDS": 0.03,
        "SILENCE_SECONDS": 0.08,
        "PROBE_SECONDS": 0.01,
    }
    for name, seconds in quick.items():
        monkeypatch.setattr(module, name, seconds)
    return Linked()


def operation(calls: list[int], *results: Any) -> Callable[[Connection], Awaitable[Any]]:
    """Returns or raises these, one at a time; None never ends."""
    following = iter(results)

    async def run(store: Connection) -> Any:
        calls.append(1)
        result = next(following)
        if result is None:
            await asyncio.Event().wait()
        if isinstance(result, Exception):
            raise result
        return result

    return run


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


async def test_an_operation_has_its_result(linked: Linked) -> None:
    async with linked.running():
        assert linked.link.is_up
        assert await linked.link.ask(operation([], "answer")) == "answer"
    assert linked.line.channel == "changes"
    assert linked.events.store == ["up"]


async def test_an_answer_that_was_late_once_is_asked_for_again(linked: Linked) -> None:
    async with linked.running():
        assert await linked.link.ask(operation([], None, "answer")) == "answer"
        assert linked.link.is_up


@pytest.mark.parametrize("result", [None, StoreDown("x"), ValueError("x")])
async def test_after_two_failures_it_is_down_for_everybody(linked: Linked, result: Any) -> None:
    calls: list[int] = []
    async with linked.running():
        linked.line.refuses = True
        assert await linked.link.ask(operation(calls, result, result)) is None
        assert await linked.link.ask(operation(calls, "answer")) is None
        assert len(calls) == 2
        assert not linked.link.is_up
        assert linked.reader.told[:1] + linked.reader.told[-1:] == ["rose", "fell"]


async def test_what_one_script_fails_on_is_nobody_elses_trouble(linked: Linked) -> None:
    """And it is not tried again: it would fail again."""
    calls: list[int] = []
    async with linked.running():
        assert await linked.link.ask(operation(calls, ScriptFailed("x"), "answer")) is None
        assert len(calls) == 1
        assert linked.link.is_up
        assert await linked.link.ask(operation([], "answer")) == "answer"
    assert "fell" not in linked.reader.told
    assert linked.events.store == ["up"]


async def test_it_comes_back_by_itself(linked: Linked) -> None:
    async with linked.running():
        linked.line.refuses = True
        await linked.link.ask(operation([], StoreDown("x"), StoreDown("x")))
        await asyncio.sleep(0.03)
        linked.line.refuses = False
        await until(lambda: linked.link.is_up)
    # However often it was tried, it was down once.
    assert linked.events.store == ["up", "down", "up"]


async def test_who_starts_without_it_is_not_held_up(linked: Linked) -> None:
    linked.line.refuses = True
    async with linked.running():
        assert not linked.link.is_up
        assert linked.reader.told == []
    assert linked.events.store == ["down"]


async def test_readers_hear_what_others_say_and_the_time_pass(linked: Linked) -> None:
    async with linked.running():
        linked.line.messages.put_nowait(b"news")
        await until(lambda: {"news", "ticked"} <= set(linked.reader.told))


async def test_a_subscription_without_a_sign_of_life_is_made_again(linked: Linked) -> None:
    async with linked.running():
        linked.line.is_silent = True
        await until(lambda: linked.line.connections == 2)
        assert linked.line.pings > 0
        assert "fell" in linked.reader.told


async def test_signs_of_life_keep_it_up(linked: Linked) -> None:
    async with linked.running():
        await until(lambda: linked.line.pings >= 4)
        await settle()
        assert linked.line.connections == 1
        # They are no news.
        assert set(linked.reader.told) == {"rose", "ticked"}


async def test_a_store_that_drops_keys_is_refused_until_it_does_not(linked: Linked) -> None:
    linked.line.server = Server("valkey 9", is_cluster=False, eviction="allkeys-lru")
    async with linked.running():
        assert not linked.link.is_up
        await until(lambda: linked.line.connections == 2)
        # Said once, and no operation is sent there.
        assert linked.events.store == ["evicts: allkeys-lru", "down"]
        assert await linked.link.ask(operation([], "result")) is None

        linked.line.server = Server("valkey 9", is_cluster=False, eviction=KEEPS_ALL)
        await until(lambda: linked.link.is_up)
        assert linked.events.store[2:] == ["up"]
