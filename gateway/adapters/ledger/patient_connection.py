"""psycopg's connection, which does not wait for ever. Imported where there is a PostgreSQL alone:
the library takes as long to load as all of the gateway's own code.
"""

from typing import Any

import psycopg
from psycopg.abc import RV, PQGen

from gateway.adapters.ledger.patience import SILENT_SECONDS, STATEMENT_SECONDS


class PatientConnection(psycopg.Connection[Any]):
    """Waits `longest_wait` seconds for an answer, and is closed when there is none by then."""

    longest_wait: float = STATEMENT_SECONDS + SILENT_SECONDS

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """See psycopg. Raises psycopg.OperationalError after `longest_wait` seconds."""
        try:
            return super().wait(gen, interval, timeout or self.longest_wait)
        except psycopg.OperationalError:
            # The answer that comes late would be taken for the next one's.
            if self.pgconn.transaction_status == psycopg.pq.TransactionStatus.ACTIVE:
                self.pgconn.finish()
            raise
