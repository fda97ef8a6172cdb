"""Records in the shared store: put, taken by any replica, and what stands in the way of that."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack

import pytest

from gateway.adapters.shared_state import SharedState, state_of
from gateway.adapters.spill import MOST_AT_ONCE, MOST_RECORDS, NoSpill, SharedSpill
from gateway.domain.usage.record import UsageRecord
from runtime.clock import SystemClock
from runtime.valkey.server import Place
from tests.fakes.store_events import FakeStoreEvents
from tests.fakes.usage_records import a_record
from tests.servers.valkey_server import ValkeyServer

pytestmark = pytest.mark.anyio

STREAM = "{test:usage}:spilled"
MOST_BATCHES = 10
GARBAGE = ("no JSON", "{}", '{"request_id": 1}', "[]", '{"request_id": "cut o')


class Replicas:
    """Processes on one store; each ends with the test."""

    def __init__(self, server: ValkeyServer, stack: AsyncExitStack) -> None:
        self.server = server
        self.unreadable: list[int] = []
        self._stack = stack

    async def join(self, most_records: int = MOST_RECORDS, namespace: str = "test") -> SharedSpill:
        place, events = Place(self.server.url), FakeStoreEvents()
        state = state_of(place, namespace, 15.0, SystemClock(), lambda: 0.0, events)
        assert isinstance(state, SharedState)
        await self._stack.enter_async_context(state.running())
        return SharedSpill(state.link, namespace, self.unreadable.append, most_records)

    def add(self, text: str) -> None:
        """An entry that no replica of this version has made."""
        assert self.server.command("XADD", STREAM, "*", "record", text).startswith(b"$")

    @property
    def length(self) -> int:
        """How many entries the stream has."""
        return int(self.server.command("XLEN", STREAM)[1:])


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, ValkeyServer]]:
    with ExitStack() as stack:
        yield {
            "valkey": stack.enter_context(ValkeyServer()),
            "cluster": stack.enter_context(ValkeyServer(cluster=True)),
        }


@pytest.fixture(params=["valkey", "cluster"])
async def replicas(
    request: pytest.FixtureRequest, servers: dict[str, ValkeyServer]
) -> AsyncIterator[Replicas]:
    server = servers[request.param]
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        yield Replicas(server, stack)


def some(count: int, first: int = 0) -> list[UsageRecord]:
    return [a_record(f"r-{number:04d}") for number in range(first, first + count)]


async def all_of(spill: SharedSpill) -> list[UsageRecord]:
    found: list[UsageRecord] = []
    for _ in range(MOST_BATCHES):
        records = await spill.next()
        found += records
        await spill.done(records)
        if not records:
            return found
    raise AssertionError("it hands out the same again and again")


async def test_what_one_replica_puts_another_takes_in_order_and_once(replicas: Replicas) -> None:
    dying, other = await replicas.join(), await replicas.join()
    records = some(2 * MOST_AT_ONCE + 7)
    assert await dying.put(records)
    assert replicas.length == len(records)
    assert await all_of(other) == records
    assert replicas.length == 0
    assert await other.next() == ()
    assert replicas.unreadable == []


async def test_every_field_of_a_record_comes_back(replicas: Replicas) -> None:
    spill = await replicas.join()
    record = a_record(
        caller_request_id="größer \U0001f600 '\"\\",
        nano_aiu=10**15,
        credits_source="upstream",
        first_byte_seconds=0.25,
        premium_multiplier=0.33,
        is_partial=True,
        stream=True,
    )
    assert await spill.put([record])
    assert await spill.next() == [record]


async def test_what_is_not_safe_yet_stays_and_is_handed_out_again(replicas: Replicas) -> None:
    spill = await replicas.join()
    await spill.put(some(2))
    first = await spill.next()
    spill.start_over()
    assert replicas.length == 2
    assert await spill.next() == first
    # What comes meanwhile is not taken for what was shipped.
    await spill.put(some(1, first=2))
    await spill.done(first)
    assert await all_of(spill) == some(1, first=2)


async def test_two_readers_at_once_lose_nothing(replicas: Replicas) -> None:
    one, two = await replicas.join(), await replicas.join()
    records = some(MOST_AT_ONCE + 3)
    await one.put(records)
    by_one, by_two = await one.next(), await two.next()
    assert by_one == by_two == records[:MOST_AT_ONCE], "the ledger knows a record by its id"
    await one.done(by_one)
    rest = await one.next()
    await two.done(by_two)
    assert rest == records[MOST_AT_ONCE:]
    assert replicas.length == 3, "the slower one has taken out what it had, and no more"
    await one.done(rest)
    assert replicas.length == 0


async def test_a_full_stream_takes_nothing_and_keeps_what_it_has(replicas: Replicas) -> None:
    spill = await replicas.join(most_records=5)
    assert await spill.put(some(5))
    assert not await spill.put(some(1, first=5))
    assert replicas.length == 5
    first = await spill.next()
    assert first == some(5)
    await spill.done(first)
    assert await spill.put(some(1, first=5)), "there is room again"


async def test_a_batch_is_put_whole_or_not_at_all(replicas: Replicas) -> None:
    spill = await replicas.join(most_records=5)
    assert await spill.put(some(3))
    assert not await spill.put(some(3, first=3))
    assert await all_of(spill) == some(3)


async def test_what_cannot_be_read_is_counted_and_stands_in_nobodys_way(
    replicas: Replicas,
) -> None:
    one, two = await replicas.join(), await replicas.join()
    await one.put(some(1))
    for text in GARBAGE:
        replicas.add(text)
    await one.put(some(1, first=1))
    records = await one.next()
    assert records == some(2)
    assert replicas.unreadable == [len(GARBAGE)]
    assert replicas.length == 2, "what can be read is not safe yet"
    assert await two.next() == records
    assert replicas.unreadable == [len(GARBAGE)], "counted once, whoever comes across it"
    await one.done(records)
    assert replicas.length == 0


async def test_records_behind_more_garbage_than_one_look_are_found(replicas: Replicas) -> None:
    spill = await replicas.join()
    for _ in range(MOST_AT_ONCE + 1):
        replicas.add("garbage")
    await spill.put(some(1))
    assert await spill.next() == some(1)
    assert sum(replicas.unreadable) == MOST_AT_ONCE + 1


async def test_a_newer_versions_record_is_read_as_far_as_this_one_knows_it(
    replicas: Replicas,
) -> None:
    spill = await replicas.join()
    replicas.add(
        '{"request_id": "r-0000", "time": 1.0, "key_id": "k", "group_id": "g", "endpoint": "/e", '
        '"outcome": "complete", "of_a_newer_version": {"a": [1]}}'
    )
    (record,) = await spill.next()
    assert (record.request_id, record.key_id, record.attempts) == ("r-0000", "k", 0)
    assert replicas.unreadable == []


async def test_a_key_of_another_type_is_as_if_the_store_was_full(replicas: Replicas) -> None:
    spill = await replicas.join()
    replicas.server.command("SET", STREAM, "somebody else's")
    assert not await spill.put(some(1))
    assert await spill.next() == ()
    await spill.done(())


async def test_another_deployment_on_the_same_store_has_its_own(replicas: Replicas) -> None:
    ours, others = await replicas.join(), await replicas.join(namespace="others")
    await ours.put(some(1))
    assert await others.next() == ()
    assert await ours.next() == some(1)


async def test_with_the_store_away_nothing_is_put_nothing_is_found_and_nothing_raises() -> None:
    with ValkeyServer() as server:
        async with AsyncExitStack() as stack:
            replicas = Replicas(server, stack)
            spill = await replicas.join()
            await spill.put(some(2))
            taken = await spill.next()
            server.kill()
            await spill.done(taken)
            assert not await spill.put(some(1))
            assert await spill.next() == ()
            spill.start_over()
    assert replicas.unreadable == []


async def test_a_store_that_was_never_there_is_no_reason_to_wait() -> None:
    with ValkeyServer() as server:
        server.kill()
        async with AsyncExitStack() as stack:
            spill = await Replicas(server, stack).join()
            assert not await spill.put(some(1))
            assert await spill.next() == ()


async def test_a_store_that_turns_read_only_hands_nothing_out_again_and_again(
    servers: dict[str, ValkeyServer],
) -> None:
    """After a failover the link may still be with the one that is a replica now."""
    server = servers["valkey"]
    server.command("FLUSHALL")
    async with AsyncExitStack() as stack:
        replicas = Replicas(server, stack)
        spill = await replicas.join()
        await spill.put(some(1))
        server.command("REPLICAOF", "127.0.0.1", "1")
        try:
            handed_out: Sequence[UsageRecord] = await spill.next()
            await spill.done(handed_out)
            assert await spill.next() == ()
        finally:
            server.command("REPLICAOF", "NO", "ONE")
        assert replicas.length == 1


async def test_without_a_shared_store_nothing_is_taken() -> None:
    spill = NoSpill()
    assert not await spill.put(some(1))
    assert await spill.next() == ()
    await spill.done(())
    spill.start_over()
