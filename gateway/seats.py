"""USE CASE: which account serves a call now, with a place on it taken.

A key that is bound to an account never leaves it. Otherwise: where the conversation lives →
priority → weighted rendezvous among the least loaded (domain/choice.py), and of all these only
those that may be used. Each account is looked at when its turn comes, so that one that serves at
once costs the same among thousands. Sends nothing; what a failure means is health's and
domain/failover's.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from gateway.domain.choice import Load, in_order
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.obstacles import LIMITS, Obstacle, nothing_eligible, shortest_wait
from gateway.health import Health
from gateway.ports.clock import Clock
from gateway.ports.events import GatewayEvents
from gateway.ports.shared_state import Affinity, Lease
from gateway.rooms import NoPlace, Rooms
from gateway.search import Search, Seat

FULL_SEAT_SECONDS = 5.0
"""How long a conversation waits for its own account before it moves."""
WAITING_BESIDE_LIMIT = 20
"""Callers that may wait for an account: its own number of places and so many more."""
BUSY_RETRY_SECONDS = 1.0


class Seats:
    """Finds accounts for calls."""

    def __init__(
        self,
        health: Health,
        rooms: Rooms,
        affinity: Affinity,
        clock: Clock,
        events: GatewayEvents,
    ) -> None:
        self._health = health
        self._rooms = rooms
        self._affinity = affinity
        self._clock = clock
        self._events = events
        self._load = Load()

    async def find(self, search: Search) -> Seat:
        """The next account for a call. Raises GatewayError when there is none to be had."""
        if not search.has_looked:
            search.has_looked = True
            if search.bound_to is None:
                search.bond = await self._affinity.find(search.call.conversation)
        obstacles: list[Obstacle] = []
        for group in search.groups():
            seat = await self._sit(search, group, obstacles)
            if seat is not None:
                self._load.add(seat.account.id, self._clock.monotonic())
                return seat
        raise nothing_eligible(obstacles)

    def has_another(self, search: Search) -> bool:
        """Whether a further account could be tried now."""
        return any(
            next(self._usable(search, group, []), None) is not None for group in search.groups()
        )

    def last_word(self, search: Search, error: GatewayError) -> GatewayError:
        """The error for the caller when the search ends with it.

        Where a limit is the reason, the wait is the shortest of all accounts that could have
        served: the one tried last may be the one that takes longest.
        """
        if error.fault not in LIMITS | {Fault.SEAT_QUOTA}:
            return error
        obstacles: list[Obstacle] = []
        for group in search.groups():
            model = group.resolve(search.call.model)
            for account in _accounts(group, search.bound_to):
                found = self._health.obstacle(account.id, model, group.id, group.platform)
                if found is not None:
                    obstacles.append(found)
        wait = shortest_wait(obstacles)
        if wait is not None:
            error.retry_after = wait
        return error

    def leave(self, seat: Seat) -> None:
        """Give the place back. Once for each seat found."""
        self._load.end(seat.account.id)
        if seat.lease is not None:
            self._rooms.give_back(seat.lease)

    def ordered(
        self, group: Group, bound_to: str | None, model: str = "", most: int | None = None
    ) -> list[GroupAccount]:
        """So many of a group's usable accounts by priority, for requests that are no inference."""
        obstacles: list[Obstacle] = []
        found: list[GroupAccount] = []
        for account in sorted(_accounts(group, bound_to), key=_priority):
            obstacle = self._health.obstacle(account.id, model, group.id, group.platform)
            if obstacle is not None:
                obstacles.append(obstacle)
                continue
            found.append(account)
            if len(found) == most:
                break
        if not found:
            raise nothing_eligible(obstacles)
        return found

    # --- who may ---

    def _keep_at_home(self, search: Search, group: Group) -> None:
        """A conversation leaves a seat whose quota is used up only where seats are one pool.

        Raises GatewayError.
        """
        bond = search.bond
        if bond is None or bond.account in search.tried or group is not search.call.group:
            return
        if group.failover.on_quota != "stop":
            return
        found = self._health.obstacle(
            bond.account, group.resolve(search.call.model), group.id, group.platform
        )
        if found is not None and found.fault is Fault.SEAT_QUOTA:
            raise nothing_eligible([found])

    def _usable(
        self, search: Search, group: Group, obstacles: list[Obstacle]
    ) -> Iterator[GroupAccount]:
        """The accounts that may be used, the conversation's own before the others.

        obstacles: takes what stands in the way of those that have had their turn.
        """
        own = self._own(search, group, obstacles)
        if own is not None:
            yield own
        yield from self._others(search, group, own, obstacles)

    def _own(self, search: Search, group: Group, obstacles: list[Obstacle]) -> GroupAccount | None:
        """The account that the call would wait for, where it may be used."""
        call, home = search.call, search.home
        own = None if home is None else group.by_id.get(home)
        if own is None:
            return None
        model = group.resolve(call.model)
        if group is not call.group and not group.allows(model):
            return None
        return own if self._may(search, group, model, obstacles, own) else None

    def _others(
        self,
        search: Search,
        group: Group,
        own: GroupAccount | None,
        obstacles: list[Obstacle],
    ) -> Iterator[GroupAccount]:
        call = search.call
        model = group.resolve(call.model)
        if search.bound_to is not None or (group is not call.group and not group.allows(model)):
            return
        may = partial(self._may, search, group, model, obstacles)
        load = self._load if self._affinity.remembers else None
        now = self._clock.monotonic()
        for account in in_order(call.conversation, group.tiers, may, load, now):
            if account is not own:
                yield account

    def _may(
        self,
        search: Search,
        group: Group,
        model: str,
        obstacles: list[Obstacle],
        account: GroupAccount,
    ) -> bool:
        """Whether an account may be used; what stands in the way is put down."""
        if account.id in search.tried:
            return False
        found = self._health.obstacle(account.id, model, group.id, group.platform)
        if found is None:
            return True
        obstacles.append(found)
        return False

    # --- taking a place ---

    async def _sit(self, search: Search, group: Group, obstacles: list[Obstacle]) -> Seat | None:
        own = self._own(search, group, obstacles)
        if own is None:
            self._keep_at_home(search, group)
        others = self._others(search, group, own, obstacles)
        first = own or next(others, None)
        if first is None:
            return None
        closed = self._health.begin_probe(group.platform)
        if closed is not None:
            obstacles.append(closed)
            return None
        if own is not None:
            seat = await self._seat(search, group, own, FULL_SEAT_SECONDS)
            if seat is not None:
                return seat
        seat = await self._elsewhere(search, group, own, first, others)
        if seat is None:
            obstacles.append(Obstacle(Fault.SEAT_BUSY, BUSY_RETRY_SECONDS))
        return seat

    async def _elsewhere(
        self,
        search: Search,
        group: Group,
        own: GroupAccount | None,
        first: GroupAccount,
        others: Iterator[GroupAccount],
    ) -> Seat | None:
        """A free place on the first of the others that has one."""
        account = next(others, None) if first is own else first
        while account is not None:
            seat = await self._seat(search, group, account, 0.0)
            if seat is not None:
                return await self._settled(search, seat)
            account = next(others, None)
        # Only a conversation's own account is waited for; where none is its own, the first.
        if search.home is None:
            seat = await self._seat(search, group, first, FULL_SEAT_SECONDS)
            if seat is not None:
                return await self._settled(search, seat)
        return None

    async def _seat(
        self, search: Search, group: Group, account: GroupAccount, seconds: float
    ) -> Seat | None:
        bond = search.bond
        foreign = bond is not None and (bond.has_moved or bond.account != account.id)
        if account.max_concurrency is None:
            return Seat(account, group, None, foreign)
        limit = account.max_concurrency
        taken = await self._rooms.take_at_once(account.place, limit)
        if taken is None and seconds:
            taken = await self._wait(search, account.place, limit, seconds)
        return None if taken is None else Seat(account, group, taken, foreign)

    async def _wait(self, search: Search, place: str, limit: int, seconds: float) -> Lease | None:
        began = self._clock.monotonic()
        self._events.waiting(search.call.group.id, 1)
        try:
            taken = await self._rooms.wait(place, limit, limit + WAITING_BESIDE_LIMIT, seconds)
        finally:
            self._events.waiting(search.call.group.id, -1)
            search.waited_seconds += self._clock.monotonic() - began
        return None if isinstance(taken, NoPlace) else taken

    async def _settled(self, search: Search, seat: Seat) -> Seat:
        """Have the conversation live on the seat's account, or go where another replica put it."""
        bond = search.bond
        if search.bound_to is not None or seat.group is not search.call.group:
            return seat
        if bond is not None and bond.account == seat.account.id:
            return seat
        try:
            leaving = bond.account if bond is not None else None
            search.bond = await self._affinity.settle(
                search.call.conversation, seat.account.id, leaving
            )
            if search.bond.account == seat.account.id:
                return seat
            other = await self._moved_to(search, seat, search.bond.account)
        except BaseException:
            # Cancelled while the store, or the other place, was asked for.
            self._give_up(seat)
            raise
        return seat if other is None else other

    async def _moved_to(self, search: Search, seat: Seat, settled: str) -> Seat | None:
        account = seat.group.by_id.get(settled)
        if account is None or next(self._usable(search, seat.group, []), None) is not account:
            return None
        other = await self._seat(search, seat.group, account, 0.0)
        if other is not None:
            self._give_up(seat)
        return other

    def _give_up(self, seat: Seat) -> None:
        if seat.lease is not None:
            self._rooms.give_back(seat.lease)


def _accounts(group: Group, bound_to: str | None) -> Sequence[GroupAccount]:
    """Those that a call may use at all."""
    if bound_to is None:
        return group.accounts
    only = group.by_id.get(bound_to)
    return () if only is None else (only,)


def _priority(account: GroupAccount) -> int:
    return account.priority
