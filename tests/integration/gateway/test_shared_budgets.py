"""Budgets of replicas on one real Valkey: lost answers, outages, a store that is emptied."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from gateway.adapters import shared_budgets as module
from gateway.adapters.shared_budgets import BUDGETS
from gateway.adapters.shared_state import SharedState, state_of
from gateway.budgets import Budgets
from gateway.domain.api_keys import ApiKey, Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.totals import GIVEN_BACK, NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Claim, Finding
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.usage.record import UsageRecord
from runtime.clock import SystemClock
from runtime.valkey.calls import Call
from runtime.valkey.server import Connection, Place, StoreDown
from tests.fakes.gateway_ports import RecordedEvents
from tests.fakes.ledger import FakeLedger
from tests.fakes.store_events import FakeStoreEvents
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

LIMIT, CALLERS = 1_000, 50
BUDGET = Budget(Period.MONTH, requests=LIMIT)
KEY = ApiKey("a", "team", None, None, False, budget=BUDGET)
GROUP = Group("team", "copilot", (GroupAccount("seat-1"),))
A = Counter(Holder(HolderKind.KEY, "a"), span_at(Period.MONTH, SystemClock().now()))
STORED = f"{{test:budgets}}:{A.name}"


class Replica:
    """One process's counters, and the use case over them."""

    def __init__(self, url: str, ledger: FakeLedger) -> None:
        made = state_of(Place(url), "test", 15.0, SystemClock(), lambda: 0.0, FakeStoreEvents())
        assert isinstance(made, SharedState)
        self.state = made
        self.counters = made.budgets
        self.budgets = Budgets(made.budgets, ledger, SystemClock(), RecordedEvents())

    async def take(self, limit: int = LIMIT, **fields: Any) -> bool:
        budget = replace(BUDGET, requests=limit, **fields)
        return (await self.counters.take([Claim(A, budget)])).is_granted

    async def totals(self) -> Totals | None:
        return (await self.counters.totals([A]))[0]

    @property
    def is_up(self) -> bool:
        return self.state.link.is_up


class Fleet:
    """Replicas on one server with one ledger; each ends with the block, or before."""

    def __init__(self, server: ValkeyServer, stack: AsyncExitStack) -> None:
        self.server = server
        self.ledger = FakeLedger()
        self._stack = stack

    async def join(self) -> Replica:
        replica = Replica(self.server.url, self.ledger)
        await self._stack.enter_async_context(replica.state.running())
        return replica

    def stored(self, field: str = "reserved") -> int:
        """What the store has; -1 when it has nothing."""
        lines = self.server.command("HGET", STORED, field).split(b"\r\n")
        return int(lines[1]) if len(lines) > 2 else -1


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as made:
        yield made


@asynccontextmanager
async def fleet(server: ValkeyServer) -> AsyncIterator[Fleet]:
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        yield Fleet(server, stack)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


def record(number: int, **fields: Any) -> UsageRecord:
    usual: dict[str, Any] = {"outcome": "complete", "attempts": 1, "input_tokens": 3}
    return UsageRecord(
        request_id=f"r-{number}",
        time=A.span.start,
        key_id="a",
        group_id="team",
        endpoint="/v1/messages",
        **{**usual, **fields},
    )


class Crowd:
    """Callers of several replicas, who go on until the budget is used up."""

    def __init__(self, fleet: Fleet, replicas: list[Replica], lag: int) -> None:
        self.accepted = 0
        self._numbers = itertools.count(1)
        self._fleet = fleet
        self._replicas = replicas
        self._lag = lag
        self._unshipped: list[UsageRecord] = []

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(CALLERS):
                tasks.create_task(self._call(self._replicas[number % len(self._replicas)]))

    async def _call(self, replica: Replica) -> None:
        while True:
            try:
                reservation = await replica.budgets.admit(KEY, GROUP)
            except GatewayError as error:
                assert error.fault is Fault.POLICY_BUDGET  # noqa: PT017
                return
            number = next(self._numbers)
            # One in ten is not answered, and so is not counted.
            is_counted = number % 10 != 0
            self.accepted += is_counted
            await asyncio.sleep(0.002)
            ended = record(number, attempts=int(is_counted))
            replica.budgets.settle(reservation, ended)
            await self._ship(ended)

    async def _ship(self, ended: UsageRecord) -> None:
        """Late, as the ledger always is."""
        self._unshipped.append(ended)
        if len(self._unshipped) >= self._lag and not self._fleet.ledger.is_down:
            await self._fleet.ledger.add(self._unshipped)
            self._unshipped = []


