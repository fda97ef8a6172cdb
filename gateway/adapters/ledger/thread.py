"""Threads in which SQL runs, job by job: the event loop never waits for a database.

A daemon of its own and no executor: the end of the process waits for no executor's thread that
hangs in a database. What is asked of a database that answers nobody is given up, not piled up.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from queue import Full, Queue
from threading import Thread
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from gateway.ports.usage import LedgerDown

MOST_WAITING = 64
FAILURES = (SQLAlchemyError, sqlite3.Error, OSError)
"""What a database, the way to it, or a disk is to blame for."""
LIBRARIES = frozenset({"psycopg", "alembic"})
"""Whose own errors are likewise. By name, since not every gateway loads them."""

T = TypeVar("T")
Job = tuple[Future[Any], Callable[[], Any]]


class SqlThread:
    """Runs jobs one after the other, in their order. Starts with the first one."""

    def __init__(self, name: str = "ledger-sql") -> None:
        self._name = name
        self._jobs: Queue[Job | None] = Queue(MOST_WAITING)
        self._thread: Thread | None = None
        self._is_closed = False

    async def run(self, job: Callable[[], T], seconds: float) -> T:
        """What the job returns. Raises what the job raises, and LedgerDown when it takes longer.

        One that has begun may finish unseen; one that has not is left out.
        """
        future: Future[T] = Future()
        self._hand_over((future, job))
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            pass
        raise LedgerDown("TimeoutError")

    def close(self) -> None:
        """Take no more jobs; the thread ends after those it has."""
        self._is_closed = True
        try:
            self._jobs.put_nowait(None)
        except Full:
            # It hangs, and ends with the process.
            return

    def _hand_over(self, job: Job) -> None:
        if self._is_closed:
            raise LedgerDown("Closed")
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        try:
            self._jobs.put_nowait(job)
        except Full:
            raise LedgerDown("Full") from None

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            _do(*job)


def _do(future: Future[T], job: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = translated(job)
    except BaseException as error:
        # Whoever has asked gets it; the thread goes on.
        future.set_exception(error)
    else:
        future.set_result(result)


def translated(job: Callable[[], T]) -> T:
    """What the job returns; what fails in the database is LedgerDown, by the name of its class."""
    try:
        return job()
    except Exception as error:
        if not _is_failure(error):
            raise
        own = error.orig if isinstance(error, DBAPIError) else error
        name = type(own).__name__
    # Outside of the handler: what an error was raised from shows in tracebacks, quotes and all.
    raise LedgerDown(name)


def _is_failure(error: Exception) -> bool:
    return isinstance(error, FAILURES) or type(error).__module__.partition(".")[0] in LIBRARIES
