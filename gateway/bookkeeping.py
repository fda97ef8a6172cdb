"""The usage ledger's parts put together: for bootstrap.py alone, like assembly.py.

Opened before the first request and closed after the last one: what is still in the journal then
is shipped, or spilled into the shared store.
"""

import random  # noqa: TID251  only spreads replicas' retention runs in time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.journal.reader import Leftovers, OwnRecords
from gateway.adapters.journal.segments import JournalUnusable
from gateway.adapters.journal.writer import FileJournal
from gateway.adapters.ledger.owner import LedgerTaken, claim
from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.adapters.shared_state import SharedState, State
from gateway.adapters.spill import NoSpill, SharedSpill
from gateway.database import ledger_of
from gateway.ports.clock import Clock
from gateway.ports.usage import Spill, Sums
from gateway.settings.document import Settings
from gateway.shipping import CaughtUp, Shipper
from runtime.configuration import ConfigurationError

LAST_SHIPMENT_SECONDS = 10.0
"""For what is in the journal at the end; then it goes to the shared store."""


@dataclass(frozen=True)
class Books:
    """What the rest of the gateway uses."""

    journal: FileJournal
    own: OwnRecords
    shipper: Shipper
    ledger: SqlLedger
    sums: Sums


@asynccontextmanager
async def books_of(
    settings: Settings, state: State, clock: Clock, events: LoggedEvents
) -> AsyncIterator[Books]:
    """Open for the length of the block. Raises ConfigurationError: somebody else has the SQLite
    file, or the journal's directory cannot be written."""
    usage = settings.usage
    try:
        with claim(usage.database_url):
            journal = FileJournal(usage.journal_dir, usage.journal_bytes, events.journal_trouble)
            async with _open_books(journal, settings, state, clock, events) as books:
                yield books
    except JournalUnusable as error:
        raise ConfigurationError((f"usage.journal_dir: cannot be written: {error}",)) from None
    except LedgerTaken as error:
        raise ConfigurationError((str(error),)) from None


@asynccontextmanager
async def _open_books(
    journal: FileJournal, settings: Settings, state: State, clock: Clock, events: LoggedEvents
) -> AsyncIterator[Books]:
    ledger = ledger_of(settings.usage)
    own = OwnRecords(journal, events.lines_torn)
    shipper = Shipper(
        own,
        Leftovers(journal, events.lines_torn),
        _spill_of(settings, state, events),
        ledger,
        clock,
        events,
        retention_days=settings.usage.retention_days,
        fraction=random.random,
    )
    try:
        yield Books(journal, own, shipper, ledger, CaughtUp(shipper, ledger))
    finally:
        await shipper.close(LAST_SHIPMENT_SECONDS)
        journal.close(is_empty=own.is_empty)
        await ledger.close()


def _spill_of(settings: Settings, state: State, events: LoggedEvents) -> Spill:
    if isinstance(state, SharedState):
        return SharedSpill(state.link, settings.store.namespace, events.lines_torn)
    return NoSpill()
