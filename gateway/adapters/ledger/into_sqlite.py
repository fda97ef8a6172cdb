"""Inserts usage records into SQLite's table.

Many rows a statement: the library lets go of the interpreter's lock for each statement, and every
time it takes it back it stands in the way of the requests.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from msgspec.structs import astuple
from sqlalchemy import Connection

from gateway.adapters.ledger.rows import moment, storable
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.usage.record import UsageRecord

ROWS = 200
"""In one statement: its parameters keep the interpreter for some 0.6 ms."""
FIELDS = UsageRecord.__struct_fields__
WIDTH = len(FIELDS)
TIME, STREAM, IS_PARTIAL = map(FIELDS.index, ("time", "stream", "is_partial"))
SECONDS = 600
"""So many are known as texts; records come nearly in the order of their times."""


def insert(connection: Connection, records: Sequence[UsageRecord]) -> None:
    """Keep those that are not there. Raises ValueError and OverflowError for what is in them."""
    for start in range(0, len(records), ROWS):
        values = tuple(_values(records[start : start + ROWS]))
        if len(values) == ROWS * WIDTH and _are_new(connection, values):
            continue
        rows = [values[at : at + WIDTH] for at in range(0, len(values), WIDTH)]
        connection.exec_driver_sql(_ONE, rows)


def time_text(seconds: float) -> str:
    """A time as SQLAlchemy writes and reads it in SQLite: in UTC, without saying so.

    Raises ValueError or OverflowError.
    """
    second, part = divmod(seconds, 1.0)
    microseconds = round(part * 1_000_000)
    if microseconds == 1_000_000:
        second, microseconds = second + 1.0, 0
    return f"{_second_text(second)}.{microseconds:06d}"


@lru_cache(SECONDS)
def _second_text(seconds: float) -> str:
    return moment(seconds).replace(tzinfo=None).isoformat(" ", "seconds")


def _values(records: Sequence[UsageRecord]) -> list[Any]:
    """Row after row, column by column changed where SQLite keeps something else."""
    values: list[Any] = list(chain.from_iterable(map(astuple, map(storable, records))))
    values[TIME::WIDTH] = map(time_text, values[TIME::WIDTH])
    # The driver would look for somebody who adapts a truth value.
    for column in (STREAM, IS_PARTIAL):
        values[column::WIDTH] = map(int, values[column::WIDTH])
    return values


def _are_new(connection: Connection, values: tuple[Any, ...]) -> bool:
    """Whether that many rows are kept now. Those that are not are there, or break a constraint."""
    return connection.exec_driver_sql(_MANY, values).rowcount == ROWS


def _insert(verb: str, rows: int) -> str:
    row = f"({', '.join('?' * WIDTH)})"
    names = ", ".join(FIELDS)
    return f"{verb} INTO {usage_records.name} ({names}) VALUES {', '.join([row] * rows)}"


_ONE = f"{_insert('INSERT', 1)} ON CONFLICT (request_id) DO NOTHING"
# A fifth cheaper, but passes over what breaks a constraint: so what it leaves out is tried by the
# other one.
_MANY = _insert("INSERT OR IGNORE", ROWS)
