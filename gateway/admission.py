"""USE CASE: lets a key have so many requests under way and no more, the others wait their turn.

The room is the key's own: one busy key keeps no other one waiting.
"""

from gateway.domain.api_keys import ApiKey
from gateway.domain.errors import Fault, GatewayError
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.exchange import Exchange
from gateway.ports.shared_state import Lease
from gateway.rooms import NoPlace, Rooms

LONGEST_WAIT_SECONDS = 30.0
"""Longer than most requests take, and shorter than most clients' own patience."""
RETRY_SECONDS = {NoPlace.ROOM_FULL: 2.0, NoPlace.WAITED_IN_VAIN: 1.0}


class Admission:
    """Keys' concurrency."""

    def __init__(self, rooms: Rooms, clock: Clock, events: GatewayEvents) -> None:
        self._rooms = rooms
        self._clock = clock
        self._events = events

    async def enter(self, key: ApiKey, exchange: Exchange) -> Lease | None:
        """One of the key's places, for `leave`; None where the key has no limit.

        Raises GatewayError.
        """
        limit = key.max_concurrency
        if limit is None:
            return None
        began = self._clock.monotonic()
        try:
            # Not to have to wait is the rule; only who has to is counted among those that do.
            taken = await self._rooms.take_at_once(key.place, limit) or await self._wait(
                key, limit, exchange.group
            )
        finally:
            exchange.waited_seconds += self._clock.monotonic() - began
        if isinstance(taken, NoPlace):
            raise GatewayError(
                Fault.POLICY_CONCURRENCY,
                f"This key has {limit} requests under way, as many as it may; try again.",
                retry_after=RETRY_SECONDS[taken],
            )
        return taken

    def leave(self, lease: Lease | None) -> None:
        """Give the place back."""
        if lease is not None:
            self._rooms.give_back(lease)

    async def _wait(self, key: ApiKey, limit: int, group: str) -> Lease | NoPlace:
        self._events.waiting(group, 1)
        try:
            return await self._rooms.wait(key.place, limit, key.max_waiting, LONGEST_WAIT_SECONDS)
        finally:
            self._events.waiting(group, -1)
