"""What is done to callers' keys in the database, each in one transaction.

Each takes the next numbers first, and so waits for whoever else is at it: what has a lower number
is there when it goes on. On SQLite that is BEGIN IMMEDIATE's work.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, select, update

from gateway.adapters.ledger.engine import BEGIN
from gateway.adapters.ledger.key_rows import row_of, seconds_of
from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.tables import api_keys, key_changes, usage_records
from gateway.domain.stored_keys import StoredKey
from gateway.ports.keys import KeyIdTaken

RECORDS = 5_000
"""Renamed in one transaction, so that nobody waits long for it."""


def add(engine: Engine, key: StoredKey) -> None:
    """Keep a new key. Raises KeyIdTaken."""
    with _writing(engine) as connection, connection.begin():
        number = _next_number(connection)
        if _rows(connection, key.id):
            raise KeyIdTaken(key.id)
        _insert(connection, key, number)


def revoke(engine: Engine, key_id: str, by: str, now: float) -> int:
    """Take back all keys with this id; how many were not revoked yet."""
    with _writing(engine) as connection, connection.begin():
        # Before the look at what there is, as for every change.
        number = _next_number(connection)
        digests = [row.sha256 for row in _rows(connection, key_id) if row.revoked_at is None]
        _change(connection, number, digests, _revoked(by, now))
        return len(digests)


def rotate(engine: Engine, new: StoredKey, by: str, now: float, keep_until: float | None) -> int:
    """Keep a new key beside those of its id, which end then, or now; how many do."""
    with _writing(engine) as connection, connection.begin():
        number = _next_number(connection)
        rows = [row for row in _rows(connection, new.id) if row.revoked_at is None]
        if not rows:
            return 0
        for row in rows:
            number = _change(connection, number, [row.sha256], _ending(row, by, now, keep_until))
        _insert(connection, new, number)
        return len(rows)


def erase(engine: Engine, key_id: str, name: str, by: str) -> int:
    """Take from keys that were revoked who it was; how many."""
    with _writing(engine) as connection, connection.begin():
        number = _next_number(connection)
        digests = [row.sha256 for row in _rows(connection, key_id)]
        values = {"id": name, "owner": "", "created_by": "", "revoked_by": by}
        _change(connection, number, digests, values)
        return len(digests)


def rename_records(engine: Engine, key_id: str, name: str) -> int:
    """Give some of the records of one id another one; how many, less than RECORDS with the last."""
    records = usage_records.c
    some = select(records.request_id).where(records.key_id == key_id).limit(RECORDS)
    renamed = update(usage_records).where(records.request_id.in_(some)).values(key_id=name)
    with _writing(engine) as connection, connection.begin():
        return connection.execute(renamed).rowcount


# --- parts ------------------------------------------------------------------------------------


def _writing(engine: Engine) -> Connection:
    return engine.connect().execution_options(**{BEGIN: "IMMEDIATE"})


def _next_number(connection: Connection) -> int:
    column = key_changes.c.number
    found = connection.execute(update(key_changes).values(number=column + 1).returning(column))
    number: int = found.scalar_one()
    return number


def _rows(connection: Connection, key_id: str) -> Sequence[Any]:
    columns = (api_keys.c.sha256, api_keys.c.expires_at, api_keys.c.revoked_at)
    asked = select(*columns).where(api_keys.c.id == key_id).order_by(api_keys.c.change_number)
    return connection.execute(asked).all()


def _insert(connection: Connection, key: StoredKey, number: int) -> None:
    connection.execute(api_keys.insert().values(row_of(key, number)))


def _change(
    connection: Connection, number: int, digests: Sequence[str], values: dict[str, Any]
) -> int:
    """Change these rows, each under a number of its own, of which one was taken; the next one."""
    for digest in digests:
        changed = update(api_keys).where(api_keys.c.sha256 == digest)
        connection.execute(changed.values(**values, change_number=number))
        number = _next_number(connection)
    return number


def _revoked(by: str, now: float) -> dict[str, Any]:
    return {"revoked_at": moment(now), "revoked_by": by}


def _ending(row: Any, by: str, now: float, keep_until: float | None) -> dict[str, Any]:
    """What becomes of a key that is replaced."""
    if keep_until is None:
        return _revoked(by, now)
    own = seconds_of(row.expires_at)
    return {"expires_at": moment(keep_until if own is None else min(own, keep_until))}
