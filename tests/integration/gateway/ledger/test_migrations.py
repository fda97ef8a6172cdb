"""The schema's changes: one runner for the fleet, and two versions of the program side by side."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, func, select, text

from gateway.adapters.ledger import runner
from gateway.adapters.ledger.engine import open_engine
from gateway.adapters.ledger.lock import one_runner
from gateway.adapters.ledger.runner import VERSIONS, upgrade
from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.adapters.ledger.tables import metadata, usage_records
from gateway.domain.usage.record import UsageRecord
from gateway.domain.usage.report import Question
from gateway.domain.usage.schema import Schema
from gateway.ports.usage import LedgerDown
from tests.fakes.ledger_records import NOON, a_record
from tests.fakes.stored_keys import a_stored_key

pytestmark = pytest.mark.anyio

NEXT = '''
"""What the version after this one might add: a column with a default, and one without."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade():
    op.add_column("usage_records", sa.Column("region", sa.Text, server_default="", nullable=False))
    op.add_column("usage_records", sa.Column("watts", sa.Double))
'''


@pytest.fixture
def engines(url: str) -> Iterator[list[Engine]]:
    """Of two processes."""
    with ExitStack() as stack:
        made = [open_engine(url), open_engine(url)]
        for engine in made:
            stack.callback(engine.dispose)
        yield made


@pytest.fixture
def first_version(tmp_path: Path) -> tuple[Path, ...]:
    """The revisions of the version that knows no keys."""
    directory = tmp_path / "first"
    directory.mkdir()
    name = "r0001_usage_records.py"
    (directory / name).write_text((VERSIONS[0] / name).read_text())
    return (directory,)


@pytest.fixture
def next_versions(tmp_path: Path) -> tuple[Path, ...]:
    """The revisions of version N+1."""
    directory = tmp_path / "100% next"
    directory.mkdir()
    (directory / "r0003.py").write_text(NEXT)
    return (*VERSIONS, directory)


def insert_as_next(engine: Engine, record: UsageRecord) -> None:
    """What version N+1 inserts."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO usage_records SELECT 'next-' || request_id, time, key_id, group_id, "
                "endpoint, outcome, caller_request_id, served_group_id, account_id, platform, "
                "requested_model, served_model, initiator, initiator_rule, stream, status, fault, "
                "is_partial, input_tokens, output_tokens, cached_tokens, cache_write_tokens, "
                "reasoning_tokens, nano_aiu, credits_source, premium_multiplier, attempts, "
                "first_byte_seconds, duration_seconds, 'eu', 0.5 FROM usage_records "
                "WHERE request_id = :id"
            ),
            {"id": record.request_id},
        )


def count(engine: Engine) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(usage_records)) or 0


def test_the_revisions_make_the_table_this_version_knows(engines: list[Engine]) -> None:
    assert upgrade(engines[0]) is Schema.UPGRADED

    with engines[1].connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    assert upgrade(engines[1]) is Schema.CURRENT


def test_a_revision_that_fails_leaves_all_as_it_was(engines: list[Engine], tmp_path: Path) -> None:
    upgrade(engines[0])
    (tmp_path / "r0003.py").write_text(NEXT + '    raise OSError("in the middle")\n')

    with pytest.raises(OSError, match="in the middle"):
        upgrade(engines[0], (*VERSIONS, tmp_path))
    assert upgrade(engines[1]) is Schema.CURRENT
    with engines[1].connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


async def test_of_many_who_come_at_once_one_upgrades(url: str) -> None:
    ledgers = [SqlLedger(url) for _ in range(5)]
    found = await asyncio.gather(*(ledger.upgrade() for ledger in ledgers))
    for ledger in ledgers:
        await ledger.close()

    assert sorted(each.value for each in found) == ["current"] * 4 + ["upgraded"]


def test_who_comes_while_another_upgrades_waits_so_long_and_no_longer(
    engines: list[Engine],
) -> None:
    with engines[0].connect() as connection, one_runner(connection, 0.0) as is_ours:
        assert is_ours
        with pytest.raises(TimeoutError):
            upgrade(engines[1], longest_wait=0.2)

    assert upgrade(engines[1], longest_wait=0.2) is Schema.UPGRADED


def test_the_lock_is_free_after_whatever_happened_under_it(engines: list[Engine]) -> None:
    with pytest.raises(ZeroDivisionError):
        with engines[0].connect() as connection, one_runner(connection, 0.0):
            raise ZeroDivisionError

    with engines[1].connect() as connection, one_runner(connection, 0.0) as is_ours:
        assert is_ours


def test_who_need_not_upgrade_does_not_wait_for_who_does(engines: list[Engine]) -> None:
    upgrade(engines[0])
    with engines[0].connect() as connection, one_runner(connection, 0.0):
        assert upgrade(engines[1], longest_wait=0.0) is Schema.CURRENT


# --- version N on the database of version N+1 ---------------------------------------------------


async def test_this_version_works_on_the_next_ones_database(
    url: str, engines: list[Engine], next_versions: tuple[Path, ...]
) -> None:
    assert upgrade(engines[0], next_versions) is Schema.UPGRADED
    ledger = SqlLedger(url)

    assert await ledger.upgrade() is Schema.NEWER
    record = a_record()
    await ledger.add([record, a_record(nano_aiu=None), record])
    insert_as_next(engines[0], record)
    (line,) = await ledger.report(Question(NOON, NOON + 1, ("key",)))
    assert line.requests == (await ledger.key_spending("ci-bot", NOON, NOON + 1)).requests == 3
    assert await ledger.remove_before(NOON + 1) == 3
    await ledger.close()
    assert upgrade(engines[0], next_versions) is Schema.CURRENT


async def test_both_versions_write_while_the_next_one_upgrades(
    url: str, engines: list[Engine], next_versions: tuple[Path, ...]
) -> None:
    ledger = SqlLedger(url)
    await ledger.prepare()
    first = a_record()
    await ledger.add([first])
    batches = 40
    halfway = asyncio.Event()

    async def write_as_this() -> None:
        for number in range(batches):
            await ledger.add([a_record() for _ in range(10)])
            if number == batches // 2:
                halfway.set()

    async def come_as_next() -> None:
        await halfway.wait()
        assert await asyncio.to_thread(upgrade, engines[0], next_versions) is Schema.UPGRADED
        insert_as_next(engines[0], first)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write_as_this())
        tasks.create_task(come_as_next())

    assert await ledger.upgrade() is Schema.NEWER
    await ledger.close()
    assert count(engines[1]) == batches * 10 + 2
    assert ledger.refused == 0


# --- the version before keys were in the database, and this one ---------------------------------


async def test_the_first_version_works_on_this_ones_database(
    url: str, engines: list[Engine], first_version: tuple[Path, ...]
) -> None:
    ledger = SqlLedger(url)
    await ledger.prepare()
    await ledger.keys().add(a_stored_key(id="a"))

    assert upgrade(engines[1], first_version) is Schema.NEWER
    # Of the ledger's methods none asks for a table that the first version did not have.
    await ledger.add([a_record(), a_record()])
    assert (await ledger.key_spending("ci-bot", NOON, NOON + 1)).requests == 2
    assert await ledger.remove_before(NOON + 1) == 2
    assert [key.id for key in await ledger.keys().list()] == ["a"]
    await ledger.close()


async def test_the_first_versions_database_is_upgraded_while_it_is_written_to(
    url: str, engines: list[Engine], first_version: tuple[Path, ...]
) -> None:
    assert upgrade(engines[0], first_version) is Schema.UPGRADED
    old, new = SqlLedger(url), SqlLedger(url)
    batches = 40
    halfway = asyncio.Event()

    async def write_as_first() -> None:
        for number in range(batches):
            await old.add([a_record() for _ in range(10)])
            if number == batches // 2:
                halfway.set()

    async def come_as_this() -> None:
        with pytest.raises(LedgerDown):
            await new.keys().changed_since(0)
        await halfway.wait()
        await new.keys().prepare()
        await new.keys().add(a_stored_key(id="a"))

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(write_as_first())
        tasks.create_task(come_as_this())

    assert await new.upgrade() is Schema.CURRENT
    assert [key.id for key in (await new.keys().changed_since(0)).keys] == ["a"]
    assert count(engines[1]) == batches * 10
    assert old.refused == 0
    for ledger in (old, new):
        await ledger.close()


async def test_a_constraint_of_another_version_gives_no_record_up(
    url: str, engines: list[Engine], tmp_path: Path
) -> None:
    upgrade(engines[0])
    with engines[0].begin() as connection:
        connection.execute(text("CREATE UNIQUE INDEX wrong ON usage_records (key_id)"))
    ledger = SqlLedger(url)

    with pytest.raises(LedgerDown, match=r"^(IntegrityError|UniqueViolation)$"):
        await ledger.add([a_record(), a_record()])
    assert ledger.refused == 0
    await ledger.close()


# --- retention --------------------------------------------------------------------------------


async def test_records_are_removed_by_one_at_a_time(url: str, engines: list[Engine]) -> None:
    ledger = SqlLedger(url)
    await ledger.prepare()
    await ledger.add([a_record()])

    with engines[0].connect() as connection, one_runner(connection, 0.0):
        assert await ledger.remove_before(NOON + 1) is None
        await ledger.purge(NOON + 1)
    assert count(engines[1]) == 1
    assert await ledger.remove_before(NOON + 1) == 1
    await ledger.close()


async def test_what_comes_meanwhile_is_kept(
    url: str, engines: list[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "CHUNK", 10)
    ledgers = [SqlLedger(url) for _ in range(3)]
    await ledgers[0].prepare()
    await ledgers[0].add([a_record(time=NOON - 1) for _ in range(200)])

    async with asyncio.TaskGroup() as tasks:
        removing = [tasks.create_task(each.remove_before(NOON)) for each in ledgers[:2]]
        for ledger in ledgers[1:]:
            tasks.create_task(ledger.add([a_record() for _ in range(30)]))

    assert sum(each.result() or 0 for each in removing) == 200
    assert count(engines[0]) == 60
    for ledger in ledgers:
        await ledger.close()
