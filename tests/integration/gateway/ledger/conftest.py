"""A PostgreSQL server, and databases of both kinds; no logic."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.postgres_server import PostgresServer


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with PostgresServer() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/usage.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.create_database()
