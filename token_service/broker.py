"""The use case: an account's current token, from memory while it lives, else by an attempt.

Starts attempts and waits for them. What a caller gets is decided in domain/leases, how an
attempt is made in renewal; how a token is obtained is its source's business.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

from token_service.domain import freshness, leases
from token_service.domain.agenda import Agenda
from token_service.domain.errors import (
    ArgumentInvalid,
    Draining,
    GitHubUnavailable,
    Overloaded,
    TokenServiceError,
)
from token_service.domain.freshness import Freshness, FreshnessPolicy
from token_service.domain.holding import Held
from token_service.domain.leases import AccountView, Give, Lease, Refuse, Removed, Wait
from token_service.domain.seats import NEVER, Seat, Seats
from token_service.domain.tokens import Account, AccountId
from token_service.ports.clock import Chance, Clock
from token_service.ports.tokens import BrokerEvents, TokenStore
from token_service.renewal import Obtained, Outcome, Renewal, generation_of
from token_service.singleflight import SingleFlight
from token_service.watchers import Following

# A caller that could be given a living token waits for its renewal for no more than this part
# of its time, and of the token's: so that it still reaches the caller, and lives when it does.
SHARE_OF_PATIENCE = 0.5
# Callers that wait cost memory; beyond this many they are told to come back.
MOST_WAITING = 20_000
RETRY_SECONDS = 1.0
# A renewal that ended without a word, because of a bug, is started again after this time.
CHECK_SECONDS = 5.0


class Broker:
    """Gives out tokens; at most one attempt per account runs at a time."""

    def __init__(
        self,
        accounts: Iterable[Account],
        renewal: Renewal,
        store: TokenStore,
        flights: SingleFlight[AccountId, Outcome],
        clock: Clock,
        chance: Chance,
        events: BrokerEvents,
        policy: FreshnessPolicy,
        most_waiting: int = MOST_WAITING,
    ) -> None:
        self._seats = Seats(accounts)
        self._renewal = renewal
        self._store = store
        self._flights = flights
        self._clock = clock
        self._chance = chance
        self._events = events
        self._policy = policy
        self._most_waiting = most_waiting
        self._waiting = 0
        self._draining = False
        self._agenda: Agenda[AccountId] = Agenda()
        self._following = Following(self._seats, store, clock, policy)
        self._to_forget: dict[AccountId, Account] = {}
        self._to_drop: set[AccountId] = set()
        store.on_change(self._changed)

    # --- for callers --------------------------------------------------------------------------

    async def get(self, account: str, min_ttl: float = 0.0, patience: float | None = None) -> Lease:
        """The account's token, with at least `min_ttl` seconds left if that can be had.

        patience: seconds the caller has; None for as long as an attempt may take. Raises
        TokenServiceError, or TimeoutError when the time is up and there is no living token.
        """
        seat = self._seats.find(account)
        freshness.check_min_ttl(min_ttl)
        seat.asked = now = self._clock.monotonic()
        held = self._store.held(seat.account.id)
        under_way = self._flights.under_way(seat.account.id)
        match leases.decide(held, min_ttl, self._policy, now, under_way):
            case Give(lease, renew):
                if renew:
                    self.renew(seat.account.id)
                elif seat.account.id not in self._agenda:
                    self._schedule(seat)
                return self._served(lease)
            case Refuse(error):
                raise error
            case Wait(fallback):
                return await self._wait(seat, min_ttl, patience, fallback)

    async def invalidate(self, account: str, token_id: str, reason: str) -> str:
        """Take note that upstream refused that token; the id of the token that is current now.

        Only the current token can be complained about, and one complaint about it counts. It
        stays until its renewal, which starts at once or as soon as that is allowed. Empty when
        no token is given any more. Raises AccountNotFound, ArgumentInvalid.
        """
        seat = self._seats.find(account)
        if not token_id:
            raise ArgumentInvalid("token_id is required: name the token that was refused")
        held = self._store.held(seat.account.id)
        if not held.is_rejected(token_id):
            held = await self._store.reject(seat.account, token_id)
            if held.is_rejected(token_id):
                self._events.rejected_upstream(seat.account.id, token_id, reason, held.strikes)
                self.renew(seat.account.id)
        token = held.living(self._clock.monotonic())
        return token.token_id if token is not None else ""

    def watch(self, accounts: Sequence[str]) -> AsyncGenerator[Lease | Removed, None]:
        """The current token of each account, then each newer one; see watchers."""
        return self._following.watch(accounts)

    def listing(self) -> list[AccountView]:
        """Every account as its callers may see it, ordered by id."""
        now = self._clock.monotonic()
        held = self._store.held
        return [leases.view(s.account, held(s.account.id), now) for s in self._seats.ordered()]

    def is_direct(self, account: str) -> bool:
        """Whether the account's tokens are its GitHub credential; False for one that is not."""
        return self._seats.is_direct(account)

    # --- for operators ------------------------------------------------------------------------

    def replace_accounts(self, accounts: Iterable[Account]) -> None:
        """From now on these are the accounts. What was known of others is forgotten soon."""
        changes = self._seats.replace(accounts)
        for account in changes.removed:
            self._to_forget[account.id] = account
            self._agenda.drop(account.id)
            self._following.changed(account.id)
        for account in changes.moved:
            # Its token may be for another host; a new one is obtained when asked for.
            self._store.drop(account.id)
            if self._flights.under_way(account.id):
                self._to_drop.add(account.id)
        for account in changes.renewed:
            self._store.pardon(account.id)
        for account in changes.added:
            self._to_forget.pop(account.id, None)
            self._following.changed(account.id)

    def restart_streams(self) -> None:
        """Who follows accounts has to call again, and is asked again whether it may."""
        self._following.restart()

    def drain(self) -> None:
        """From now on nobody waits for an attempt that is not under way already."""
        self._draining = True
        self._following.end()

    # --- for what runs in the background ------------------------------------------------------

    def in_use(self, idle_seconds: float) -> list[Account]:
        """The accounts that were asked for lately."""
        return self._seats.in_use(self._clock.monotonic(), idle_seconds)

    def renew_due(self, idle_seconds: float, most: int) -> bool:
        """Start what is due among what was asked for lately; whether more is due than may run.

        most: how many attempts may be under way.
        """
        now = self._clock.monotonic()
        while self._flights.running < most:
            name = self._agenda.take(now)
            if name is None:
                return False
            seat = self._seats.get(name)
            if seat is not None and seat.was_asked_for(now, idle_seconds):
                self._agenda.put(name, now + CHECK_SECONDS)
                self.renew(name)
        due = self._agenda.next()
        return due is not None and due <= now

    def next_due(self) -> float | None:
        """The monotonic time of the next renewal; None when none is planned."""
        return self._agenda.next()

    def renew(self, account: AccountId) -> None:
        """Start an attempt in the background, unless one runs already or it is too early."""
        if not self._draining and leases.may_try(
            self._store.held(account), self._clock.monotonic()
        ):
            _ = self._fly(self._seats.find(account))  # ends by itself, whoever waits for it

    async def forget_removed(self) -> None:
        """Drop what is known of accounts that were removed or changed, once nobody is at it."""
        for name in [name for name in self._to_drop if not self._flights.under_way(name)]:
            self._to_drop.discard(name)
            self._store.drop(name)
        for name, account in tuple(self._to_forget.items()):
            if not self._flights.under_way(name):
                del self._to_forget[name]
                self._renewal.forget(name)
                await self._store.forget(account)

    # --- waiting ------------------------------------------------------------------------------

    async def _wait(
        self, seat: Seat, min_ttl: float, patience: float | None, fallback: Lease | None
    ) -> Lease:
        outcome: Outcome | None = self._turned_away(seat)
        if outcome is None:
            is_first = not self._flights.under_way(seat.account.id)
            outcome = await self._outcome(self._fly(seat), patience, fallback)
            if not is_first or (isinstance(outcome, Obtained) and outcome.followed):
                self._events.followed()
        if isinstance(outcome, Obtained):
            return self._new(outcome, min_ttl)
        return self._old(seat, outcome)

    def _turned_away(self, seat: Seat) -> TokenServiceError | None:
        """Why this caller may not wait, if so."""
        if self._waiting >= self._most_waiting:
            return Overloaded("too many callers wait for tokens", retry_after=RETRY_SECONDS)
        if self._draining and not self._flights.under_way(seat.account.id):
            return _draining()
        return None

    async def _outcome(
        self, flight: asyncio.Future[Outcome], patience: float | None, fallback: Lease | None
    ) -> Outcome:
        """What became of the attempt, as a value; TimeoutError if the caller's time is up."""
        if fallback is not None:
            longest = (
                fallback.expires_in if patience is None else min(patience, fallback.expires_in)
            )
            patience = longest * SHARE_OF_PATIENCE
        self._waiting += 1
        try:
            # Not wait_for: a caller that leaves must not cancel the others' attempt.
            await asyncio.wait((flight,), timeout=patience)
        finally:
            self._waiting -= 1
        if not flight.done():
            if fallback is None:
                raise TimeoutError
            return GitHubUnavailable("the renewal takes longer than this caller can wait")
        return _draining() if flight.cancelled() else flight.result()

    def _new(self, obtained: Obtained, min_ttl: float) -> Lease:
        token = obtained.token
        now = self._clock.monotonic()
        held = self._store.held(token.account)
        if held.token != token:
            held = Held(token)
        state = leases.verdict(held, token, min_ttl, self._policy, now)
        if state is Freshness.EXPIRED:
            raise GitHubUnavailable(
                "GitHub's new token had ended before it could be given", retry_after=RETRY_SECONDS
            )
        self._events.served(token.account, obtained.source)
        return leases.lease(held, token, state, now)

    def _old(self, seat: Seat, error: TokenServiceError) -> Lease:
        """A token that still works is given although its renewal failed (design §2.3)."""
        now = self._clock.monotonic()
        held = self._store.held(seat.account.id)
        token = held.living(now)
        if token is None:
            # Each caller raises an instance of its own: a raised one collects its traceback.
            raise error.again(error.retry_after)
        return self._served(leases.lease(held, token, Freshness.STALE, now))

    def _served(self, lease: Lease) -> Lease:
        stale = lease.state is Freshness.STALE
        self._events.served(lease.token.account, "stale" if stale else "memory")
        return lease

    def _fly(self, seat: Seat) -> asyncio.Future[Outcome]:
        account = seat.account
        known = generation_of(self._store.held(account.id))
        return self._flights.join(account.id, lambda: self._renewal.attempt(account, known))

    # --- changes ------------------------------------------------------------------------------

    def _changed(self, account: AccountId) -> None:
        seat = self._seats.get(account)
        if seat is not None:
            self._schedule(seat)
            self._following.changed(account)

    def _schedule(self, seat: Seat) -> None:
        """Plan the next renewal of an account that somebody asks for."""
        due = leases.renewal_due(self._store.held(seat.account.id), self._ahead(seat.account.id))
        if due is None or seat.asked == NEVER:
            self._agenda.drop(seat.account.id)
        else:
            self._agenda.put(seat.account.id, due)

    def _ahead(self, account: AccountId) -> float:
        if not self._store.is_alone:
            return 0.0
        seconds = self._renewal.exchange_seconds(account)
        return freshness.ahead_of_others(seconds, self._chance.fraction())


def _draining() -> Draining:
    return Draining("this process is about to end; call again", retry_after=RETRY_SECONDS)
