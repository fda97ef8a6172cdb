"""One gateway for a SQLite file: its journal and its budgets are that gateway's own.

More of them need what they can share: PostgreSQL and a shared store. Several read-only commands
may use the file beside the one gateway.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.adapters.ledger import url as urls


class LedgerTaken(Exception):
    """Another gateway has the SQLite file, or the file's directory cannot be written."""


@contextmanager
def claim(database_url: str) -> Iterator[None]:
    """Have the database's file for oneself for the length of the block; a server is for all.

    Raises LedgerTaken and url.BadDatabaseUrl. The claim ends with the process, however that ends.
    """
    path = urls.sqlite_file(urls.read(database_url))
    if path is None:
        yield
        return
    try:
        file = Path(f"{path}.owner").open("ab")  # noqa: SIM115  a with would take what the block raises
    except OSError as error:
        raise LedgerTaken(
            f"usage.database_url: cannot write beside {path}: {error.strerror}"
        ) from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LedgerTaken(_taken(path.name)) from None
        yield


def _taken(name: str) -> str:
    return (
        f"usage.database_url: another gateway uses {name}; a SQLite file is for one gateway. For "
        "more of them set usage.database_url to postgresql://… and store.url to a shared store"
    )
