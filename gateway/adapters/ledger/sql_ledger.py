"""The ledger in a database: SQLite's file or PostgreSQL, by one code path."""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from gateway.adapters.ledger import runner, sums, writing
from gateway.adapters.ledger.engine import open_engine
from gateway.adapters.ledger.patience import (
    CONNECT_SECONDS,
    SILENT_SECONDS,
    STATEMENT_SECONDS,
    UPGRADE_SECONDS,
)
from gateway.adapters.ledger.sql_keys import SqlKeys
from gateway.adapters.ledger.tables import usage_records
from gateway.adapters.ledger.thread import SqlThread
from gateway.domain.usage.record import UsageRecord
from gateway.domain.usage.report import Line, Question
from gateway.domain.usage.schema import Schema
from gateway.ports.usage import LedgerDown, Spending

JOB_SECONDS = float(CONNECT_SECONDS + STATEMENT_SECONDS + SILENT_SECONDS)
PREPARE_SECONDS = runner.RUNNER_SECONDS + UPGRADE_SECONDS + JOB_SECONDS
CLOSE_SECONDS = 2.0


class SqlLedger:
    """The Ledger port. Connects when it is first asked something.

    database_url: see url.py, whose BadDatabaseUrl is raised. password: stands before the URL's.
    seconds: how long a call may take, but for `prepare`.
    """

    def __init__(
        self, database_url: str, password: str | None = None, seconds: float = JOB_SECONDS
    ) -> None:
        self._engine = open_engine(database_url, password)
        self._thread = SqlThread()
        self._keys_thread = SqlThread("keys-sql")
        self._seconds = seconds
        self.refused = 0
        """Records that the database does not take, for what is in them, since the start."""

    async def prepare(self) -> None:
        """See ports.usage.Ledger."""
        await self.upgrade()

    async def upgrade(self) -> Schema:
        """Bring the schema to this version's; how it is now. Raises LedgerDown."""
        return await self._thread.run(partial(runner.upgrade, self._engine), PREPARE_SECONDS)

    async def add(self, records: Sequence[UsageRecord]) -> None:
        """See ports.usage.Ledger. A record the database does not take is counted in `refused`."""
        # Counted here, not in the thread: what finishes unseen is asked for again.
        self.refused += await self._thread.run(
            partial(writing.add, self._engine, records), self._seconds
        )

    async def key_spending(self, key_id: str, since: float, until: float) -> Spending:
        """See ports.usage.Sums."""
        job = partial(sums.spending, self._engine, usage_records.c.key_id, key_id, since, until)
        return await self._thread.run(job, self._seconds)

    async def group_spending(self, group_id: str, since: float, until: float) -> Spending:
        """See ports.usage.Sums."""
        job = partial(sums.spending, self._engine, usage_records.c.group_id, group_id, since, until)
        return await self._thread.run(job, self._seconds)

    async def report(self, question: Question) -> Sequence[Line]:
        """See ports.usage.Sums. Raises report.TooManyLines as well."""
        return await self._thread.run(partial(sums.report, self._engine, question), self._seconds)

    async def purge(self, before: float) -> None:
        """See ports.usage.Ledger."""
        await self.remove_before(before)

    async def remove_before(self, before: float) -> int | None:
        """Remove the records from before this time; how many, or None: another one is at it.

        Job by job, so that what comes meanwhile is not kept waiting. Raises LedgerDown.
        """
        count = 0
        while True:
            job = partial(runner.remove_some, self._engine, before)
            removed = await self._thread.run(job, self._seconds)
            if removed is None:
                return count or None
            count += removed
            if removed < runner.CHUNK:
                return count

    def keys(self) -> SqlKeys:
        """Callers' keys in the same database, usable until the ledger is closed.

        In a thread of its own: a revocation does not wait for the end of a long report.
        """
        return SqlKeys(self._engine, self._keys_thread, self.prepare, self._seconds)

    async def close(self) -> None:
        """Close the connections, if they let that be done. Raises nothing."""
        self._keys_thread.close()
        with suppress(LedgerDown):
            await self._thread.run(self._engine.dispose, CLOSE_SECONDS)
        self._thread.close()
