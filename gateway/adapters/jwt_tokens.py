"""Tokens as PyJWT verifies them, with the keys of their issuer as runtime.jwks keeps them.

The algorithm is pinned twice: to those of the settings, and to the one that the issuer's key is
for, whatever a token says of itself. What was verified is remembered by the token's digest for a
minute at most, so that a token costs its signature once and not per request.
"""

from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import jwt
from jwt import PyJWK
from jwt.exceptions import InvalidSignatureError, PyJWTError

from gateway.domain.jwt_checks import (
    Expected,
    Refusal,
    check,
    header_of,
    keys_unread,
    looks_like_token,
    refused,
)
from gateway.ports.clock import Clock
from runtime.jwks.ring import KeyRing, KeysUnavailable, KeyUnknown

MOST_REMEMBERED = 10_000
"""Tokens of some 2 KiB of claims each."""
REMEMBERED_SECONDS = 60.0
# Claims are judged in the domain, with the time as an argument.
SIGNATURE_ONLY: Any = {
    "verify_signature": True,
    **{f"verify_{claim}": False for claim in ("exp", "nbf", "iat", "aud", "iss", "sub", "jti")},
}


@dataclass(frozen=True, slots=True)
class _Known:
    """expires_at by the wall clock, forget_at by the monotonic one."""

    claims: Mapping[str, Any] = field(repr=False)
    key_id: str
    expires_at: float
    forget_at: float


class JwtTokens:
    """The TokenVerifier of `auth.jwt`."""

    def __init__(
        self, ring: KeyRing, expected: Expected, algorithms: Collection[str], clock: Clock
    ) -> None:
        self._ring = ring
        self._expected = expected
        self._algorithms = frozenset(algorithms)
        self._clock = clock
        self._remembered: OrderedDict[bytes, _Known] = OrderedDict()

    def looks_like(self, text: str) -> bool:
        """See ports.keys.TokenVerifier."""
        return looks_like_token(text)

    async def verify(self, token: str) -> Mapping[str, Any]:
        """See ports.keys.TokenVerifier."""
        digest = sha256(token.encode(errors="surrogateescape")).digest()
        known = self._remembered.get(digest)
        if known is not None and self._holds(known):
            self._remembered.move_to_end(digest)
            return known.claims
        known = await self._verify(token)
        self._remember(digest, known)
        return known.claims

    def _holds(self, known: _Known) -> bool:
        return (
            self._clock.monotonic() < known.forget_at
            and self._clock.now() < known.expires_at
            and self._ring.knows(known.key_id)
        )

    def _remember(self, digest: bytes, known: _Known) -> None:
        self._remembered[digest] = known
        self._remembered.move_to_end(digest)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)

    async def _verify(self, token: str) -> _Known:
        algorithm, key_id = self._named(token)
        key = await self._key(key_id)
        if key.algorithm_name != algorithm:
            raise refused(Refusal.ALGORITHM)
        claims = _claims(token, key)
        expires_at = check(claims, self._expected, self._clock.now())
        forget_at = self._clock.monotonic() + REMEMBERED_SECONDS
        return _Known(claims, key_id, expires_at, forget_at)

    def _named(self, token: str) -> tuple[str, str]:
        """The algorithm and the key that it names."""
        header = header_of(token)
        # An extension that has to be understood is not (RFC 7515 §4.1.11).
        if header is None or header.crit is not None:
            raise refused(Refusal.MALFORMED)
        if header.alg not in self._algorithms:
            raise refused(Refusal.ALGORITHM)
        if not header.kid:
            raise refused(Refusal.MALFORMED)
        return header.alg, header.kid

    async def _key(self, key_id: str) -> PyJWK:
        try:
            return await self._ring.key(key_id)
        except KeyUnknown:
            raise refused(Refusal.KEY_UNKNOWN) from None
        except KeysUnavailable as error:
            raise keys_unread(error.retry_after) from None


def _claims(token: str, key: PyJWK) -> dict[str, Any]:
    try:
        return jwt.decode(token, key.key, algorithms=[key.algorithm_name], options=SIGNATURE_ONLY)
    except InvalidSignatureError:
        raise refused(Refusal.SIGNATURE) from None
    except (PyJWTError, ValueError, RecursionError):
        raise refused(Refusal.MALFORMED) from None
