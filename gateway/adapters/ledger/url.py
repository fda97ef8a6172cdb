"""`usage.database_url`: which databases there may be. Quotes nothing of it, since it may have a
password in it.
"""

from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

SQLITE, POSTGRESQL = "sqlite", "postgresql"
KNOWN = {SQLITE: "sqlite+pysqlite", POSTGRESQL: "postgresql+psycopg"}
FORMS = "sqlite:///FILE, sqlite:////ABSOLUTE/FILE or postgresql://USER@HOST:PORT/DATABASE"


class BadDatabaseUrl(ValueError):
    """It is none of the forms there are."""


def read(database_url: str, password: str | None = None) -> URL:
    """The URL with its driver. password: stands before the one in the URL, if there is any.

    Raises BadDatabaseUrl.
    """
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in KNOWN or not url.database or ":memory:" in url.database:
        # Outside of the handler: the error that is at hand there may quote the URL.
        raise BadDatabaseUrl(f"must be {FORMS}")
    url = url.set(drivername=KNOWN[url.drivername])
    return url if password is None else url.set(password=password)


def sqlite_file(url: URL) -> Path | None:
    """The database's file; None when it is a server."""
    is_file = url.get_backend_name() == SQLITE and url.database is not None
    return Path(str(url.database)) if is_file else None
