"""USE CASE: which account serves a call now, with a place on it taken.

A key that is bound to an account never leaves it. Otherwise: those that may be used → where the
conversation lives → priority → weighted rendezvous among the least loaded (domain/choice.py).
Sends nothing; what a failure means is health's and domain/failover's.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.domain.call import Call
from gateway.domain.choice import Candidate, Load, ranked
from gateway.domain.errors import Fault, GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.obstacles import LIMITS, Obstacle, nothing_eligible, shortest_wait
from gateway.health import Health
from gateway.ports import Affinity, Bond, Clock, GatewayEvents, Lease
from gateway.rooms import NoPlace, Rooms

FULL_SEAT_SECONDS = 5.0
"""How long a conversation waits for its own account before it moves."""
WAITING_BESIDE_LIMIT = 20
"""Callers that may wait for an account: its own number of places and so many more."""
BUSY_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class Seat:
    """An account that a call may use, and the place taken on it."""

    account: GroupAccount
    group: Group
    lease: Lease | None
    has_foreign_state: bool
    """Whether the conversation's history may hold what upstream sealed for another account."""


@dataclass(slots=True)
class Search:
    """How far the search for an account has come, for one call."""

    call: Call
    tried: set[str] = field(default_factory=set)
    bond: Bond | None = None
    has_looked: bool = False

    @property
    def bound_to(self) -> str | None:
        """The only account the call may use."""
        return self.call.key.account

    def groups(self) -> Iterator[Group]:
        """Where to look, in this order."""
        yield self.call.group
        if self.call.fallback is not None and self.bound_to is None:
            yield self.call.fallback


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
        if not search.has_looked and search.bound_to is None:
            search.bond = await self._affinity.find(search.call.conversation)
        search.has_looked = True
        self._keep_at_home(search)
        obstacles: list[Obstacle] = []
        for group in search.groups():
            eligible = self._eligible(search, group, obstacles)
            closed = self._health.begin_probe(group.platform) if eligible else None
            if closed is not None:
                obstacles.append(closed)
                continue
            seat = await self._sit(search, group, eligible, obstacles) if eligible else None
            if seat is not None:
                self._load.add(seat.account.id, self._clock.monotonic())
                return seat
        raise nothing_eligible(obstacles)

    def has_another(self, search: Search) -> bool:
        """Whether a further account could be tried now."""
        return any(self._eligible(search, group, []) for group in search.groups())

    def last_word(self, search: Search, error: GatewayError) -> GatewayError:
        """The error for the caller when the search ends with it.

        Where a limit is the reason, the wait is the shortest of all accounts that could have
        served: the one tried last may be the one that takes longest.
        """
        if error.fault not in LIMITS | {Fault.SEAT_QUOTA}:
            return error
        obstacles: list[Obstacle] = []
        for group in search.groups():
            for account in group.accounts:
                if search.bound_to is None or account.id == search.bound_to:
                    self._is_free(account, group.resolve(search.call.model), group, obstacles)
        wait = shortest_wait(obstacles)
        if wait is not None:
            error.retry_after = wait
        return error

    def leave(self, seat: Seat) -> None:
        """Give the place back. Once for each seat found."""
        self._load.end(seat.account.id)
        if seat.lease is not None:
            self._rooms.give_back(seat.lease)

    def ordered(self, group: Group, bound_to: str | None, model: str = "") -> list[GroupAccount]:
        """A group's usable accounts by priority, for requests that are no inference."""
        search_obstacles: list[Obstacle] = []
        found = [
            account
            for account in group.accounts
            if (bound_to is None or account.id == bound_to)
            and self._is_free(account, model, group, search_obstacles)
        ]
        if not found:
            raise nothing_eligible(search_obstacles)
        return sorted(found, key=lambda account: account.priority)

    # --- who may ---

    def _keep_at_home(self, search: Search) -> None:
        """A conversation leaves a seat whose quota is used up only where seats are one pool.

        Raises GatewayError.
        """
        group, bond = search.call.group, search.bond
        if bond is None or group.failover.on_quota != "stop" or bond.account in search.tried:
            return
        found = self._health.obstacle(
            bond.account, group.resolve(search.call.model), group.id, group.platform
        )
        if found is not None and found.fault is Fault.SEAT_QUOTA:
            raise nothing_eligible([found])

    def _eligible(
        self, search: Search, group: Group, obstacles: list[Obstacle]
    ) -> dict[str, GroupAccount]:
        model = group.resolve(search.call.model)
        if group is not search.call.group and not group.allows(model):
            return {}
        return {
            account.id: account
            for account in group.accounts
            if account.id not in search.tried
            and (search.bound_to is None or account.id == search.bound_to)
            and self._is_free(account, model, group, obstacles)
        }

    def _is_free(
        self, account: GroupAccount, model: str, group: Group, obstacles: list[Obstacle]
    ) -> bool:
        found = self._health.obstacle(account.id, model, group.id, group.platform)
        if found is not None:
            obstacles.append(found)
        return found is None

    # --- taking a place ---

    async def _sit(
        self,
        search: Search,
        group: Group,
        eligible: dict[str, GroupAccount],
        obstacles: list[Obstacle],
    ) -> Seat | None:
        order = self._order(search, eligible)
        home = search.bond.account if search.bond is not None else search.bound_to
        for account, seconds in _tries(order, home):
            seat = await self._seat(search, group, account, seconds)
            if seat is not None:
                return await self._settled(search, seat, eligible)
        obstacles.append(Obstacle(Fault.SEAT_BUSY, BUSY_RETRY_SECONDS))
        return None

    def _order(self, search: Search, eligible: dict[str, GroupAccount]) -> list[GroupAccount]:
        if len(eligible) == 1:
            return list(eligible.values())
        now = self._clock.monotonic()
        candidates = [
            Candidate(account.id, account.priority, account.weight) for account in eligible.values()
        ]
        order = ranked(
            search.call.conversation,
            candidates,
            {account: self._load.of(account, now) for account in eligible},
            self._affinity.remembers,
        )
        found = [eligible[candidate.account] for candidate in order]
        home = search.bond.account if search.bond is not None else None
        # Stable: everyone but the conversation's own account stays in order.
        return sorted(found, key=lambda account: account.id != home)

    async def _seat(
        self, search: Search, group: Group, account: GroupAccount, seconds: float
    ) -> Seat | None:
        bond = search.bond
        foreign = bond is not None and (bond.has_moved or bond.account != account.id)
        if account.max_concurrency is None:
            return Seat(account, group, None, foreign)
        taken = await self._rooms.take(
            f"account:{account.id}",
            account.max_concurrency,
            account.max_concurrency + WAITING_BESIDE_LIMIT,
            seconds,
        )
        return None if isinstance(taken, NoPlace) else Seat(account, group, taken, foreign)

    async def _settled(self, search: Search, seat: Seat, eligible: dict[str, GroupAccount]) -> Seat:
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
        except BaseException:
            self._give_up(seat)
            raise
        settled = search.bond.account
        if settled == seat.account.id or settled not in eligible:
            return seat
        other = await self._moved_to(search, seat, eligible[settled])
        return seat if other is None else other

    async def _moved_to(self, search: Search, seat: Seat, account: GroupAccount) -> Seat | None:
        other = await self._seat(search, seat.group, account, 0.0)
        if other is not None:
            self._give_up(seat)
        return other

    def _give_up(self, seat: Seat) -> None:
        if seat.lease is not None:
            self._rooms.give_back(seat.lease)


def _tries(order: list[GroupAccount], home: str | None) -> Iterator[tuple[GroupAccount, float]]:
    """Accounts, and for how many seconds each is waited for: only a conversation's own one is, or
    where none is its own the first, when all are full."""
    if order[0].id == home:
        yield order[0], FULL_SEAT_SECONDS
        order = order[1:]
    yield from ((account, 0.0) for account in order)
    if home is None:
        yield order[0], FULL_SEAT_SECONDS
