"""One runner for the fleet: who changes the schema, or removes old records, holds this lock.

PostgreSQL has it for as long as a connection lives; with SQLite it is a file beside the database.
"""

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, func, select

from gateway.adapters.ledger.url import sqlite_file

KEY = int.from_bytes(b"cgledger")
"""Names the lock in the database; nothing else may use this number there."""
PAUSE_SECONDS = 0.1


@contextmanager
def one_runner(connection: Connection, longest_wait: float) -> Iterator[bool]:
    """Whether the lock is ours for the length of the block, after so many seconds at most.

    Outside of a transaction; leaves none open. 0 seconds: one try.
    """
    kind = _advisory_lock if sqlite_file(connection.engine.url) is None else _file_lock
    with kind(connection) as take:
        is_ours = take()
        # Counted in tries, since no clock is at hand: a try takes next to no time.
        for _ in range(int(longest_wait / PAUSE_SECONDS)):
            if is_ours:
                break
            time.sleep(PAUSE_SECONDS)
            is_ours = take()
        yield is_ours


@contextmanager
def _advisory_lock(connection: Connection) -> Iterator[Callable[[], bool]]:
    is_taken = False

    def take() -> bool:
        nonlocal is_taken
        is_taken = bool(connection.scalar(select(func.pg_try_advisory_lock(KEY))))
        connection.commit()
        return is_taken

    try:
        yield take
        if is_taken:
            connection.execute(select(func.pg_advisory_unlock(KEY)))
            connection.commit()
    except BaseException:
        # The server frees the lock with the connection, whatever state that is in.
        connection.invalidate()
        raise


@contextmanager
def _file_lock(connection: Connection) -> Iterator[Callable[[], bool]]:
    path = sqlite_file(connection.engine.url)
    with open(f"{path}.lock", "ab") as file:

        def take() -> bool:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        # Closing the file frees it.
        yield take
