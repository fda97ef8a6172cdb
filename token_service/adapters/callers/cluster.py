"""What is asked of a cluster: the issuer's keys, from a URL or a file, and TokenReview.

Speaks the conventions of adapters/github (no redirects, bounded bodies, one deadline) through
its client. The broker's own token for the API server is read anew each time: kubelet replaces
it. Every failure becomes IssuerUnavailable; a text names the URL and never a token.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from runtime.configuration import read_secret
from runtime.jwks.places import KeysInFile, is_in_cluster
from token_service.adapters.callers.key_ring import IssuerUnavailable
from token_service.domain.answers import Answer
from token_service.domain.errors import GitHubUnavailable
from token_service.domain.service_accounts import account_of
from token_service.ports.github import GitHub

REVIEW_PATH = "/apis/authentication.k8s.io/v1/tokenreviews"

__all__ = ["KeysAtUrl", "KeysInFile", "TokenReviews", "is_in_cluster"]


class KeysAtUrl:
    """The JWK Set at auth.jwks_url."""

    def __init__(self, http: GitHub, url: str, token_file: Path | None) -> None:
        self._http = http
        self._url = url
        self._token_file = token_file

    async def __call__(self) -> bytes:
        """Its text. Raises IssuerUnavailable."""
        headers = {"Accept": "application/jwk-set+json, application/json"}
        try:
            answer = await self._http.get(
                self._url, {**headers, **await _authorization(self._token_file)}
            )
        except GitHubUnavailable as error:
            raise IssuerUnavailable(f"{self._url}: {error.detail or 'no answer'}") from None
        if answer.status != 200:
            raise IssuerUnavailable(f"{self._url}: answered {answer.status}")
        return answer.body


class TokenReviews:
    """TokenReview at auth.token_review_url (authentication.k8s.io/v1)."""

    def __init__(self, http: GitHub, url: str, token_file: Path | None, audience: str) -> None:
        self._http = http
        self._url = url.rstrip("/") + REVIEW_PATH
        self._token_file = token_file
        self._audience = audience

    async def account(self, token: str) -> str | None:
        """Whose token it is, as `namespace/name`; None if the cluster refuses it.

        Raises IssuerUnavailable, also when it is the broker's own token that is refused.
        """
        review = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenReview",
            "spec": {"token": token, "audiences": [self._audience]},
        }
        try:
            answer = await self._http.post_json(
                self._url, await _authorization(self._token_file), review
            )
        except GitHubUnavailable as error:
            raise IssuerUnavailable(f"{self._url}: {error.detail or 'no answer'}") from None
        if answer.status not in (200, 201):
            raise IssuerUnavailable(f"{self._url}: answered {answer.status}")
        return self._reviewed(_status(answer, self._url))

    def _reviewed(self, status: dict[str, Any]) -> str | None:
        audiences, user = status.get("audiences"), status.get("user")
        # An API server that knows no audiences leaves the list out; then nobody has checked.
        meant = isinstance(audiences, list) and self._audience in audiences
        if status.get("authenticated") is not True or not meant or not isinstance(user, dict):
            return None
        return account_of(user.get("username"))


def _status(answer: Answer, url: str) -> dict[str, Any]:
    try:
        status = json.loads(answer.body)["status"]
    except (ValueError, KeyError, TypeError, RecursionError):
        status = None
    if not isinstance(status, dict):
        raise IssuerUnavailable(f"{url}: the answer is not a TokenReview")
    return status


async def _authorization(token_file: Path | None) -> dict[str, str]:
    if token_file is None:
        return {}
    try:
        token = await asyncio.to_thread(read_secret, token_file)
    except ValueError as error:
        raise IssuerUnavailable(str(error)) from None
    return {"Authorization": f"Bearer {token}"}
