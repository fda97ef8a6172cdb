"""Strategies direct and static: nobody is asked, the credential or the given token is handed on."""

from token_service.domain import ready_made
from token_service.domain.identity import ClientIdentity
from token_service.domain.tokens import Account, Grant
from token_service.ports.clock import Clock


class DirectSource:
    """Hands out the GitHub credential itself; chosen by the operator only."""

    def __init__(self, identity: ClientIdentity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    async def obtain(self, account: Account, credential: str) -> Grant:
        """The credential as a token. Raises TokenServiceError."""
        return ready_made.direct(credential, account.site, self._identity, self._clock.now())


class StaticSource:
    """Hands out a Copilot token as it was configured."""

    def __init__(self, identity: ClientIdentity, clock: Clock) -> None:
        self._identity = identity
        self._clock = clock

    async def obtain(self, account: Account, credential: str) -> Grant:
        """The configured token. Raises TokenServiceError."""
        return ready_made.static(credential, account.site, self._identity, self._clock.now())
