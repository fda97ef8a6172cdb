"""The ledger's parts put together: what is opened, what is refused, and the order of the end."""

import logging
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.journal.segments import lives
from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.shared_state import State, state_of
from gateway.bookkeeping import Books, books_of
from gateway.database import ledger_of
from gateway.domain.usage.record import UsageRecord
from gateway.ports.usage import LedgerDown
from gateway.settings.document import Settings
from runtime.clock import SystemClock
from runtime.configuration import ConfigurationError
from tests.fakes.store_events import FakeStoreEvents
from tests.fakes.usage_records import a_beginning, a_record
from tests.servers.usage_rows import usage_rows
from tests.unit.gateway.settings.documents import read

pytestmark = pytest.mark.anyio


def settings_in(directory: Path, **usage: Any) -> Settings:
    return read(
        directory,
        usage={
            "database_url": f"sqlite:///{directory}/usage.db",
            "journal_dir": str(directory / "journal"),
            **usage,
        },
    )


def alone() -> State:
    return state_of(None, "test", 15.0, SystemClock(), lambda: 0.0, FakeStoreEvents())


def events() -> LoggedEvents:
    return LoggedEvents(PrometheusEvents())


def write(books: Books, *records: UsageRecord) -> None:
    for record in records:
        books.journal.begun(a_beginning(record.request_id))
        books.journal.ended(record)


def ids(directory: Path) -> list[str]:
    return [row["request_id"] for row in usage_rows(f"sqlite:///{directory}/usage.db")]


async def test_at_the_end_all_is_in_the_ledger_and_no_file_of_the_journal_is_left(
    tmp_path: Path,
) -> None:
    """What is written down up to the last moment is shipped: nothing is closed before."""
    async with books_of(settings_in(tmp_path), alone(), SystemClock(), events()) as books:
        write(books, a_record("a"), a_record("b"))
    assert ids(tmp_path) == ["a", "b"]
    assert list((tmp_path / "journal").iterdir()) == []
    with pytest.raises(LedgerDown):
        await books.ledger.key_spending("bot", 0.0, 1.0)


async def test_so_it_is_when_the_block_fails(tmp_path: Path) -> None:
    async def fail() -> None:
        async with books_of(settings_in(tmp_path), alone(), SystemClock(), events()) as books:
            write(books, a_record("a"))
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await fail()
    assert ids(tmp_path) == ["a"]


async def test_what_has_no_end_yet_is_left_for_the_next_one(tmp_path: Path) -> None:
    """Else a request that the end of the process cut off would have no record at all."""
    settings = settings_in(tmp_path)
    async with books_of(settings, alone(), SystemClock(), events()) as books:
        books.journal.begun(a_beginning("under way"))
        write(books, a_record("ended"))
    assert ids(tmp_path) == ["ended"]
    async with books_of(settings, alone(), SystemClock(), events()):
        pass
    outcomes = [row["outcome"] for row in usage_rows(settings.usage.database_url)]
    assert (sorted(ids(tmp_path)), sorted(outcomes)) == (
        ["ended", "under way"],
        ["complete", "crashed"],
    )
    assert list((tmp_path / "journal").iterdir()) == []


async def test_with_the_ledger_away_the_journal_stays_and_the_next_one_ships_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = settings_in(tmp_path, database_url="postgresql://u:canary@127.0.0.1:1/usage")
    with caplog.at_level(logging.DEBUG):
        async with books_of(nowhere, alone(), SystemClock(), events()) as books:
            write(books, a_record("a"))
    assert "they are in the journal only" in caplog.text
    assert "canary" not in caplog.text
    assert len(lives(tmp_path / "journal")) == 1
    async with books_of(settings_in(tmp_path), alone(), SystemClock(), events()):
        pass
    assert ids(tmp_path) == ["a"]
    assert list((tmp_path / "journal").iterdir()) == []


async def test_a_file_is_for_one_gateway_and_free_again_when_that_ends(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    async with books_of(settings, alone(), SystemClock(), events()):
        with pytest.raises(ConfigurationError, match="a SQLite file is for one gateway"):
            async with books_of(settings, alone(), SystemClock(), events()):
                pass
        assert len(list((tmp_path / "journal").glob("*.lock"))) == 1, "the second left nothing"
    async with books_of(settings, alone(), SystemClock(), events()):
        pass


async def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = settings_in(tmp_path, journal_dir=str(tmp_path / "file" / "journal"))
    with pytest.raises(ConfigurationError, match=r"usage.journal_dir: cannot be written: .*"):
        async with books_of(settings, alone(), SystemClock(), events()):
            pass
    async with books_of(settings_in(tmp_path), alone(), SystemClock(), events()):
        pass


async def test_the_databases_password_is_read_from_its_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("canary\n")
    url = "postgresql://gateway@127.0.0.1:1/usage"
    usage = settings_in(tmp_path, database_url=url, database_password_file=str(file)).usage
    ledger = ledger_of(usage)
    assert ledger._engine.url.password == "canary"
    assert "canary" not in f"{usage!r} {ledger._engine!r} {ledger!r}"
    await ledger.close()
