"""Which ledger stands for the settings: for the service, and for commands that need only this."""

from gateway.adapters.ledger.sql_ledger import SqlLedger
from gateway.settings.usage import Usage
from runtime.configuration import read_secret


def ledger_of(usage: Usage) -> SqlLedger:
    """The ledger; connects when it is first asked something."""
    file = usage.database_password_file
    return SqlLedger(usage.database_url, read_secret(file) if file is not None else None)
