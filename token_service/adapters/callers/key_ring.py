"""The keys that the issuer of callers' tokens signs with, in this service's errors.

runtime.jwks reads and keeps them; here is only what becomes of a caller whose key is not there.
"""

from jwt import PyJWK

from runtime.jwks import ring
from runtime.jwks.key_set import ALGORITHMS, MOST_KEYS, IssuerUnavailable, keys_of
from runtime.jwks.ring import LEAST_SECONDS, REFRESH_SECONDS, KeysUnavailable, KeyUnknown
from token_service.domain.callers import Refusal, refused

__all__ = [
    "ALGORITHMS",
    "LEAST_SECONDS",
    "MOST_KEYS",
    "REFRESH_SECONDS",
    "IssuerUnavailable",
    "KeyRing",
    "keys_of",
]


class KeyRing(ring.KeyRing):
    """Public keys by their ids."""

    async def key(self, key_id: str) -> PyJWK:
        """The key. Raises CallerUnauthenticated, after asking the issuer at most once."""
        try:
            return await super().key(key_id)
        except KeysUnavailable as error:
            raise refused(Refusal.CANNOT_VERIFY, retry_after=error.retry_after) from None
        except KeyUnknown:
            raise refused(Refusal.KEY_UNKNOWN) from None
