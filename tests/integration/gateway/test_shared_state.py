"""Replicas on one real Valkey: what each learns of the others, and what an outage costs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from gateway.adapters import shared_board, shared_slots
from gateway.adapters.shared_affinity import AFFINITY
from gateway.adapters.shared_budgets import BUDGETS
from gateway.adapters.shared_slots import HOLD, SLOTS
from gateway.adapters.shared_state import SharedState, state_of
from gateway.domain import subjects
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.budgets.period import Period, span_at
from gateway.domain.budgets.totals import NOTHING, Counter, Totals
from gateway.domain.budgets.verdict import Claim
from gateway.domain.subjects import Kind, Subject
from gateway.ports.shared_state import Bond, Lease, Posted
from runtime.clock import SystemClock
from runtime.valkey.calls import Call
from runtime.valkey.server import Connection, Place, StoreDown
from tests.fakes.store_events import FakeStoreEvents
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

SEAT, OTHER = subjects.account("seat-1"), subjects.account("seat-2")
PAUSED = Posted(None, "paused")
BOARD = "{test:board}:notices"
PLACE = "{test:slots}:key:a"
TALK = bytes(range(32))
BOND = "{test:affinity}:" + TALK.hex()
BUDGET = Budget(Period.MONTH, requests=1_000)
COUNTER = Counter(Holder(HolderKind.KEY, "a"), span_at(Period.MONTH, SystemClock().now()))
LEASE_SECONDS = 15.0


class Replica:
    """One process's state, and its board as it reads it."""

    def __init__(self, url: str, lease_seconds: float) -> None:
        self.events = FakeStoreEvents()
        made = state_of(Place(url), "test", lease_seconds, SystemClock(), lambda: 0.0, self.events)
        assert isinstance(made, SharedState)
        self.state = made
        self.slots, self.affinity = made.slots, made.affinity
        self.board: Mapping[Subject, Posted] = {}
        made.board.follow(self._read)

    async def take(self, limit: int, place: str = "key:a") -> Lease:
        lease = await self.slots.take(place, limit)
        assert lease is not None
        return lease

    @property
    def is_up(self) -> bool:
        return self.state.link.is_up

    def _read(self, board: Mapping[Subject, Posted]) -> None:
        self.board = board


class Fleet:
    """Replicas on one server; each ends with the block, or before."""

    def __init__(self, server: ValkeyServer, stack: AsyncExitStack) -> None:
        self.server = server
        self._stack = stack

    async def join(self, lease_seconds: float = LEASE_SECONDS) -> Replica:
        replica = Replica(self.server.url, lease_seconds)
        await self._stack.enter_async_context(replica.state.running())
        return replica

    def leases(self) -> int:
        """How many the store counts for the place."""
        return int(self.server.command("ZCARD", PLACE)[1:])


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as made:
        yield made


@asynccontextmanager
async def fleet(server: ValkeyServer) -> AsyncIterator[Fleet]:
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        yield Fleet(server, stack)


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> float:
    """Wait for what another process is to learn; how long that took."""
    began = asyncio.get_running_loop().time()
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
    return asyncio.get_running_loop().time() - began


async def seconds_of(calls: Awaitable[object]) -> float:
    began = asyncio.get_running_loop().time()
    await calls
    return asyncio.get_running_loop().time() - began


class Counted:
    """The writes to the store, and the scripts they asked for."""

    def __init__(self) -> None:
        self.writes = 0
        self.scripts: list[str] = []


def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()
    run_all = Connection.run_all

    async def counting(self: Connection, calls: Sequence[Call]) -> list[Any]:
        found.writes += 1
        found.scripts += [call.script for call in calls]
        return await run_all(self, calls)

    monkeypatch.setattr(Connection, "run_all", counting)
    return found


