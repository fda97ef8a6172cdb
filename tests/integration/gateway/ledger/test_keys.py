"""Callers' keys in real databases: many at once, many of them, and what forgetting leaves."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from gateway.adapters.ledger import key_changes, sums
from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.domain.api_keys import Rate
from gateway.domain.budgets.budget import Budget
from gateway.domain.budgets.period import Period
from gateway.domain.usage.report import Question
from gateway.keys import Keys
from gateway.ports.usage import LedgerDown
from tests.fakes.key_events import RecordedKeyEvents
from tests.fakes.ledger_records import NOON, a_record
from tests.fakes.stored_keys import a_stored_key, fill
from tests.servers.quiet_ports import quiet_ports
from tests.servers.usage_rows import usage_rows

pytestmark = pytest.mark.anyio

MANY = 50_000


@pytest.fixture
async def ledgers(url: str) -> AsyncIterator[list[SqlLedger]]:
    """Of four processes."""
    async with AsyncExitStack() as stack:
        made = [SqlLedger(url) for _ in range(4)]
        for ledger in made:
            stack.push_async_callback(ledger.close)
        await made[0].prepare()
        yield made


async def test_numbers_are_seen_in_their_order_whoever_writes(ledgers: list[SqlLedger]) -> None:
    reader, *writers = ledgers
    seen: list[str] = []
    total = 40 * len(writers)

    async def write(name: int, ledger: SqlLedger) -> None:
        for number in range(40):
            await ledger.keys().add(a_stored_key(id=f"{name}-{number}"))

    async def read() -> None:
        number = 0
        async with asyncio.timeout(60):
            while len(seen) < total:
                changes = await reader.keys().changed_since(number)
                number = changes.number
                seen.extend(key.id for key in changes.keys)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        for name, ledger in enumerate(writers):
            tasks.create_task(write(name, ledger))
    # Each once: a number that became visible late would be one that is never read.
    assert len(seen) == len(set(seen)) == total


async def test_of_many_who_want_an_id_one_gets_it(ledgers: list[SqlLedger]) -> None:
    # All connected, so that they come at once.
    await asyncio.gather(*(ledger.keys().list() for ledger in ledgers))
    for key_id in map(str, range(20)):
        wanted = [ledger.keys().add(a_stored_key(id=key_id)) for ledger in ledgers]
        found = await asyncio.gather(*wanted, return_exceptions=True)

        assert sum(each is None for each in found) == 1
        assert len(await ledgers[0].keys().named(key_id)) == 1


@pytest.mark.slow
async def test_fifty_thousand_keys_are_read_in_no_time(url: str, ledgers: list[SqlLedger]) -> None:
    budget = Budget(Period.MONTH, tokens=1)
    keys = [
        a_stored_key(owner="Jo", expires_at=NOON, rate=Rate(1, 2), budget=budget)
        for _ in range(MANY)
    ]
    fill(url, keys)
    known = Keys({}, ledgers[1].keys(), lambda _: None, RecordedKeyEvents(), lambda: 0.5)

    begun = time.monotonic()
    assert await known.refresh()
    seconds = time.monotonic() - begun
    assert known.find(keys[-1].sha256) is not None
    print(f"{MANY} keys in {seconds:.2f} s")


async def test_forgetting_renames_records_and_keeps_their_sums(
    url: str, ledgers: list[SqlLedger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_changes, "RECORDS", 10)
    await ledgers[0].keys().add(a_stored_key(id="jo.doe", owner="Jo"))
    await ledgers[0].add([a_record(key_id="jo.doe") for _ in range(35)])
    await ledgers[0].add([a_record(key_id="other")])
    before = await ledgers[0].key_spending("jo.doe", NOON, NOON + 1)

    done = await ledgers[1].keys().forget("jo.doe", "forgotten-1", "root", NOON)
    assert done is not None
    assert (done.keys, done.records) == (1, 35)
    assert await ledgers[0].key_spending("forgotten-1", NOON, NOON + 1) == before
    assert {row["key_id"] for row in usage_rows(url)} == {"forgotten-1", "other"}


async def test_records_that_come_late_are_forgotten_by_doing_it_again(
    url: str, ledgers: list[SqlLedger]
) -> None:
    await ledgers[0].keys().add(a_stored_key(id="a"))
    await ledgers[0].keys().forget("a", "forgotten-1", "root", NOON)
    await ledgers[0].add([a_record(key_id="a")])

    done = await ledgers[0].keys().forget("a", "forgotten-2", "root", NOON)
    assert done is not None
    assert (done.keys, done.records) == (0, 1)
    assert {row["key_id"] for row in usage_rows(url)} == {"forgotten-2"}


async def test_a_database_that_is_not_there_is_said_so_by_every_method() -> None:
    ledger = SqlLedger(f"postgresql://u@127.0.0.1:{quiet_ports(1)[0]}/db")
    store = ledger.keys()
    for asked in (
        store.prepare(),
        store.changed_since(0),
        store.named("a"),
        store.list(),
        store.add(a_stored_key()),
        store.revoke("a", "b", NOON),
        store.rotate(a_stored_key(), "b", NOON, None),
        store.forget("a", "b", "c", NOON),
        store.rename_records("a", "b"),
    ):
        with pytest.raises(LedgerDown, match=r"^OperationalError$"):
            await asked
    await ledger.close()


async def test_a_revocation_does_not_wait_for_a_report(
    ledgers: list[SqlLedger], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, enough = threading.Event(), threading.Event()

    def endless(*_: object) -> tuple[()]:
        begun.set()
        assert enough.wait(60)
        return ()

    monkeypatch.setattr(sums, "report", endless)
    key = a_stored_key()
    await ledgers[1].keys().add(key)
    reporting = asyncio.create_task(ledgers[0].report(Question(NOON, NOON + 1, ())))
    assert await asyncio.to_thread(begun.wait, 60)
    try:
        async with asyncio.timeout(30):
            await ledgers[1].keys().revoke(key.id, "root", NOON)
            found = await ledgers[0].keys().changed_since(0)
        assert [each.is_revoked for each in found.keys] == [True]
        assert not reporting.done()
    finally:
        enough.set()
        await reporting
