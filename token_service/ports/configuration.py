"""What became of reading the configuration again."""

from collections.abc import Collection, Sequence
from typing import Protocol

from token_service.domain.tokens import AccountChanges, AccountId


class ConfigurationEvents(Protocol):
    """What became of reading the configuration again. None of these waits or raises."""

    def reloaded(self, changes: AccountChanges, accounts: Collection[AccountId]) -> None:
        """It is in force; accounts: all that there are now."""
        ...

    def reload_refused(self, problems: Sequence[str]) -> None:
        """It has problems; what was in force stays."""
        ...

    def reload_crashed(self, error: Exception) -> None:
        """Reading it met a bug; what was in force stays."""
        ...

    def restart_needed(self, settings: Sequence[str]) -> None:
        """These settings have changed, and only a restart would take them over."""
        ...