class TestTurns:
    """What is asked at the same time travels together, whatever it is about."""

    async def test_all_that_a_turn_asks_and_tells_is_one_write(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.state.budgets.seed(COUNTER, NOTHING)
            given_back = await one.take(500)
            calls = counted(monkeypatch)
            one.slots.give_back(given_back)
            one.state.budgets.add([COUNTER], Totals(tokens=5))
            asked = [one.take(500) for _ in range(20)]
            asked += [one.take(500, "account:seat-1") for _ in range(20)]
            await asyncio.gather(
                *asked,
                *(one.state.budgets.take([Claim(COUNTER, BUDGET)]) for _ in range(20)),
                *(one.affinity.find(number.to_bytes(32, "big")) for number in range(20)),
            )

            assert calls.writes == 1
            assert sorted(calls.scripts) == sorted((SLOTS, AFFINITY, BUDGETS))
            assert f.leases() == 20
            assert await one.state.budgets.totals([COUNTER]) == [Totals(20, tokens=5)]

    async def test_what_fails_for_one_kind_is_no_others_trouble(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            server.command("SET", PLACE, "something else")
            await one.affinity.settle(TALK, "seat-1", None)
            lease, bond = await asyncio.gather(one.slots.take("key:a", 1), one.affinity.find(TALK))

            # The place is counted here.
            assert lease is not None
            assert await one.slots.take("key:a", 1) is None
            assert bond == Bond("seat-1", has_moved=False)
            assert one.is_up
            assert one.events.store == ["up"]

    async def test_scripts_that_the_store_has_forgotten_are_sent_again(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.take(5)
            server.command("SCRIPT", "FLUSH")
            await asyncio.gather(one.take(5), one.affinity.settle(TALK, "seat-1", None))

            assert f.leases() == 2
            assert server.command("EXISTS", BOND) == b":1\r\n"
            assert one.events.store == ["up"]

    async def test_a_connection_that_the_store_has_closed_is_opened_again(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.take(5)
            server.command("CLIENT", "KILL", "TYPE", "normal")
            await one.take(5)

            assert f.leases() == 2
            assert one.events.store == ["up"]


class TestSlots:
    """Leases of several replicas."""

    async def test_together_they_take_no_more_than_the_limit(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(3)]
            asked = [each.slots.take("key:a", 10) for each in replicas for _ in range(10)]
            leases = await asyncio.gather(*asked)

            assert sum(lease is not None for lease in leases) == 10
            assert sum(each.slots.taken("key:a") for each in replicas) == f.leases() == 10

    async def test_under_churn_they_never_do(self, server: ValkeyServer) -> None:
        """Counted by what is out, not by what the store says."""
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(2)]
            most = granted = 0

            async def caller(replica: Replica) -> None:
                nonlocal most, granted
                for _ in range(40):
                    lease = await replica.slots.take("key:a", 5)
                    if lease is None:
                        await asyncio.sleep(0)
                        continue
                    granted += 1
                    most = max(most, sum(each.slots.taken("key:a") for each in replicas))
                    await asyncio.sleep(0.001)
                    replica.slots.give_back(lease)

            await asyncio.gather(*(caller(each) for each in replicas for _ in range(8)))
            assert most == 5
            assert granted > 50
            await until(lambda: f.leases() == 0)

    async def test_what_one_gives_back_another_can_take_soon(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            lease = await one.take(1)
            assert await other.slots.take("key:a", 1) is None
            one.slots.give_back(lease)

            assert await until(lambda: f.leases() == 0) < 0.5
            await other.take(1)

    async def test_all_of_a_tick_is_one_call(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = counted(monkeypatch)
        async with fleet(server) as f:
            one = await f.join()
            leases = [await one.take(500) for _ in range(3)]
            assert calls.scripts.count(SLOTS) == 3
            for lease in leases:
                one.slots.give_back(lease)
            await asyncio.gather(*(one.take(500, f"key:{number}") for number in range(100)))

            assert calls.scripts.count(SLOTS) == 4
            assert f.leases() == 0

    async def test_a_lease_is_held_for_as_long_as_its_process_lives(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one, other = await f.join(lease_seconds=0.6), await f.join(lease_seconds=0.6)
            await one.take(1)
            for _ in range(10):
                await asyncio.sleep(0.1)
                assert await other.slots.take("key:a", 1) is None

    async def test_what_is_given_back_while_leases_are_held_on_to_stays_given_back(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared_slots, "MOST_HELD_AT_ONCE", 1)
        async with fleet(server) as f:
            one = await f.join()
            leases = [await one.take(3) for _ in range(3)]
            calls = counted(monkeypatch)
            one.slots._hold_soon()
            while not calls.writes:
                await asyncio.sleep(0)
            for lease in leases:
                one.slots.give_back(lease)
            assert await one.slots.take("account:seat-1", 1) is not None

            assert calls.scripts == [HOLD, HOLD, HOLD, SLOTS]
            assert f.leases() == 0

    async def test_the_leases_of_a_process_that_dies_end(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            other = await f.join(lease_seconds=0.5)
            await other.take(3)
            async with AsyncExitStack() as dying:
                dead = await Fleet(server, dying).join(lease_seconds=0.5)
                for _ in range(2):
                    await dead.take(3)
            assert f.leases() == 3
            assert await other.slots.take("key:a", 3) is None
            await asyncio.sleep(0.55)

            for _ in range(2):
                await other.take(3)
            assert f.leases() == 3

    async def test_what_was_given_back_last_is_sent_before_the_end(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            async with AsyncExitStack() as leaving:
                one = await Fleet(server, leaving).join()
                one.slots.give_back(await one.take(1))
                one.slots.give_back(await one.take(1))
            assert f.leases() == 0

    async def test_a_store_that_has_lost_leases_is_told_again(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(lease_seconds=0.6), await f.join(lease_seconds=0.6)
            for _ in range(3):
                await one.take(3)
            server.command("FLUSHALL")

            assert await until(lambda: f.leases() == 3) < 0.5
            assert await other.slots.take("key:a", 3) is None

    async def test_who_leaves_while_the_store_is_asked_leaves_nothing(
        self, server: ValkeyServer
    ) -> None:
        async with fleet(server) as f:
            one = await f.join()
            server.pause()
            asking = [asyncio.ensure_future(one.slots.take("key:a", 5)) for _ in range(5)]
            await asyncio.sleep(0.05)
            for each in asking:
                each.cancel()
            server.resume()
            await asyncio.gather(*asking, return_exceptions=True)
            # What was asked was taken: it goes back with the next call.
            await until(lambda: f.leases() == 0 and not one.slots._queue._waiting)
            assert one.slots.taken("key:a") == 0
            assert one.events.store == ["up"]

    async def test_a_replica_with_shorter_leases_ends_nobody_elses(
        self, server: ValkeyServer
    ) -> None:
        """As while a new setting is rolled out."""
        async with fleet(server) as f:
            long, short = await f.join(), await f.join(lease_seconds=0.1)
            await long.take(2)
            short.slots.give_back(await short.take(2))
            await asyncio.sleep(0.15)
            assert f.leases() == 1

    async def test_a_place_that_nobody_uses_is_not_kept(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            async with AsyncExitStack() as dying:
                await (await Fleet(server, dying).join(lease_seconds=0.2)).take(1)
            await asyncio.sleep(0.25)
            assert f.server.command("EXISTS", PLACE) == b":0\r\n"


class TestBoard:
    """What replicas tell each other."""

    async def test_others_read_what_is_posted_promptly(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            one.state.board.post(SEAT, Posted(30.0, "seat_rate_limited"))
            # Sooner than by looking once a second.
            assert await until(lambda: SEAT in other.board) < 0.5

            assert other.board[SEAT].word == "seat_rate_limited"
            assert other.board[SEAT].seconds == pytest.approx(30.0, abs=1)
            other.state.board.take_down(SEAT)
            assert await until(lambda: one.board == {}) < 0.5

    async def test_the_later_end_counts_whoever_posted_it(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            other.state.board.post(SEAT, PAUSED)
            other.state.board.post(OTHER, Posted(600.0, "long"))
            assert await other.state.board.sent(1.0)
            one.state.board.post(SEAT, Posted(60.0, "short"))
            one.state.board.post(OTHER, Posted(60.0, "short"))
            assert await one.state.board.sent(1.0)

            for replica in (one, other, await f.join()):
                assert {each: posted.word for each, posted in replica.board.items()} == {
                    SEAT: "paused",
                    OTHER: "long",
                }

    async def test_who_starts_knows_what_is_paused(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(SEAT, PAUSED)
            assert await one.state.board.sent(1.0)

            assert (await f.join()).board == {SEAT: PAUSED}

    async def test_what_was_posted_last_is_sent_before_the_end(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            async with AsyncExitStack() as leaving:
                one = await Fleet(server, leaving).join()
                one.state.board.post(SEAT, PAUSED)
            assert (await f.join()).board == {SEAT: PAUSED}

    async def test_a_notice_that_was_lost_costs_a_second(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(OTHER, PAUSED)
            assert await one.state.board.sent(1.0)
            history = one.state.board._known.split()[0].decode()
            server.command("HSET", BOARD, SEAT.name, "- paused", "", f"{history} unheard-of")

            assert await until(lambda: SEAT in one.board) < 2.5

    async def test_what_has_ended_is_swept_away(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(SEAT, Posted(0.1, "short"))
            assert await one.state.board.sent(1.0)
            await asyncio.sleep(0.15)
            one.state.board.post(OTHER, PAUSED)
            assert await one.state.board.sent(1.0)

            assert one.board == {OTHER: PAUSED}
            assert b"seat-1" not in f.server.command("HGETALL", BOARD)

    async def test_a_flood_of_subjects_ends_no_pause(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared_board, "MOST_SUBJECTS", 3)
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(SEAT, PAUSED)
            for number in range(10):
                model = subjects.seat_model("seat-1", f"model-{number}")
                one.state.board.post(model, Posted(60.0 + number, "seat_model_rate_limited"))
                assert await one.state.board.sent(1.0)

            assert {each.name for each in (await f.join()).board} == {
                "account:seat-1",
                "seat-model:seat-1:model-9",
                "seat-model:seat-1:model-8",
            }

    async def test_what_a_newer_version_posts_is_left_alone(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(SEAT, PAUSED)
            assert await one.state.board.sent(1.0)
            server.command("HSET", BOARD, "planet:mars", "- retrograde", "scribble", "x")
            one.state.board.post(OTHER, PAUSED)
            assert await one.state.board.sent(1.0)

            assert one.board.keys() == {SEAT, OTHER}
            assert b"planet:mars" in f.server.command("HGETALL", BOARD)

    async def test_what_is_not_sent_yet_stays_on_the_own_board(
        self, server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shared_board, "MOST_AT_ONCE", 1)
        async with fleet(server) as f:
            one = await f.join()
            one.state.board.post(SEAT, Posted(3600.0, "long"))
            assert await one.state.board.sent(1.0)
            one.state.board.post(OTHER, PAUSED)
            one.state.board.take_down(SEAT)
            read: list[Mapping[Subject, Posted]] = []
            one.state.board.follow(read.append)
            assert await one.state.board.sent(1.0)

            assert len(read) > 2
            assert all(board == {OTHER: PAUSED} for board in read)

    async def test_a_store_that_has_lost_the_board_gets_it_back(self, server: ValkeyServer) -> None:
        """Else a restart of the store would end every pause."""
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            one.state.board.post(SEAT, PAUSED)
            await until(lambda: SEAT in other.board)
            server.command("FLUSHALL")
            other.state.board.post(Subject(Kind.GROUP, "g"), PAUSED)
            await until(lambda: len(one.board) == len(other.board) == 2)

            assert one.board == other.board == (await f.join()).board
            assert one.board[SEAT] == PAUSED


class TestCluster:
    """A cluster runs a script only where all its keys are on one node."""

    async def test_replicas_agree_there_too(self) -> None:
        with ValkeyServer(cluster=True) as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                places = [f"key:{number}" for number in range(20)]
                await asyncio.gather(*(one.take(1, place) for place in places))
                asked = [other.slots.take(place, 1) for place in places]
                assert await asyncio.gather(*asked) == [None] * 20
                talks = [number.to_bytes(32, "big") for number in range(20)]
                await asyncio.gather(*(one.affinity.settle(talk, "a", None) for talk in talks))
                bonds = await asyncio.gather(*(other.affinity.find(talk) for talk in talks))
                assert bonds == [Bond("a", has_moved=False)] * 20
                one.state.board.post(SEAT, PAUSED)
                assert await until(lambda: other.board == {SEAT: PAUSED}) < 0.9


class TestAffinity:
    """Where all replicas say a conversation lives."""

    async def test_whoever_is_first_settles_it_for_all(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(3)]
            bonds = await asyncio.gather(
                *(each.affinity.settle(TALK, f"seat-{n}", None) for n, each in enumerate(replicas))
            )

            assert bonds == [bonds[0]] * 3
            assert [await each.affinity.find(TALK) for each in replicas] == bonds

    async def test_of_those_who_move_it_the_first_one_does(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            replicas = [await f.join() for _ in range(3)]
            await replicas[0].affinity.settle(TALK, "dead", None)
            bonds = await asyncio.gather(
                *(
                    each.affinity.settle(TALK, f"seat-{n}", "dead")
                    for n, each in enumerate(replicas)
                )
            )

            assert bonds == [bonds[0]] * 3
            assert bonds[0].has_moved

    async def test_its_hour_begins_anew_with_each_use(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one = await f.join()
            await one.affinity.settle(TALK, "seat-1", None)
            server.command("PEXPIRE", BOND, "1000")
            await one.affinity.find(TALK)

            assert 3_590_000 < int(f.server.command("PTTL", BOND)[1:]) <= 3_600_000

    async def test_the_store_outweighs_a_memory_that_is_behind(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            await one.affinity.settle(TALK, "seat-1", None)
            await other.affinity.settle(TALK, "seat-2", "seat-1")

            assert await one.affinity.find(TALK) == Bond("seat-2", has_moved=True)

    async def test_a_store_that_has_lost_a_bond_gets_it_back(self, server: ValkeyServer) -> None:
        async with fleet(server) as f:
            one, other = await f.join(), await f.join()
            await one.affinity.settle(TALK, "seat-1", "seat-0")
            server.command("FLUSHALL")
            await one.affinity.find(TALK)

            assert await other.affinity.find(TALK) == Bond("seat-1", has_moved=True)


class TestOutage:
    """The store goes away and comes back."""

    async def test_nobody_waits_long_for_a_store_that_hangs(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                lease = await one.take(2)
                own.pause()
                took = await seconds_of(asyncio.gather(_taken(one, 2), _settled(one)))
                assert took < 1.0
                assert not one.slots.is_shared
                assert not one.affinity.remembers
                # Now that it is known to be down nobody waits at all, and the limit still holds.
                assert await seconds_of(one.slots.take("key:a", 2)) < 0.05
                assert await one.slots.take("key:a", 2) is None
                assert await one.affinity.find(TALK) == Bond("seat-1", has_moved=False)
                one.slots.give_back(lease)
                own.resume()
                await until(lambda: one.is_up and f.leases() == 1)
                assert one.events.store == ["up", "down", "up"]

    async def test_those_who_asked_a_store_that_hangs_are_counted(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one = await f.join()
                own.pause()
                leases = await asyncio.gather(*(one.slots.take("key:a", 2) for _ in range(5)))
                assert sum(lease is not None for lease in leases) == 2
                own.resume()
                # What it did with their questions after all is put right.
                await until(lambda: one.is_up and f.leases() == 2)

    async def test_each_replica_counts_its_own_while_it_is_down(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                for replica in (one, other):
                    await replica.take(1)
                    assert await replica.slots.take("key:a", 1) is None

    async def test_own_leases_are_announced_to_a_store_that_comes_back_empty(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                for _ in range(2):
                    await one.take(3)
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                await one.take(3)
                own.start()
                await until(lambda: one.is_up and other.is_up and f.leases() == 3)
                assert await other.slots.take("key:a", 3) is None

    async def test_what_was_given_back_meanwhile_is_free_again(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                leases = [await one.take(2) for _ in range(2)]
                own.pause()
                await until(lambda: _is_down_after_asking(one))
                for lease in leases:
                    one.slots.give_back(lease)
                own.resume()
                await until(lambda: one.is_up and other.is_up and f.leases() == 0)
                await other.take(1)

    async def test_what_was_on_its_way_back_then_is_free_again_too(
        self, server: ValkeyServer
    ) -> None:
        async def lost(self: Connection, calls: Sequence[Call]) -> list[Any]:
            raise StoreDown("it was lost on the way")

        async with fleet(server) as f:
            one = await f.join()
            lease = await one.take(1)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Connection, "run_all", lost)
                one.slots.give_back(lease)
                await until(lambda: not one.is_up)
            await until(lambda: one.is_up and f.leases() == 0)

    async def test_what_was_posted_meanwhile_is_sent(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                one.state.board.post(OTHER, Posted(3600.0, "long"))
                await until(lambda: OTHER in other.board)
                own.pause()
                await until(lambda: _is_down_after_asking(one))
                one.state.board.post(SEAT, PAUSED)
                one.state.board.take_down(OTHER)
                one.state.board.post(OTHER, Posted(60.0, "short"))
                assert {each: posted.word for each, posted in one.board.items()} == {
                    SEAT: "paused",
                    OTHER: "short",
                }
                own.resume()
                await until(lambda: SEAT in other.board and other.board[OTHER].word == "short")
                assert one.board.keys() == other.board.keys()

    async def test_pauses_outlive_a_store_that_comes_back_empty(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                one.state.board.post(SEAT, PAUSED)
                await until(lambda: SEAT in other.board)
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                own.start()
                await until(lambda: one.is_up and other.is_up)
                await until(lambda: b"paused" in own.command("HGETALL", BOARD))
                assert one.board == other.board == (await f.join()).board == {SEAT: PAUSED}

    async def test_a_conversation_stays_while_it_is_down_and_after(self) -> None:
        with ValkeyServer() as own:
            async with fleet(own) as f:
                one, other = await f.join(), await f.join()
                await one.affinity.settle(TALK, "seat-1", None)
                own.kill()
                await until(lambda: not one.is_up and not other.is_up)
                assert await one.affinity.find(TALK) == Bond("seat-1", has_moved=False)
                moved = await one.affinity.settle(TALK, "seat-2", "seat-1")
                assert moved == Bond("seat-2", has_moved=True)
                own.start()
                await until(lambda: one.is_up and other.is_up)
                assert await one.affinity.find(TALK) == moved
                assert await other.affinity.find(TALK) == moved

    async def test_a_process_starts_without_it_and_finds_it(self) -> None:
        own = ValkeyServer()
        async with AsyncExitStack() as stack:
            f = Fleet(own, stack)
            one = await f.join()
            assert (one.events.store, one.slots.is_shared) == (["down"], False)
            await one.take(2)
            with own:
                await until(lambda: one.is_up and f.leases() == 1)


async def _taken(replica: Replica, limit: int) -> None:
    await replica.take(limit)


async def _settled(replica: Replica) -> None:
    await replica.affinity.settle(TALK, "seat-1", None)


def _is_down_after_asking(replica: Replica) -> bool:
    """Somebody has to ask before it is known."""
    replica.state.board._news.set()
    return not replica.is_up


async def test_a_place_that_is_fought_over_goes_to_the_other_replica_too(
    server: ValkeyServer,
) -> None:
    """Who gives it back is there first, every time: that must not be for ever."""
    async with fleet(server) as f:
        one, two = await f.join(), await f.join()
        mine = await one.take(1)
        assert await two.slots.take("key:a", 1) is None
        turns: list[str] = []
        for _ in range(3):
            one.slots.give_back(mine)
            again = await one.slots.take("key:a", 1)
            if again is not None:
                turns.append("one")
                mine = again
                assert await two.slots.take("key:a", 1) is None
                continue
            theirs = await two.take(1)
            turns.append("two")
            assert await one.slots.take("key:a", 1) is None
            two.slots.give_back(theirs)
            mine = await one.take(1)
        assert "two" in turns[:2]
        assert await two.slots.take("key:a", 1) is None


async def test_nobody_waits_for_a_replica_that_has_stopped_asking(server: ValkeyServer) -> None:
    async with fleet(server) as f:
        one, two = await f.join(), await f.join()
        mine = await one.take(1)
        assert await two.slots.take("key:a", 1) is None
        async with asyncio.timeout(5):
            for _ in range(3):
                one.slots.give_back(mine)
                while (again := await one.slots.take("key:a", 1)) is None:
                    await asyncio.sleep(0.05)
                mine = again
