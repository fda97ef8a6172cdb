"""Asks GitHub for accounts' quotas, with the credentials and headers of the exchange (§4.1).

What an answer means is decided in domain/quotas.
"""

from collections.abc import Mapping

from token_service.domain import quotas
from token_service.domain.credentials import Strategy, choose, classify
from token_service.domain.errors import CredentialKindUnsupported, GitHubUnavailable
from token_service.domain.identity import ClientIdentity, exchange_request_headers
from token_service.domain.quotas import Miss, Outcome, Reading
from token_service.domain.tokens import Account, AccountId
from token_service.ports.github import GitHub


class GitHubQuotas:
    """The QuotaSource of all accounts."""

    def __init__(
        self, credentials: Mapping[AccountId, str], github: GitHub, identity: ClientIdentity
    ) -> None:
        self._credentials = credentials
        self._github = github
        self._identity = identity

    def replace(self, credentials: Mapping[AccountId, str]) -> None:
        """Use these from now on."""
        self._credentials = credentials

    def covers(self, account: Account) -> bool:
        credential = self._credentials.get(account.id)
        try:
            return (
                credential is not None
                and choose(account.choice, classify(credential)) is Strategy.EXCHANGE
            )
        except CredentialKindUnsupported:
            return False

    async def ask(self, account: Account) -> Reading:
        credential = self._credentials.get(account.id)
        if credential is None:
            return Miss(Outcome.REFUSED)
        headers = exchange_request_headers(self._identity, credential)
        try:
            answer = await self._github.get(account.site.api_url + quotas.PATH, headers)
        except GitHubUnavailable as error:
            return Miss(Outcome.UNAVAILABLE, error.retry_after)
        return quotas.judge(answer)
