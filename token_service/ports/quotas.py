"""Accounts' quotas: who is asked for them, whose turn it is, and what came of it."""

from typing import Protocol

from token_service.domain.quotas import Reading
from token_service.domain.tokens import Account, AccountId


class QuotaSource(Protocol):
    """Asks GitHub for accounts' quotas."""

    def covers(self, account: Account) -> bool:
        """Whether it can be asked for this account's: its credential is one to be exchanged."""
        ...

    async def ask(self, account: Account) -> Reading:
        """One request. Ends within the configured time; raises nothing."""
        ...


class QuotaTurns(Protocol):
    """Whose turn it is to ask for an account's quotas, over all replicas."""

    async def take(self, account: Account, seconds: float) -> float:
        """0 when it is this process's turn from now on for so long; else the seconds until it
        may be. Bounded in time, raises nothing: with the shared place down it is one's own.
        """
        ...


class QuotaEvents(Protocol):
    """What is known of accounts' quotas, for metrics and logs. None of these waits or raises."""

    def quotas_polled(self, account: AccountId, reading: Reading) -> None:
        """GitHub was asked, and this came of it."""
        ...

    def quotas_left(self, account: AccountId) -> None:
        """This process has nothing to say of the account's: another replica has, or nobody uses
        the account."""
        ...

    def quota_poll_crashed(self, account: AccountId, error: Exception) -> None:
        """A poll met a bug; `quotas_polled` follows."""
        ...
