"""The TokenSource of all accounts: has their credentials, lets the domain choose the strategy.

The credentials are those of the last reading of the configuration and are replaced all at once:
a file that is being written, or has been emptied, takes nobody's token away.
"""

from collections.abc import Mapping
from typing import Protocol

from token_service.domain.credentials import Strategy, choose, classify
from token_service.domain.errors import CredentialRejected
from token_service.domain.tokens import Account, AccountId, Grant


class StrategySource(Protocol):
    """Obtains a token by one strategy."""

    async def obtain(self, account: Account, credential: str) -> Grant:
        """A new token. Raises TokenServiceError."""
        ...


class ChosenSource:
    """One source per strategy, chosen by each account's configuration and credential."""

    def __init__(
        self,
        credentials: Mapping[AccountId, str],
        sources: Mapping[Strategy, StrategySource],
    ) -> None:
        self._credentials = credentials
        self._sources = sources

    def replace(self, credentials: Mapping[AccountId, str]) -> None:
        """Use these from now on. What is under way goes on with the one it has."""
        self._credentials = credentials

    async def obtain(self, account: Account) -> Grant:
        credential = self._credentials.get(account.id)
        if credential is None:
            raise CredentialRejected("the account was removed while its token was obtained")
        strategy = choose(account.choice, classify(credential))
        return await self._sources[strategy].obtain(account, credential)
