"""How long requests may live: to their own deadlines, to the end of a drain, and no longer than the
key they came with.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.domain.errors import Fault, GatewayError

ENDED = {
    Fault.GATEWAY_DEADLINE: "The request took longer than the gateway allows.",
    Fault.GATEWAY_DRAINING: "The gateway is restarting; send the request again.",
    Fault.CALLER_KEY_REVOKED: "The API key was revoked; ask for a new one.",
}
RETRY_SECONDS = {Fault.GATEWAY_DEADLINE: 1.0, Fault.GATEWAY_DRAINING: 1.0}


@dataclass(slots=True, eq=False)
class _Life:
    """Of one request."""

    limit: asyncio.Timeout
    end: Fault = Fault.GATEWAY_DEADLINE
    """What it ends with when its time has come."""


class Lifetimes:
    """Of the requests under way.

    is_revoked: whether a key, by its SHA-256, was taken back: a request may have been read while
    that happened.
    """

    def __init__(
        self, total_seconds: float, is_revoked: Callable[[str], bool] = lambda _: False
    ) -> None:
        self._total_seconds = total_seconds
        self._is_revoked = is_revoked
        self._open: dict[str, set[_Life]] = {}
        """By the SHA-256 of the key."""
        self._is_over = False

    @property
    def under_way(self) -> int:
        """How many requests live."""
        return sum(map(len, self._open.values()))

    @asynccontextmanager
    async def one(self, key_sha256: str = "") -> AsyncIterator[None]:
        """Ends the block when the time has come: raises GatewayError."""
        if self._is_revoked(key_sha256):
            raise _ended(Fault.CALLER_KEY_REVOKED)
        limit = asyncio.timeout(0 if self._is_over else self._total_seconds)
        life = _Life(limit, Fault.GATEWAY_DRAINING if self._is_over else Fault.GATEWAY_DEADLINE)
        try:
            async with limit:
                self._begin(key_sha256, life)
                try:
                    yield
                finally:
                    self._forget(key_sha256, life)
        except TimeoutError:
            raise _ended(life.end) from None

    def end_of(self, key_sha256: str) -> None:
        """The key was taken back: what it has under way ends now."""
        for life in self._open.get(key_sha256, ()):
            _end(life, Fault.CALLER_KEY_REVOKED)

    def end_all(self) -> None:
        """The drain is over: whatever is under way ends now, each with an error of its own."""
        self._is_over = True
        for lives in self._open.values():
            for life in lives:
                _end(life, Fault.GATEWAY_DRAINING)

    def _begin(self, key_sha256: str, life: _Life) -> None:
        self._open.setdefault(key_sha256, set()).add(life)

    def _forget(self, key_sha256: str, life: _Life) -> None:
        lives = self._open[key_sha256]
        lives.discard(life)
        if not lives:
            del self._open[key_sha256]


def _end(life: _Life, fault: Fault) -> None:
    # What ends already does so for its own reason; and no time limit may be set anew then.
    if not life.limit.expired():
        life.end = fault
        life.limit.reschedule(asyncio.get_running_loop().time())


def _ended(fault: Fault) -> GatewayError:
    return GatewayError(fault, ENDED[fault], retry_after=RETRY_SECONDS.get(fault))
