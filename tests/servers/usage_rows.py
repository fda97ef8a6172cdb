"""The ledger as whoever pays reads it: rows of `usage_records`, by plain SQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

Row = Mapping[str, Any]


def usage_rows(database_url: str) -> Sequence[Row]:
    """All of them, oldest first."""
    engine = create_engine(database_url, poolclass=NullPool)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT * FROM usage_records ORDER BY time"))
        return [dict(each._mapping) for each in found]
