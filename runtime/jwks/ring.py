"""The keys that an issuer signs its tokens with: read, kept, read again.

Knows neither where the set comes from nor what a service says to whom it refuses. Keys that are
known serve while the issuer is away; a key that it does not name any more is gone with the next
reading.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from jwt import PyJWK

from runtime.jwks.key_set import IssuerUnavailable, keys_of

REFRESH_SECONDS = 300.0
# After a failure, and for a key that is not known: an issuer names a new one before it signs
# with it, so a stranger's invention is what this guards the issuer from.
LEAST_SECONDS = 10.0
# How long a call waits for the keys.
PATIENCE_SECONDS = 5.0


class Clock(Protocol):
    """Time, as runtime.clock gives it."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class IssuerEvents(Protocol):
    """What became of reading an issuer's keys. None of these waits or raises."""

    def issuer_answered(self, keys: int) -> None:
        """They were read anew; how many there are now."""
        ...

    def issuer_failed(self, explanation: str) -> None:
        """They could not be had; what is known still counts."""
        ...


class KeyUnknown(Exception):
    """The issuer names no such key."""


class KeysUnavailable(Exception):
    """Whether the issuer names such a key cannot be said at the moment."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("the issuer's keys cannot be read")
        self.retry_after = retry_after
        """Seconds after which they are asked for again."""


class KeyRing:
    """Public keys by their ids."""

    def __init__(
        self, fetch: Callable[[], Awaitable[bytes]], clock: Clock, events: IssuerEvents
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
        """The key, after asking the issuer at most once.

        Raises KeyUnknown or KeysUnavailable.
        """
        if key_id not in self._keys:
            await self._ask_again()
        found = self._keys.get(key_id)
        if found is not None:
            return found
        if self._failing or not self._keys:
            raise KeysUnavailable(LEAST_SECONDS)
        raise KeyUnknown

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
