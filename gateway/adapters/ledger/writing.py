"""Puts records into the table: all of a batch in one transaction, each of them once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from gateway.adapters.ledger import into_postgresql, into_sqlite
from gateway.domain.usage.record import UsageRecord

INSERTS: dict[str, Callable[[Connection, Sequence[UsageRecord]], None]] = {
    "postgresql": into_postgresql.insert,
    "sqlite": into_sqlite.insert,
}
BAD_VALUES = (DataError, StatementError, ValueError, OverflowError)
"""What a value is to blame for. A constraint is not among them: this version fulfils those of its
own schema, and one of another version's is no reason to give records up."""

T = TypeVar("T")


def add(engine: Engine, records: Sequence[UsageRecord]) -> int:
    """Keep these; how many the database refuses, which are left out. Raises SQLAlchemyError."""
    insert = INSERTS[engine.dialect.name]

    def keep(some: Sequence[UsageRecord]) -> None:
        with engine.begin() as connection:
            insert(connection, some)

    return keep_all_but_bad(records, keep)


def keep_all_but_bad(items: Sequence[T], keep: Callable[[Sequence[T]], None]) -> int:
    """Keep what can be kept, in halves where something is bad; how many cannot.

    keep: all or nothing; raises one of BAD_VALUES for what is bad, whatever else stops it all.
    """
    if not items:
        return 0
    try:
        keep(items)
    except BAD_VALUES as error:
        if _is_database_trouble(error):
            raise
    else:
        return 0
    if len(items) == 1:
        return 1
    middle = len(items) // 2
    return keep_all_but_bad(items[:middle], keep) + keep_all_but_bad(items[middle:], keep)


def _is_database_trouble(error: Exception) -> bool:
    """A StatementError is a bad value's unless the driver has raised it for another reason."""
    return isinstance(error, DBAPIError) and not isinstance(error, DataError)
