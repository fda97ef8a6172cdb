"""Alembic's part: how the schema is, and how it becomes this version's. Imported by runner.py when
there may be something to do.
"""

from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gateway.adapters.ledger.patience import UPGRADE_SECONDS, long_statements
from gateway.domain.usage.schema import Schema

MIGRATIONS = Path(__file__).parent / "migrations"
TABLE_SECONDS = 10
"""For the table to be free of those who use it."""

_alembic = Lock()
"""What a revision calls, `alembic.op`, is one for the process."""


def config_of(versions: Sequence[Path]) -> Config:
    """Where the revisions are."""
    config = Config()
    settings = {
        "script_location": str(MIGRATIONS),
        "path_separator": "newline",
        "version_locations": "\n".join(map(str, versions)),
    }
    for name, value in settings.items():
        config.set_main_option(name, value.replace("%", "%%"))
    return config


def look(connection: Connection, config: Config) -> Schema | None:
    """How the schema is; None when it is older than this version's."""
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    with connection.begin():
        there = set(MigrationContext.configure(connection).get_current_heads())
    if there - known:
        return Schema.NEWER
    return Schema.CURRENT if there == set(scripts.get_heads()) else None


def upgrade(connection: Connection, config: Config) -> Schema:
    """Apply the revisions that are missing, all or none; for who has the runner's lock."""
    config.attributes["connection"] = connection
    with (
        _alembic,
        connection.begin(),
        long_statements(connection, UPGRADE_SECONDS, TABLE_SECONDS),
    ):
        command.upgrade(config, "head")
    return Schema.UPGRADED
