"""How long a body is waited for while it arrives: so long as enough of it comes, within bounds."""

import asyncio
from collections.abc import Callable
from typing import Final

from gateway.domain.errors import Fault, GatewayError
from runtime.deadline import Deadlined

LOOK_SECONDS: Final = 120.0
"""A caller that sends nothing is waited for no longer."""
LEAST_BYTES: Final = 120 * 1024
"""Of what is not all there by the next look: 1 KiB/s, less than any line that is of use. A byte a
second would hold a connection for ever."""
MOST_LOOKS: Final = 30
"""An hour."""


class BodyTimer(Deadlined):
    """Of one body, from now on. Whoever makes one calls `stop` in the end.

    arrived: says how many bytes of it have come. give_up: is called once if it is too slow.
    """

    __slots__ = ("_arrived", "_give_up", "_looks", "_seen")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        arrived: Callable[[], int],
        give_up: Callable[[], object],
    ) -> None:
        super().__init__(loop)
        self._arrived = arrived
        self._give_up = give_up
        self._seen = arrived()
        self._looks = 0
        self._look_again()

    def stop(self) -> None:
        """The body is there, or nobody wants it any more."""
        self._wait_no_more()

    def _look_again(self) -> None:
        self._wait_until(self._loop.time() + LOOK_SECONDS)

    def _due(self) -> None:
        """See Deadlined."""
        arrived = self._arrived()
        self._looks += 1
        if arrived - self._seen < LEAST_BYTES or self._looks == MOST_LOOKS:
            self._give_up()
            return
        self._seen = arrived
        self._look_again()


def too_slow() -> GatewayError:
    """The refusal of a body that does not come."""
    return GatewayError(
        Fault.CALLER_BODY_TIMEOUT,
        f"The body did not arrive in time: within {LOOK_SECONDS:g} s either all that was missing "
        f"has to come or {LEAST_BYTES // 1024} KiB of it, and within an hour all of it.",
    )
