"""Connections to the ledger's database, PostgreSQL's or SQLite's. Opens none before it is used."""

import sqlite3
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, Dialect

from gateway.adapters.ledger import url as urls
from gateway.adapters.ledger.patience import arguments_of

BUSY_SECONDS = 5.0
"""How long SQLite waits for another process to end its transaction."""
BEGIN = "sqlite_begin"
"""Execution option: how SQLite begins. `IMMEDIATE` for who reads first and then writes: else
somebody may write in between, and it fails at once."""

LOG_PAGES = 4_000
"""Of 4 KiB, in SQLite's log before they go into the file: a page that changes often goes once."""


def open_engine(database_url: str, password: str | None = None) -> Engine:
    """An engine for the ledger's thread and that of keys. Raises url.BadDatabaseUrl.

    Does not connect.
    """
    url = urls.read(database_url, password)
    if urls.sqlite_file(url) is not None:
        return _sqlite(url)
    return _postgresql(url)


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url,
        pool_size=2,
        max_overflow=0,
        # A round trip for each batch, so that a restarted server costs none.
        pool_pre_ping=True,
        connect_args=arguments_of(url),
        hide_parameters=True,
    )
    event.listen(engine, "do_connect", _connect_patiently)
    return engine


def _connect_patiently(
    dialect: Dialect, record: object, arguments: list[Any], options: dict[str, Any]
) -> Any:
    from gateway.adapters.ledger.patient_connection import PatientConnection

    return PatientConnection.connect(*arguments, **options)


def _sqlite(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, record: object) -> None:
    # The driver begins nothing by itself: it would for an INSERT, not for a change of a table.
    connection.isolation_level = None
    # With a log beside the file those who read and the one who writes do not wait for each other.
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = NORMAL").close()
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}").close()


def _begin_sqlite(connection: Connection) -> None:
    kind = connection.get_execution_options().get(BEGIN, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {kind}")
