"""A PostgreSQL server that is not there, goes away, hangs, and comes back."""

import asyncio
import logging
import traceback
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.ledger.patient_connection import PatientConnection
from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.domain.usage.report import Question
from gateway.domain.usage.schema import Schema
from gateway.ports.usage import LedgerDown
from tests.fakes.ledger_records import NOON, a_record
from tests.servers.postgres_server import PostgresServer
from tests.servers.quiet_ports import quiet_ports

pytestmark = pytest.mark.anyio

CANARY = "canary-5f2c"


@pytest.fixture
async def ledger(postgres: PostgresServer) -> AsyncIterator[SqlLedger]:
    made = SqlLedger(postgres.create_database(), seconds=5.0)
    await made.prepare()
    await made.add([a_record()])
    yield made
    await made.close()


async def requests(ledger: SqlLedger) -> int:
    return (await ledger.key_spending("ci-bot", NOON, NOON + 1)).requests


async def test_a_server_that_is_not_there_is_said_so_by_every_method() -> None:
    ledger = SqlLedger(f"postgresql://u@127.0.0.1:{quiet_ports(1)[0]}/db")
    for asked in (
        ledger.prepare(),
        ledger.add([a_record()]),
        ledger.key_spending("a", 0, 1),
        ledger.group_spending("a", 0, 1),
        ledger.report(Question(0, 1, ())),
        ledger.purge(0),
    ):
        with pytest.raises(LedgerDown, match=r"^OperationalError$"):
            await asked
    assert ledger.refused == 0
    await ledger.close()


async def test_a_restarted_server_costs_no_call(
    ledger: SqlLedger, postgres: PostgresServer
) -> None:
    postgres.stop()
    postgres.start()

    await ledger.add([a_record()])
    assert await requests(ledger) == 2


async def test_what_failed_while_the_server_was_away_works_when_it_is_back(
    ledger: SqlLedger, postgres: PostgresServer
) -> None:
    batch = [a_record() for _ in range(50)]
    postgres.kill()
    with pytest.raises(LedgerDown):
        await ledger.add(batch)
    postgres.start()

    await ledger.add(batch)
    await ledger.add(batch)
    assert await requests(ledger) == 51


async def test_a_server_that_hangs_ends_at_the_deadline_and_what_it_had_taken_is_no_second_one(
    postgres: PostgresServer,
) -> None:
    ledger = SqlLedger(postgres.create_database(), seconds=0.3)
    await ledger.prepare()
    batch = [a_record() for _ in range(50)]
    postgres.pause()
    try:
        with pytest.raises(LedgerDown, match=r"^TimeoutError$"):
            await ledger.add(batch)
        with pytest.raises(LedgerDown, match=r"^TimeoutError$"):
            await requests(ledger)
    finally:
        postgres.resume()

    async with asyncio.timeout(5):
        while True:
            try:
                await ledger.add(batch)
                break
            except LedgerDown:
                continue
    assert await requests(ledger) == 50
    await ledger.close()


async def test_a_server_that_hangs_for_good_does_not_keep_the_thread(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqlLedger(f"{postgres.create_database()}?connect_timeout=2")
    await ledger.prepare()
    await ledger.add([a_record()])
    monkeypatch.setattr(PatientConnection, "longest_wait", 0.2)
    postgres.pause()
    try:
        with pytest.raises(LedgerDown, match=r"^ConnectionTimeout$"):
            await ledger.add([a_record()])
    finally:
        postgres.resume()

    assert await ledger.upgrade() is Schema.CURRENT
    assert await requests(ledger) == 1
    await ledger.close()


async def test_a_statement_that_takes_too_long_is_ended_by_the_server(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"{postgres.create_database()}?options=-c%20statement_timeout%3D100"
    ledger = SqlLedger(url)
    await ledger.prepare()
    database = url.partition("?")[0].rpartition("/")[2]
    await ledger.add([a_record()])
    postgres.execute(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN PERFORM pg_sleep(30); RETURN NEW; END'; "
        "CREATE TRIGGER slow BEFORE INSERT ON usage_records EXECUTE FUNCTION slow()",
        database,
    )

    with pytest.raises(LedgerDown, match=r"^QueryCanceled$"):
        await ledger.add([a_record()])
    postgres.execute("DROP TRIGGER slow ON usage_records", database)
    await ledger.add([a_record()])
    assert await requests(ledger) == 2
    await ledger.close()


async def test_no_error_quotes_a_password_or_a_record(
    postgres: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = postgres.create_database().replace("postgres@", f"postgres:{CANARY}@")
    nowhere = f"postgresql://u:{CANARY}@127.0.0.1:{quiet_ports(1)[0]}/db"
    for ledger in (SqlLedger(url), SqlLedger(nowhere), SqlLedger(nowhere, password=CANARY)):
        with pytest.raises(LedgerDown) as raised:
            await ledger.add([a_record(requested_model=CANARY)])
        assert CANARY not in "".join(traceback.format_exception(raised.value))
        assert CANARY not in repr(vars(ledger))
        await ledger.close()
    assert CANARY not in caplog.text


async def test_a_file_that_cannot_be_opened_is_down_too(tmp_path: Path) -> None:
    ledger = SqlLedger(f"sqlite:///{tmp_path}/missing/usage.db")
    with pytest.raises(LedgerDown, match=r"^OperationalError$"):
        await ledger.prepare()
    await ledger.close()
