"""`python -m gateway migrate`: brings the ledger's schema up to date and removes old records.

A gateway does both by itself; this is for who wants it done before one starts.
"""

import sys
from typing import Protocol

from gateway.domain.usage.schema import Schema
from gateway.ports.usage import LedgerDown

SAYINGS = {
    Schema.CURRENT: "the usage ledger's schema is up to date",
    Schema.UPGRADED: "the usage ledger's schema was brought up to date",
    Schema.NEWER: "a newer version has changed the usage ledger's schema; it is left alone, and "
    "this version can use it",
}


class Migratable(Protocol):
    """A ledger whose schema can be changed. Both raise LedgerDown."""

    async def upgrade(self) -> Schema:
        """Bring the schema up to date; how it is now."""

    async def remove_before(self, before: float) -> int | None:
        """Remove the records from before this time; how many, None when another one is at it."""


async def print_migration(ledger: Migratable, before: float) -> bool:
    """Migrate, remove the records from before this time, and print what was done.

    before: seconds since the epoch. Whether it could be done; else the reason is on standard error.
    """
    try:
        print(SAYINGS[await ledger.upgrade()], flush=True)
        removed = await ledger.remove_before(before)
    except LedgerDown as error:
        print(f"error: the usage ledger cannot be used: {error}", file=sys.stderr)
        return False
    print(
        "a gateway is removing old records at the moment"
        if removed is None
        else f"old records removed: {removed}"
    )
    return True
