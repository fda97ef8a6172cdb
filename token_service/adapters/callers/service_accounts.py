"""Mode kubernetes: callers are known by the projected token of their service account.

PyJWT checks the signature, domain/service_accounts the claims, and where it is configured the
API server is asked whether the pod behind the token still exists. What was verified is
remembered by the token's digest, so that a token costs its signature once and not per call.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from weakref import WeakValueDictionary

import jwt
from jwt import PyJWK
from jwt.exceptions import InvalidSignatureError, PyJWTError

from token_service.adapters.callers.key_ring import ALGORITHMS, IssuerUnavailable, KeyRing
from token_service.adapters.callers.known import Register
from token_service.domain.callers import Caller, IdentityKind, Presented, Refusal, refused
from token_service.domain.service_accounts import TokenRules, judge
from token_service.ports.calls import CallerEvents
from token_service.ports.clock import Clock

# A projected token is about 1 KiB.
MOST_TOKEN_CHARACTERS = 16 * 1024
MOST_REMEMBERED = 10_000
# How long a review counts; a deleted pod's token works for no longer.
REVIEW_SECONDS = 60.0
RETRY_SECONDS = 5.0
# Claims are judged in the domain, with the time as an argument.
SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **{f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")},
}


class Reviewer(Protocol):
    """Whether the cluster still accepts a token."""

    async def account(self, token: str) -> str | None:
        """Whose it is, as `namespace/name`; None if it is refused. Raises IssuerUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class _Known:
    """expires_at by the wall clock, reviewed_until by the monotonic one."""

    service_account: str
    key_id: str
    expires_at: float
    reviewed_until: float


class ServiceAccounts:
    """The Authenticator of mode kubernetes."""

    def __init__(
        self,
        register: Register,
        ring: KeyRing,
        rules: TokenRules,
        reviewer: Reviewer | None,
        clock: Clock,
        events: CallerEvents,
    ) -> None:
        self._register = register
        self._ring = ring
        self._rules = rules
        self._reviewer = reviewer
        self._clock = clock
        self._events = events
        self._remembered: dict[bytes, _Known] = {}
        # One lock per token that is being verified; nobody waits for anybody else's token.
        self._locks: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    async def identify(self, presented: Presented) -> Caller:
        token = presented.bearer
        if token is None:
            raise refused(Refusal.CREDENTIAL_MISSING)
        digest = sha256(token.encode()).digest()
        known = self._remembered.get(digest)
        if known is None or not self._holds(known):
            known = await self._verified_once(token, digest)
        return self._register.directory.named(IdentityKind.SERVICE_ACCOUNT, known.service_account)

    def _holds(self, known: _Known) -> bool:
        return (
            self._clock.monotonic() < known.reviewed_until
            and self._clock.now() < known.expires_at
            and self._ring.knows(known.key_id)
        )

    async def _verified_once(self, token: str, digest: bytes) -> _Known:
        lock = self._locks.get(digest)
        if lock is None:
            lock = self._locks[digest] = asyncio.Lock()
        async with lock:
            known = self._remembered.pop(digest, None)
            if known is None or not self._holds(known):
                known = await self._verify(token, known)
            if len(self._remembered) >= MOST_REMEMBERED:
                del self._remembered[next(iter(self._remembered))]
            self._remembered[digest] = known
            return known

    async def _verify(self, token: str, before: _Known | None) -> _Known:
        key_id = _key_id(token)
        claims = _claims(token, await self._ring.key(key_id))
        verified = judge(claims, self._rules, self._clock.now())
        reviewed_until = float("inf")
        if self._reviewer is not None:
            await self._review(self._reviewer, token, verified.service_account, before)
            reviewed_until = self._clock.monotonic() + REVIEW_SECONDS
        return _Known(verified.service_account, key_id, verified.expires_at, reviewed_until)

    async def _review(
        self, reviewer: Reviewer, token: str, service_account: str, before: _Known | None
    ) -> None:
        try:
            account = await reviewer.account(token)
        except IssuerUnavailable as error:
            self._events.issuer_failed(str(error))
            if before is None:
                raise refused(Refusal.CANNOT_VERIFY, retry_after=RETRY_SECONDS) from None
            # It was accepted a while ago and its signature is good: the API server's absence
            # must not become everybody's.
            return
        if account != service_account:
            raise refused(Refusal.REVOKED)


def _key_id(token: str) -> str:
    if len(token) > MOST_TOKEN_CHARACTERS:
        raise refused(Refusal.TOKEN_MALFORMED)
    try:
        header = jwt.get_unverified_header(token)
    except PyJWTError:
        raise refused(Refusal.TOKEN_MALFORMED) from None
    key_id = header.get("kid")
    if header.get("alg") not in ALGORITHMS or not isinstance(key_id, str):
        raise refused(Refusal.TOKEN_MALFORMED)
    return key_id


def _claims(token: str, key: PyJWK) -> dict[str, Any]:
    """The algorithm is the key's, whatever the token says of itself."""
    try:
        return jwt.decode(token, key.key, algorithms=[key.algorithm_name], options=SIGNATURE_ONLY)
    except InvalidSignatureError:
        raise refused(Refusal.TOKEN_FORGED) from None
    except PyJWTError:
        raise refused(Refusal.TOKEN_MALFORMED) from None
