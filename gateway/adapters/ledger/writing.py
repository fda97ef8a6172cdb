"""Puts records into the table: all of a batch in one transaction, each of them once."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Engine, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DataError, DBAPIError, StatementError

from gateway.adapters.ledger.rows import row_of
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.usage.record import UsageRecord

INSERTS: dict[str, Callable[[Table], sqlite.Insert | postgresql.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
BAD_VALUES = (DataError, StatementError, ValueError, OverflowError)
"""What a value is to blame for. A constraint is not among them: this version fulfils those of its
own schema, and one of another version's is no reason to give records up."""

T = TypeVar("T")


def add(engine: Engine, records: Sequence[UsageRecord]) -> int:
    """Keep these; how many the database refuses, which are left out. Raises SQLAlchemyError."""
    insert = INSERTS[engine.dialect.name](usage_records)
    statement = insert.on_conflict_do_nothing(index_elements=["request_id"])

    def keep(some: Sequence[UsageRecord]) -> None:
        rows = list(map(row_of, some))
        with engine.begin() as connection:
            connection.execute(statement, rows)

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
