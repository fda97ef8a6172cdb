"""Inserts usage records into PostgreSQL's table.

They travel as one JSON text, which costs this process a tenth of what rows of parameters would:
the server takes it apart.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    JSON,
    Column,
    ColumnElement,
    Connection,
    Double,
    Text,
    bindparam,
    cast,
    column,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from gateway.adapters.ledger.rows import moment, storable
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.usage.record import UsageRecord

ROWS = 1_000
"""In one statement: encoding them keeps the interpreter for some 0.5 ms."""

_encode = msgspec.json.Encoder().encode
_defaults = {field.name: field.default for field in msgspec.structs.fields(UsageRecord)}


def insert(connection: Connection, records: Sequence[UsageRecord]) -> None:
    """Keep those that are not there. Raises ValueError and OverflowError for what is in them."""
    for start in range(0, len(records), ROWS):
        some = [_sendable(record) for record in records[start : start + ROWS]]
        connection.exec_driver_sql(
            _statement(connection.dialect), {"records": _encode(some).decode()}
        )


def _sendable(record: UsageRecord) -> UsageRecord:
    # JSON has no word for some numbers that are no time; they would arrive as nothing.
    moment(record.time)
    return storable(record)


@lru_cache(1)
def _statement(dialect: Dialect) -> str:
    """Written out once: SQLAlchemy would look at all of it again for each batch."""
    columns = usage_records.columns
    text = cast(bindparam("records", type_=Text), JSON)
    types = [column(each.name, _sent_type(each)) for each in columns]
    sent = func.json_to_recordset(text).table_valued(*types).render_derived("sent", True)
    rows = select(*(_kept(each.name, sent.c[each.name]) for each in columns))
    statement = postgresql.insert(usage_records).from_select([each.name for each in columns], rows)
    once = statement.on_conflict_do_nothing(index_elements=["request_id"])
    return str(once.compile(dialect=dialect))


def _sent_type(kept: Column[Any]) -> Any:
    return Double() if kept.name == "time" else kept.type


def _kept(name: str, sent: ColumnElement[Any]) -> ColumnElement[Any]:
    """What is kept: fields that have their defaults are left out of what is sent."""
    if name == "time":
        return func.to_timestamp(sent)
    default = _defaults[name]
    if default is msgspec.NODEFAULT or default is None:
        return sent
    return func.coalesce(sent, literal_column(repr(default)))
