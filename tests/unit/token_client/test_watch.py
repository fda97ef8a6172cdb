"""When the stream is opened, moved and opened again; time moves by hand."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.fakes.clock import FakeClock, settle
from tests.servers.scripted_broker import token
from token_client.calls import token_of
from token_client.errors import BrokerUnreachable, TokenError, TokenRefused, TokenUnavailable
from token_client.lifetime import LONGEST_PAUSE_SECONDS
from token_client.token import Removed
from token_client.watch import (
    FIRST_GATHER_SECONDS,
    LONGEST_GATHER_SECONDS,
    MAX_ACCOUNTS,
    REFUSED_PAUSE_SECONDS,
    Change,
    Watch,
    gather_seconds,
    pause_before_reopening,
)

pytestmark = pytest.mark.anyio
BROKEN = BrokerUnreachable("broken")
REFUSED = TokenRefused("Method not found!")


class Streams:
    """Every stream that was opened: for which accounts, and what comes by it."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, ...]] = []
        self.delivered: list[Change] = []
        self.open = 0
        self._changes: asyncio.Queue[Change | TokenError] = asyncio.Queue()

    async def stream(self, accounts: Sequence[str]) -> AsyncGenerator[Change]:
        self.opened.append(tuple(accounts))
        self.open += 1
        self._changes = asyncio.Queue()
        try:
            while True:
                change = await self._changes.get()
                if isinstance(change, TokenError):
                    raise change
                yield change
        finally:
            self.open -= 1

    def send(self, change: Change | TokenError) -> None:
        self._changes.put_nowait(change)


@asynccontextmanager
async def watching(streams: Streams, clock: FakeClock) -> AsyncIterator[Watch]:
    watch = Watch(streams.stream, streams.delivered.append, clock.sleep, lambda: 0.0)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        yield watch
        running.cancel()


async def test_no_account_no_stream() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock):
        await clock.advance(60)
        assert streams.opened == []


async def test_a_burst_of_newcomers_opens_one_stream() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        for number in range(500):
            watch.follow([f"seat-{number}"])
            await settle(1)
        await clock.advance(FIRST_GATHER_SECONDS)
        assert [len(accounts) for accounts in streams.opened] == [500]


async def test_newcomers_have_the_stream_opened_again_with_all_and_only_one_is_open() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a"])
        await clock.advance(1)
        watch.follow(["b"])
        watch.follow(["c"])
        await settle()
        assert streams.opened == [("a",)]
        await clock.advance(1)
        assert streams.opened == [("a",), ("a", "b", "c")]
        assert streams.open == 1


async def test_following_again_what_is_followed_costs_nothing() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a", "b"])
        await clock.advance(1)
        watch.follow(["b", "a"])
        await clock.advance(60)
        assert len(streams.opened) == 1


async def test_a_large_stream_is_not_opened_again_for_every_newcomer() -> None:
    """One newcomer a second among 5,000 accounts: a stream in 25 s, not in each second."""
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(f"seat-{number}" for number in range(5_000))
        await clock.advance(1)
        for number in range(100):
            watch.follow([f"new-{number}"])
            await clock.advance(1)
        assert len(streams.opened) <= 1 + 100 / 25


async def test_a_broken_stream_is_opened_again() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a"])
        await clock.advance(1)
        streams.send(BROKEN)
        await settle()
        assert len(streams.opened) == 1
        await clock.advance(LONGEST_PAUSE_SECONDS)
        assert len(streams.opened) == 2


async def test_a_stream_that_had_worked_is_opened_again_soon_after_any_number_of_breaks() -> None:
    """A connection is ended every few minutes by design; that is no growing trouble."""
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["seat-1"])
        await clock.advance(1)
        for number in range(1, 10):
            streams.send(token_of(token(number), clock.monotonic()))
            await settle()
            streams.send(BROKEN)
            await clock.advance(0.25)
            assert len(streams.opened) == number + 1


async def test_a_broker_that_refuses_streams_is_left_alone_for_a_while() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a"])
        await clock.advance(1)
        streams.send(REFUSED)
        await clock.advance(REFUSED_PAUSE_SECONDS - 1)
        watch.follow(["b"])
        assert len(streams.opened) == 1
        await clock.advance(1)
        assert streams.opened[1:] == [("a", "b")]


async def test_a_new_connection_takes_the_stream_at_once() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a"])
        await clock.advance(1)
        watch.reopen()
        await settle()
        assert (len(streams.opened), streams.open) == (2, 1)


async def test_changes_are_delivered_as_they_come() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["seat-1"])
        await clock.advance(1)
        changes: list[Change] = [token_of(token(1), 0.0), Removed("seat-1")]
        for change in changes:
            streams.send(change)
        await settle()
        assert streams.delivered == changes


async def test_an_account_that_is_there_again_joins_the_stream_again() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a"])
        await clock.advance(1)
        streams.send(Removed("a"))
        await settle()
        watch.follow(["a"])
        await clock.advance(1)
        assert streams.opened == [("a",), ("a",)]


async def test_what_was_forgotten_is_left_out_the_next_time() -> None:
    streams, clock = Streams(), FakeClock()
    async with watching(streams, clock) as watch:
        watch.follow(["a", "b"])
        await clock.advance(1)
        watch.forget("a")
        streams.send(BROKEN)
        await clock.advance(1)
        assert streams.opened[1:] == [("b",)]


async def test_a_surprise_in_the_stream_does_not_end_the_watch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    streams, clock = Streams(), FakeClock()

    def fail(change: Change) -> None:
        raise ZeroDivisionError

    watch = Watch(streams.stream, fail, clock.sleep, lambda: 0.0)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(watch.run())
        watch.follow(["a"])
        await clock.advance(1)
        streams.send(Removed("a"))
        await clock.advance(10)
        assert (len(streams.opened), streams.open) == (2, 1)
        running.cancel()
    assert "watching failed unexpectedly" in caplog.text


async def test_the_number_of_accounts_has_a_bound() -> None:
    watch = Watch(Streams().stream, lambda change: None, FakeClock().sleep, lambda: 0.0)
    assert watch.follow(f"seat-{number}" for number in range(MAX_ACCOUNTS))
    assert watch.follow(["seat-1"])
    assert not watch.follow(["one-more"])


def test_the_wait_for_newcomers_grows_with_what_they_cost() -> None:
    assert gather_seconds(0) == FIRST_GATHER_SECONDS
    assert gather_seconds(1_000) > gather_seconds(100)
    assert gather_seconds(MAX_ACCOUNTS) == LONGEST_GATHER_SECONDS


@pytest.mark.parametrize(
    ("end", "failures", "shortest", "longest"),
    [
        (BROKEN, 1, 0.125, 0.25),
        (BROKEN, 100, 1.0, 2.0),
        (TokenUnavailable("m", reason="DRAINING", retry_after=5), 1, 0.125, 0.25),
        (TokenUnavailable("m", reason="OVERLOADED", retry_after=30), 1, 30, 33),
        (TokenUnavailable("too large a request"), 1, 1.0, 2.0),
        (TokenUnavailable("too large a request"), 100, 30, 60),
        (REFUSED, 1, 30, 60),
        (TokenRefused("m", reason="CALLER_UNAUTHENTICATED"), 100, 30, 60),
    ],
)
def test_the_pause_depends_on_why_the_stream_ended(
    end: TokenError, failures: int, shortest: float, longest: float
) -> None:
    assert pause_before_reopening(end, failures, 0.999) >= shortest
    assert pause_before_reopening(end, failures, 0.0) <= longest
