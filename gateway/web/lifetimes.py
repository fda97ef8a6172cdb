"""How long requests may live: each to its own deadline, and all of them to the end of a drain."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.domain.errors import Fault, GatewayError

ENDED = {
    Fault.GATEWAY_DEADLINE: "The request took longer than the gateway allows.",
    Fault.GATEWAY_DRAINING: "The gateway is restarting; send the request again.",
}


class Lifetimes:
    """Of the requests under way."""

    def __init__(self, total_seconds: float) -> None:
        self._total_seconds = total_seconds
        self._open: set[asyncio.Timeout] = set()
        self._is_over = False

    @property
    def under_way(self) -> int:
        """How many requests live."""
        return len(self._open)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Ends the block when the time has come: raises GatewayError."""
        try:
            async with asyncio.timeout(0 if self._is_over else self._total_seconds) as limit:
                self._open.add(limit)
                try:
                    yield
                finally:
                    self._open.discard(limit)
        except TimeoutError:
            fault = Fault.GATEWAY_DRAINING if self._is_over else Fault.GATEWAY_DEADLINE
            raise GatewayError(fault, ENDED[fault], retry_after=1.0) from None

    def end_all(self) -> None:
        """The drain is over: whatever is under way ends now, each with an error of its own."""
        self._is_over = True
        now = asyncio.get_running_loop().time()
        for limit in tuple(self._open):
            limit.reschedule(now)
