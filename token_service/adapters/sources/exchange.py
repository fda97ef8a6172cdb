"""Strategy exchange: trades the credential at GitHub for a short-lived token."""

from token_service.domain import exchange
from token_service.domain.identity import (
    ClientIdentity,
    editor_headers,
    exchange_request_headers,
)
from token_service.domain.tokens import Account, Grant
from token_service.ports.clock import Clock
from token_service.ports.github import GitHub


class ExchangeSource:
    """Asks GitHub; what its answer means is decided in domain/exchange."""

    def __init__(self, github: GitHub, identity: ClientIdentity, clock: Clock) -> None:
        self._github = github
        self._identity = identity
        self._clock = clock

    async def obtain(self, account: Account, credential: str) -> Grant:
        """One exchange. Raises TokenServiceError."""
        answer = await self._github.get(
            account.site.api_url + exchange.PATH,
            exchange_request_headers(self._identity, credential),
        )
        headers = editor_headers(self._identity)
        return exchange.judge(answer, account.site, headers, self._clock.now())