class TestLimit:
    """A thousand requests, four replicas, fifty callers."""

    async def test_together_they_take_as_many_as_the_budget_has(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(4)]
            found = await asyncio.gather(
                *(_take_all(each) for each in replicas for _ in range(CALLERS // 4))
            )
            assert sum(found) == f.stored() == LIMIT

    @pytest.mark.parametrize("has_ledger", [True, False])
    async def test_a_store_emptied_on_the_way_costs_no_more_than_what_was_under_way(
        self, server: ValkeyServer, has_ledger: bool
    ) -> None:
        async with fleet(server) as f:
            f.ledger.is_down = not has_ledger
            crowd = Crowd(f, [await f.join() for _ in range(4)], lag=CALLERS)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(crowd.run())
                for accepted in (300, 600, 900):
                    await until(lambda least=accepted: crowd.accepted >= least)  # type: ignore[misc]
                    server.command("FLUSHALL")
            assert LIMIT - CALLERS <= crowd.accepted <= LIMIT + CALLERS

    async def test_who_knows_little_hears_of_the_others_when_the_store_is_emptied(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            idle, busy = await f.join(), await f.join()
            await idle.counters.seed(A, NOTHING)
            assert await idle.take()
            for _ in range(99):
                assert await busy.take()
            server.command("FLUSHALL")
            assert not await idle.take()
            await until(lambda: f.stored() == 100)
            await idle.counters.seed(A, Totals(50))
            assert not await idle.take(limit=100)
            assert await idle.take(limit=101)

    async def test_what_is_used_before_the_others_have_spoken_is_not_lost(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            idle, busy = await f.join(), await f.join()
            await idle.counters.seed(A, NOTHING)
            for _ in range(99):
                assert await busy.take()
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(type(busy.counters), "noticed", lambda self, notice: None)
                server.command("FLUSHALL")
                await idle.counters.seed(A, Totals(10))
                for _ in range(20):
                    assert await idle.take()
                assert f.stored() == 30
            assert await busy.take()
            assert f.stored() == 120
            assert await idle.totals() == Totals(120)

    async def test_a_replica_that_starts_after_all_was_lost_asks_the_ledger(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            await f.ledger.add([record(number) for number in range(LIMIT - 1)])
            one, other = await f.join(), await f.join()
            assert await one.budgets.admit(KEY, GROUP) is not None
            for each in (one, other):
                with pytest.raises(GatewayError):
                    await each.budgets.admit(KEY, GROUP)
            assert len(f.ledger.asked) == 1


class TestTelling:
    """What is used is told once."""

    async def test_all_of_a_turn_is_one_call(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls: list[str] = []
        run_all = Connection.run_all

        async def counted(self: Connection, asked: Sequence[Call]) -> Any:
            calls.extend(call.script for call in asked)
            return await run_all(self, asked)

        async with fleet(server) as f:
            one = await f.join()
            await one.counters.seed(A, NOTHING)
            monkeypatch.setattr(Connection, "run_all", counted)
            for _ in range(50):
                one.counters.add([A], Totals(tokens=1))
            await asyncio.gather(*(one.take() for _ in range(100)))
            assert calls.count(BUDGETS) == 1
            assert (f.stored(), f.stored("tokens")) == (100, 50)

    async def test_requests_of_one_turn_are_judged_in_turn_and_each_by_its_own_claims(
        self, server: ValkeyServer
    ) -> None:
        group = Counter(Holder(HolderKind.GROUP, "team"), A.span)
        mine = (Claim(A, replace(BUDGET, requests=3)),)
        both = (*mine, Claim(group, replace(BUDGET, requests=1)))
        async with fleet(server) as f:
            one = await f.join()
            for counter in (A, group):
                await one.counters.seed(counter, NOTHING)
            asked = [one.counters.take(each) for each in (mine, both, mine, both, mine)]
            answers = await asyncio.gather(*asked)

            fine, used_up = Finding.FINE, Finding.REQUESTS
            assert [answer.findings for answer in answers] == [
                (fine,),
                (fine, fine),
                (fine,),
                (used_up, used_up),
                (used_up,),
            ]
            assert [answer.is_granted for answer in answers] == [True] * 3 + [False] * 2
            assert answers[3].used == (Totals(3), Totals(1))

    @pytest.mark.parametrize(
        ("lost", "arrives"), [(1, True), (2, True), (5, True), (1, False), (2, False)]
    )
    async def test_a_lost_call_or_answer_counts_nothing_twice_and_loses_nothing(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch, lost: int, arrives: bool
    ) -> None:
        """One is made up for by the link; two bring it down, and alone the process goes on."""
        left = 0
        run_all = Connection.run_all

        async def lossy(self: Connection, asked: Sequence[Call]) -> Any:
            nonlocal left
            is_lost = left > 0 and BUDGETS in [call.script for call in asked]
            left -= is_lost
            answer = await run_all(self, asked) if arrives or not is_lost else None
            if is_lost:
                raise StoreDown("it was lost on the way")
            return answer

        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            await one.counters.seed(A, NOTHING)
            monkeypatch.setattr(Connection, "run_all", lossy)
            one.counters.add([A], Totals(tokens=5))
            left = lost
            assert all(await asyncio.gather(one.take(), one.take()))
            one.counters.add([A], Totals(tokens=2, nano_aiu=1))
            await until(lambda: one.is_up and not left and not one.counters._known.has_unsent)
            assert await one.take()
            found = await other.totals()
            assert found is not None
            assert (found.requests, found.tokens, found.nano_aiu) == (3, 7, 1)
            assert await one.totals() == found

    async def test_a_call_that_comes_late_counts_nothing(self, server: ValkeyServer) -> None:
        calls: list[Call] = []
        run_all = Connection.run_all

        async def kept(self: Connection, asked: Sequence[Call]) -> Any:
            calls.extend(asked)
            return await run_all(self, asked)

        async with fleet(server) as f:
            one = await f.join()
            await one.counters.seed(A, NOTHING)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Connection, "run_all", kept)
                one.counters.add([A], Totals(tokens=5))
                assert await one.take()
            assert await one.take()
            answer = await one.state.link.ask(lambda store: store.run(*calls[0]))
            assert answer == []
            assert (f.stored(), f.stored("tokens")) == (2, 5)

    async def test_what_was_used_last_is_told_before_the_end(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_TOLD_AT_ONCE", 3)
        counters = [Counter(Holder(HolderKind.KEY, f"k{n}"), A.span) for n in range(10)]
        async with fleet(server) as f:
            other = await f.join()
            for each in counters:
                await other.counters.seed(each, NOTHING)
            async with AsyncExitStack() as leaving:
                one = await Fleet(server, leaving).join()
                one.counters.add(counters, Totals(tokens=4))
            assert await other.counters.totals(counters) == [Totals(tokens=4)] * 10

    async def test_who_leaves_while_the_store_is_asked_is_not_counted(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.counters.seed(A, NOTHING)
            server.pause()
            asking = [asyncio.ensure_future(one.take()) for _ in range(5)]
            await asyncio.sleep(0.05)
            for each in asking:
                each.cancel()
            server.resume()
            await asyncio.gather(*asking, return_exceptions=True)
            await until(lambda: f.stored("released") == 5)
            assert await one.totals() == Totals(5, 5)

    async def test_a_counter_is_kept_until_its_period_is_long_over(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.counters.seed(A, NOTHING)
            left = int(server.command("TTL", STORED)[1:])
            over = A.span.end - SystemClock().now()
            assert left == pytest.approx(over + 3 * 86_400, abs=5)

    async def test_what_is_not_of_our_making_is_no_counter(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.counters.seed(A, NOTHING)
            assert await one.take()
            server.command("SET", STORED, "something else")
            assert not await one.take()
            await one.counters.seed(A, NOTHING)
            server.command("HSET", STORED, "reserved", "text")
            assert await one.take()
            assert f.stored() == 2
            assert one.is_up


class TestOutage:
    """The store goes away and comes back."""

    async def test_what_is_used_meanwhile_is_told_afterwards(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                await one.counters.seed(A, NOTHING)
                for replica in (one, other):
                    assert await replica.take(limit=5)
                own.pause()
                async with asyncio.timeout(1.5):
                    assert await one.take(limit=5)
                    await other.take(limit=5)
                assert not one.is_up
                # Each knows its own and what it had heard.
                assert [await other.take(limit=5) for _ in range(4)] == [True, True, False, False]
                one.counters.add([A], Totals(tokens=9))
                one.counters.add([A], GIVEN_BACK)
                own.resume()
                await until(lambda: one.is_up and other.is_up)
                await until(lambda: f.stored("tokens") == 9)
                found = await other.totals()
                assert found is not None
                assert found.requests == 2 + 3 + 1 - 1

    async def test_what_wants_to_be_checked_is_refused_meanwhile(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                strict = replace(KEY, budget=replace(BUDGET, refuses_unknown=True))
                assert await one.budgets.admit(strict, GROUP) is not None
                own.kill()
                await until(lambda: not one.is_up)
                with pytest.raises(GatewayError) as caught:
                    await one.budgets.admit(strict, GROUP)
                assert caught.value.fault is Fault.POLICY_BUDGET_UNKNOWN
                assert await one.budgets.admit(KEY, GROUP) is not None

    async def test_one_that_comes_back_empty_is_told_all(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                await one.counters.seed(A, NOTHING)
                for replica in (one, other):
                    for _ in range(10):
                        assert await replica.take()
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                for replica in (one, other):
                    for _ in range(3):
                        assert await replica.take()
                own.start()
                await until(lambda: one.is_up and other.is_up and f.stored() == 26)
                # Nobody has asked the ledger yet.
                answer = await one.counters.take([Claim(A, BUDGET)])
                assert answer.findings == (Finding.MISSING,)

    async def test_one_that_comes_back_empty_is_told_by_those_who_have_nothing_new(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                await one.counters.seed(A, Totals(30))
                own.kill()
                await until(lambda: not one.is_up)
                own.start()
                await until(lambda: one.is_up and f.stored() == 30)

    async def test_what_the_ledger_has_of_it_already_does_not_count_twice(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                late = await f.join()
                await late.counters.seed(A, NOTHING)
                own.kill()
                await until(lambda: not late.is_up)
                for number in range(20):
                    reservation = await late.budgets.admit(KEY, GROUP)
                    late.budgets.settle(reservation, record(number))
                await f.ledger.add([record(number) for number in range(20)])
                own.start()
                seeding = Replica(own.url, f.ledger)
                # What the ledger says is there before the one that was alone comes back.
                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(type(late.counters), "store_rose", lambda self: None)
                    async with seeding.state.running():
                        await seeding.counters.seed(A, Totals(20, 0, 60))
                    await until(lambda: late.is_up)
                assert await late.totals() == Totals(20, 0, 60)
                assert await late.take()
                assert await late.totals() == Totals(21, 0, 60)

    async def test_who_starts_without_it_asks_the_ledger(self) -> None:
        own = ValkeyServer()
        async with AsyncExitStack() as stack:
            f = Fleet(own, stack)
            await f.ledger.add([record(number) for number in range(LIMIT - 1)])
            one = await f.join()
            assert await one.budgets.admit(KEY, GROUP) is not None
            with pytest.raises(GatewayError):
                await one.budgets.admit(KEY, GROUP)
            with own:
                await until(lambda: one.is_up and f.stored() == LIMIT)

    async def test_what_the_ledger_said_meanwhile_is_not_added_to_what_it_has(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                other = await f.join()
                await other.counters.seed(A, NOTHING)
                for _ in range(20):
                    assert await other.take()
                await f.ledger.add([record(number) for number in range(20)])
                own.pause()
                late = await f.join()
                assert not late.is_up
                assert await late.budgets.admit(KEY, GROUP) is not None
                assert await late.totals() == Totals(21, 0, 60)
                own.resume()
                await until(lambda: late.is_up and f.stored() == 21)
                await asyncio.sleep(0.05)
                assert f.stored() == 21

    async def test_more_than_fits_into_one_call_is_told_in_several(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "MOST_TOLD_AT_ONCE", 3)
        counters = [Counter(Holder(HolderKind.KEY, f"k{n}"), A.span) for n in range(10)]
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                own.kill()
                await until(lambda: not one.is_up)
                one.counters.add(counters, Totals(tokens=4))
                own.start()
                names = [f"{{test:budgets}}:{each.name}" for each in counters]
                await until(lambda: one.is_up and own.command("EXISTS", *names) == b":10\r\n")


def a_rate(requests: int) -> Claim:
    minute = Counter(A.holder, span_at(Period.MINUTE, SystemClock().now()))
    return Claim(minute, Budget(Period.MINUTE, requests=requests), trusts_missing=True)


class TestRates:
    """Budgets of a minute, which nobody but the store and the replicas knows."""

    async def test_replicas_share_a_minute_that_is_kept_for_minutes(
        self, server: ValkeyServer
    ) -> None:
        rate = a_rate(100)
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(4)]
            found = await asyncio.gather(
                *(each.counters.take([rate]) for each in replicas for _ in range(50))
            )
            assert sum(answer.is_granted for answer in found) == 100
            left = int(server.command("TTL", f"{{test:budgets}}:{rate.counter.name}")[1:])
            assert 170 <= left <= 180

    async def test_the_ledger_is_asked_of_no_minute(self, server: ValkeyServer) -> None:
        key = replace(KEY, budget=None, rate=Rate(2, None))
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            reservations = [await each.budgets.admit(key, GROUP) for each in (one, other)]
            with pytest.raises(GatewayError) as caught:
                await one.budgets.admit(key, GROUP)
            assert caught.value.fault is Fault.POLICY_RATE
            assert f.ledger.asked == []
            other.budgets.settle(reservations[1], record(1, attempts=0))
            assert await other.budgets.admit(key, GROUP)

    async def test_without_the_store_each_goes_on_with_what_it_knows_and_tells_it_later(
        self,
    ) -> None:
        rate = a_rate(10)
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                for _ in range(4):
                    assert (await one.counters.take([rate])).is_granted
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                found = [await one.counters.take([rate]) for _ in range(8)]
                assert [answer.is_granted for answer in found] == [True] * 6 + [False] * 2
                assert (await other.counters.take([rate])).used == (Totals(1),)
                own.start()
                await until(lambda: one.is_up and other.is_up)
                await until(
                    lambda: own.command(
                        "HGET", f"{{test:budgets}}:{rate.counter.name}", "reserved"
                    ).startswith(b"$2\r\n11")
                )
                assert not (await other.counters.take([rate])).is_granted

    async def test_who_asks_next_brings_back_what_an_emptied_store_knew(
        self, server: ValkeyServer
    ) -> None:
        rate = a_rate(10)
        async with fleet(server) as f:
            one = await f.join()
            for _ in range(9):
                await one.counters.take([rate])
            server.command("FLUSHALL")
            answers = [await one.counters.take([rate]) for _ in range(2)]
            assert [answer.is_granted for answer in answers] == [True, False]
            assert answers[1].used == (Totals(10),)


async def _take_all(replica: Replica) -> int:
    taken = 0
    try:
        while await replica.budgets.admit(KEY, GROUP):
            taken += 1
    except GatewayError:
        return taken
    raise AssertionError("a budget has no end")
