"""The keys that the issuer of callers' tokens signs with: read, kept, read again.

Knows JWK Sets (RFC 7517) by PyJWT; not where one comes from. Keys that are known serve while
the issuer is away; a key that it does not name any more is gone with the next reading.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from token_service.domain.callers import Refusal, refused
from token_service.ports import CallerEvents, Clock

# Signatures by a private key only: with a shared secret (HS256) whoever verifies could also
# sign, and "none" signs nothing. API servers use RS256 or ES256 unless told otherwise.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
LEAST_RSA_BITS = 2048
MOST_KEYS = 100
REFRESH_SECONDS = 300.0
# After a failure, and for a key that is not known: an issuer names a new one before it signs
# with it, so a stranger's invention is what this guards the issuer from.
LEAST_SECONDS = 10.0
# How long a call waits for the keys.
PATIENCE_SECONDS = 5.0


class IssuerUnavailable(Exception):
    """No usable answer; the text says from where and why, for the log."""


class KeyRing:
    """Public keys by their ids."""

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], clock: Clock, events: CallerEvents
    ) -> None:
        """fetch: the JWK Set's text; raises IssuerUnavailable, and ends within a bound."""
        self._fetch = fetch
        self._clock = clock
        self._events = events
        self._keys: dict[str, PyJWK] = {}
        self._attempted = float("-inf")
        self._failing = False
        self._lock = asyncio.Lock()

    def knows(self, key_id: str) -> bool:
        """Whether the issuer still signs with it, as far as is known."""
        return key_id in self._keys

    async def key(self, key_id: str) -> PyJWK:
        """The key. Raises CallerUnauthenticated, after asking the issuer at most once."""
        if key_id not in self._keys:
            await self._ask_again()
        found = self._keys.get(key_id)
        if found is not None:
            return found
        if self._failing or not self._keys:
            raise refused(Refusal.CANNOT_VERIFY, retry_after=LEAST_SECONDS)
        raise refused(Refusal.KEY_UNKNOWN)

    async def run(self) -> None:
        """Keep the keys current; never ends by itself."""
        while True:
            await self._read(self._attempted)
            await self._clock.sleep(LEAST_SECONDS if self._failing else REFRESH_SECONDS)

    async def _ask_again(self) -> None:
        attempted = self._attempted
        if self._clock.monotonic() - attempted < LEAST_SECONDS:
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._read(attempted)
        except TimeoutError:
            return

    async def _read(self, attempted: float) -> None:
        """Read the keys, unless somebody else has since `attempted`."""
        async with self._lock:
            if self._attempted > attempted:
                return
            try:
                self._keys = keys_of(await self._fetch())
            except IssuerUnavailable as error:
                self._report(str(error))
            else:
                self._failing = False
                self._events.issuer_answered(len(self._keys))
            self._attempted = self._clock.monotonic()

    def _report(self, explanation: str) -> None:
        self._failing = True
        self._events.issuer_failed(explanation)


def keys_of(document: bytes) -> dict[str, PyJWK]:
    """The usable keys of a JWK Set. Raises IssuerUnavailable when there is none.

    A key of a kind that is not used here is passed over, as RFC 7517 §5 asks.
    """
    try:
        entries = json.loads(document)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise IssuerUnavailable("the answer is not a JWK Set") from None
    found = {}
    for entry in entries[:MOST_KEYS] if isinstance(entries, list) else ():
        key = _key(entry)
        if key is not None:
            found[entry["kid"]] = key
    if not found:
        raise IssuerUnavailable("the JWK Set has no key that can be used")
    return found


def _key(entry: Any) -> PyJWK | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str):
        return None
    if entry.get("use", "sig") != "sig":
        return None
    try:
        key = PyJWK(entry)
    except (PyJWTError, ValueError, TypeError, KeyError):
        return None
    if key.algorithm_name not in ALGORITHMS:
        return None
    if isinstance(key.key, RSAPublicKey) and key.key.key_size < LEAST_RSA_BITS:
        return None
    return key
