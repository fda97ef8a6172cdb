"""One runner: brings the schema to this version's, and removes records that are too old.

Whoever comes first does it, the others wait or leave it to that one. Versions N-1 and N of the
program serve together: a revision only adds what the version before can do without, and a
database of a newer version is used as it is.
"""

from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, inspect, select, text

from gateway.adapters.ledger.engine import BEGIN
from gateway.adapters.ledger.lock import one_runner
from gateway.adapters.ledger.rows import moment
from gateway.adapters.ledger.tables import usage_records
from gateway.domain.usage.schema import Schema

REVISION = "0002"
"""The latest of migrations/versions."""
VERSIONS = (Path(__file__).parent / "migrations" / "versions",)
RUNNER_SECONDS = 60.0
"""How long to wait for another one that upgrades."""
CHUNK = 5_000
"""Records removed in one transaction, so that nobody waits long for it."""


def upgrade(
    engine: Engine, versions: Sequence[Path] = VERSIONS, longest_wait: float = RUNNER_SECONDS
) -> Schema:
    """Bring the schema up to this version's, if need be; how it is now.

    Raises TimeoutError when another one has held the lock for all of the longest wait.
    """
    with engine.connect().execution_options(**{BEGIN: "IMMEDIATE"}) as connection:
        if versions is VERSIONS and _is_current(connection):
            return Schema.CURRENT
        # Not loaded where there is nothing to do: it takes a third of the gateway's start.
        from gateway.adapters.ledger import revisions

        config = revisions.config_of(versions)
        found = revisions.look(connection, config)
        if found is not None:
            return found
        with one_runner(connection, longest_wait) as is_ours:
            if not is_ours:
                raise TimeoutError
            return revisions.look(connection, config) or revisions.upgrade(connection, config)


def remove_some(engine: Engine, before: float) -> int | None:
    """Remove a chunk of the records from before this time, seconds since the epoch.

    How many those were; less than CHUNK: no more are left. None: another one is at it.
    """
    records = usage_records.c
    old = select(records.request_id).where(records.time < moment(before)).order_by(records.time)
    with engine.connect() as connection, one_runner(connection, 0.0) as is_ours:
        if not is_ours:
            return None
        with connection.begin():
            return connection.execute(
                delete(usage_records).where(records.request_id.in_(old.limit(CHUNK)))
            ).rowcount


def _is_current(connection: Connection) -> bool:
    with connection.begin():
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.execute(text("SELECT version_num FROM alembic_version"))
        return found.scalars().all() == [REVISION]
