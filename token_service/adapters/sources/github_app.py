"""Strategy github_app: signs the App's claims and asks GitHub for an installation token.

What is claimed and what an answer means is decided in domain/github_app. The credential is the
App's private key in PEM; it signs, and goes nowhere.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import jwt

from token_service.domain import github_app
from token_service.domain.answers import Answer
from token_service.domain.credentials import Installation
from token_service.domain.errors import CredentialRejected
from token_service.domain.identity import ClientIdentity
from token_service.domain.tokens import Account, Grant
from token_service.ports.clock import Clock
from token_service.ports.github import GitHub

ALGORITHM = "RS256"


class GitHubAppSource:
    """One source for all Apps. Remembers how far GitHub's clock was ahead of ours."""

    def __init__(self, github: GitHub, identity: ClientIdentity, clock: Clock) -> None:
        self._github = github
        self._identity = identity
        self._clock = clock
        self._ahead = 0.0

    async def obtain(self, account: Account, credential: str) -> Grant:
        """One installation token. Raises TokenServiceError."""
        installation = account.installation
        if installation is None:
            raise CredentialRejected("the account names no GitHub App")
        wall = self._clock.now() + self._ahead
        answer = await self._ask(account, installation, credential, wall)
        error = github_app.clock_error(answer, wall)
        if error is not None:
            # The claims hold times, and no two clocks have to agree: once more, by GitHub's.
            self._ahead += error
            wall = self._clock.now() + self._ahead
            answer = await self._ask(account, installation, credential, wall)
        return github_app.judge(answer, account.site, self._identity)

    async def _ask(
        self, account: Account, installation: Installation, key: str, wall: float
    ) -> Answer:
        # In a thread: reading a key takes tens of milliseconds.
        signed = await asyncio.to_thread(sign, github_app.claims(installation, wall), key)
        return await self._github.post_json(
            github_app.url(account.site, installation),
            github_app.request_headers(signed),
            github_app.request_body(installation),
        )


def sign(claims: Mapping[str, Any], key: str) -> str:
    """The claims as a JWT, signed with a key in PEM. Raises CredentialRejected."""
    try:
        return jwt.encode(dict(claims), key, algorithm=ALGORITHM)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        # The library's text may quote what it could not read.
        raise CredentialRejected(
            "the App's private key cannot be used; the token service's log says more",
            detail=f"no RSA private key in PEM ({type(error).__name__})",
        ) from None
