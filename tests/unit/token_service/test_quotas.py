"""Polling for quotas: which accounts, how often, and that nothing becomes of what it meets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock, settle
from tests.fakes.service_events import FakeServiceEvents
from token_service.domain.credentials import Choice
from token_service.domain.hosts import Site
from token_service.domain.quotas import Allowance, Miss, Outcome, Quota, Reading
from token_service.domain.tokens import Account, AccountId
from token_service.quotas import QuotaPoller

pytestmark = pytest.mark.anyio

INTERVAL = 900.0
GOOD = Allowance((Quota("chat", 300.0, 30.0, 0.0, False),))


def account(name: str, choice: Choice = Choice.AUTO) -> Account:
    return Account(AccountId(name), choice, Site("https://api.github.com"), None, b"first")


class FakeQuotas:
    """The QuotaSource with scripted readings; covers all but direct accounts."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self.script: list[Reading | Exception] = []
        self.seconds = 0.0
        self.asked: list[tuple[str, float]] = []

    def covers(self, account: Account) -> bool:
        return account.choice is not Choice.DIRECT

    async def ask(self, account: Account) -> Reading:
        self.asked.append((account.id, self._clock.monotonic() - self._start))
        await self._clock.sleep(self.seconds)
        step = self.script.pop(0) if self.script else GOOD
        if isinstance(step, Exception):
            raise step
        return step


class FakeTurns:
    """The QuotaTurns. left: how long another replica has them."""

    def __init__(self) -> None:
        self.left = 0.0
        self.taken: list[float] = []

    async def take(self, account: Account, seconds: float) -> float:
        self.taken.append(seconds)
        return self.left


class Office:
    """A running poller; `used` are the accounts that were asked for lately."""

    def __init__(self, *names: str) -> None:
        self.clock = FakeClock()
        self.source = FakeQuotas(self.clock)
        self.turns = FakeTurns()
        self.events = FakeServiceEvents()
        self.used = {name: account(name) for name in names}
        self.poller = QuotaPoller(
            lambda: list(self.used.values()),
            self.source,
            self.turns,
            self.clock,
            FakeChance(0.5),
            self.events,
            INTERVAL,
        )

    @property
    def times(self) -> list[float]:
        return [when for _, when in self.source.asked]


@asynccontextmanager
async def office(*names: str) -> AsyncIterator[Office]:
    made = Office(*names)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.poller.run())
        await settle()
        yield made
        running.cancel()


async def test_each_account_is_asked_for_every_interval() -> None:
    async with office("a") as o:
        await o.clock.advance(2 * INTERVAL + 10)
        assert o.times == pytest.approx([0, INTERVAL, 2 * INTERVAL], abs=5)
        assert o.events.polls == [("a", GOOD)] * 3


async def test_there_is_one_request_a_second() -> None:
    async with office("a", "b", "c") as o:
        await o.clock.advance(5)
        assert o.times == [0, 1, 2]
        assert len({name for name, _ in o.source.asked}) == 3


async def test_the_time_an_answer_takes_is_part_of_the_second() -> None:
    async with office() as o:
        o.source.seconds = 0.3
        o.used = {name: account(name) for name in "abc"}
        await o.clock.advance(2)
        await o.clock.advance(5)
        assert o.times == pytest.approx([2, 3, 4])


async def test_what_nobody_uses_is_left_alone() -> None:
    async with office("a") as o:
        o.used.clear()
        await o.clock.advance(2 * INTERVAL)
        assert o.times == [0]
        assert o.events.left == ["a"]


async def test_what_is_used_again_is_asked_for_soon() -> None:
    async with office() as o:
        await o.clock.advance(100)
        o.used["a"] = account("a")
        await o.clock.advance(2)
        assert len(o.times) == 1


async def test_accounts_that_are_not_exchanged_are_not_asked_for() -> None:
    async with office() as o:
        o.used["direct"] = account("direct", Choice.DIRECT)
        await o.clock.advance(INTERVAL)
        assert o.times == []


async def test_who_was_refused_waits_an_hour() -> None:
    async with office() as o:
        o.source.script = [Miss(Outcome.REFUSED)]
        o.used["a"] = account("a")
        await o.clock.advance(3600)
        assert len(o.times) == 1
        await o.clock.advance(10)
        assert len(o.times) == 2


async def test_another_credential_is_tried_at_once() -> None:
    async with office() as o:
        o.source.script = [Miss(Outcome.REFUSED)]
        o.used["a"] = account("a")
        await o.clock.advance(60)
        o.used["a"] = replace(account("a"), credential_digest=b"second")
        await o.clock.advance(2)
        assert len(o.times) == 2


async def test_a_configuration_read_again_changes_nothing() -> None:
    async with office("a") as o:
        o.used["a"] = account("a")
        await o.clock.advance(60)
        assert len(o.times) == 1


async def test_failures_in_a_row_make_pauses_grow() -> None:
    async with office() as o:
        o.source.script = [Miss(Outcome.UNAVAILABLE)] * 3
        o.used["a"] = account("a")
        await o.clock.advance(9000)
        first, *others = o.times
        assert [when - first for when in others] == pytest.approx(
            [each * INTERVAL for each in (1, 3, 7, 8, 9)], abs=10
        )


async def test_a_bug_is_reported_and_the_rest_goes_on() -> None:
    async with office() as o:
        o.source.script = [KeyError("secret")]
        o.used = {name: account(name) for name in "ab"}
        await o.clock.advance(5)
        assert [type(bug) for bug in o.events.bugs] == [KeyError]
        assert [reading for _, reading in o.events.polls] == [Miss(Outcome.CRASHED), GOOD]


async def test_a_poll_under_way_ends_with_the_process() -> None:
    async with office() as o:
        o.source.seconds = 1e9
        o.used["a"] = account("a")
        await o.clock.advance(2)
        assert len(o.times) == 1


# --- several replicas -------------------------------------------------------------------------


async def test_what_another_replica_asks_for_is_its_business() -> None:
    async with office() as o:
        o.turns.left = 500.0
        o.used["a"] = account("a")
        await o.clock.advance(500)
        assert (o.times, len(o.turns.taken)) == ([], 1)
        assert o.events.left == ["a"]
        o.turns.left = 0.0
        await o.clock.advance(100)
        assert len(o.times) == 1


async def test_a_turn_outlasts_the_time_to_the_next_poll() -> None:
    async with office("a") as o:
        await o.clock.advance(INTERVAL + 10)
        assert o.turns.taken == [1.25 * INTERVAL] * 2


async def test_a_turn_outlasts_the_pause_after_a_refusal() -> None:
    """Or each replica would be refused once an hour."""
    async with office() as o:
        o.source.script = [Miss(Outcome.REFUSED)]
        o.used["a"] = account("a")
        await o.clock.advance(10)
        assert o.turns.taken == [1.25 * INTERVAL, 1.25 * 3600]


async def test_turns_of_others_cost_no_second() -> None:
    async with office() as o:
        o.turns.left = 500.0
        o.used = {str(number): account(str(number)) for number in range(20)}
        await o.clock.advance(2)
        assert len(o.turns.taken) == 20
