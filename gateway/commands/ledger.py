"""COMPOSITION of the commands that use the ledger's database: `usage`, `migrate`, `keys`."""

from contextlib import suppress

from gateway.cli.key_actions import Action
from gateway.cli.migrate import print_migration
from gateway.cli.usage import print_usage
from gateway.database import ledger_of
from gateway.domain.usage.report import Question
from gateway.ports.usage import LedgerDown
from gateway.settings.document import Settings
from gateway.shipping import DAY_SECONDS
from runtime.clock import SystemClock


async def report_usage(settings: Settings, question: Question, form: str) -> bool:
    """Print what was used; whether the ledger has said it."""
    ledger = ledger_of(settings.usage)
    try:
        with suppress(LedgerDown):
            # A ledger that no gateway has used yet has no table; what is wrong else, report says.
            await ledger.prepare()
        return await print_usage(ledger, question, form)
    finally:
        await ledger.close()


async def migrate(settings: Settings) -> bool:
    """Bring the ledger's tables up to date and remove old records; whether that could be done."""
    ledger = ledger_of(settings.usage)
    oldest = SystemClock().now() - settings.usage.retention_days * DAY_SECONDS
    try:
        return await print_migration(ledger, oldest)
    finally:
        await ledger.close()


async def on_keys(settings: Settings, action: Action) -> str:
    """Do something with the keys in the database; what it says. Raises KeyProblem, LedgerDown."""
    ledger = ledger_of(settings.usage)
    try:
        await ledger.prepare()
        return await action(ledger.keys())
    finally:
        await ledger.close()
