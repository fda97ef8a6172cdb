"""The use case: ask GitHub now and then for the quotas of the accounts in use.

For metrics alone: no token waits for it, and nothing it meets becomes of any. One request at a
time and at most one a second; of several replicas one asks for an account. What an answer means
and when to ask again is decided in domain/quotas.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from token_service.domain import quotas
from token_service.domain.agenda import Agenda
from token_service.domain.quotas import Allowance, Miss, Outcome, Reading
from token_service.domain.tokens import Account, AccountId
from token_service.ports.clock import Chance, Clock
from token_service.ports.quotas import QuotaEvents, QuotaSource, QuotaTurns

PACE_SECONDS = 1.0
# Accounts that are new, were changed or are not used any more are noticed within this time.
LOOK_AGAIN_SECONDS = 2.0
# A turn lasts longer than the time to the next poll, so that who had it goes on.
TURN_SHARE = 1.25


@dataclass
class Watched:
    """An account in use. misses: how many polls in a row came to nothing."""

    account: Account
    misses: int = 0


class QuotaPoller:
    """Asks until it is cancelled. in_use: the accounts that were asked for lately."""

    def __init__(
        self,
        in_use: Callable[[], Iterable[Account]],
        source: QuotaSource,
        turns: QuotaTurns,
        clock: Clock,
        chance: Chance,
        events: QuotaEvents,
        interval_seconds: float,
    ) -> None:
        self._in_use = in_use
        self._source = source
        self._turns = turns
        self._clock = clock
        self._chance = chance
        self._events = events
        self._interval = interval_seconds
        self._watched: dict[AccountId, Watched] = {}
        self._agenda: Agenda[AccountId] = Agenda()

    async def run(self) -> None:
        """Look, poll what is due, sleep; never ends by itself."""
        while True:
            self._look()
            asked = await self._poll_next()
            if asked is None:
                await self._clock.sleep(LOOK_AGAIN_SECONDS)
            else:
                await self._clock.sleep(asked + PACE_SECONDS - self._clock.monotonic())

    # --- which accounts -----------------------------------------------------------------------

    def _look(self) -> None:
        used = {account.id: account for account in self._in_use()}
        for name in self._watched.keys() - used.keys():
            self._leave(name)
        for name, account in used.items():
            known = self._watched.get(name)
            # Looked at for thousands of accounts: the same object is compared at no cost.
            if known is not None and known.account is account:
                continue
            if known is not None and known.account == account:
                known.account = account
            else:
                self._watch(account)

    def _watch(self, account: Account) -> None:
        """A new one, or one with another credential: what became of the old one is forgotten."""
        self._leave(account.id)
        self._watched[account.id] = Watched(account)
        if self._source.covers(account):
            self._agenda.put(account.id, self._clock.monotonic())

    def _leave(self, name: AccountId) -> None:
        if self._watched.pop(name, None) is not None:
            self._agenda.drop(name)
            self._events.quotas_left(name)

    # --- one poll -----------------------------------------------------------------------------

    async def _poll_next(self) -> float | None:
        """When GitHub was asked, about the first account that is due and is ours to poll."""
        while (name := self._agenda.take(self._clock.monotonic())) is not None:
            watched = self._watched[name]
            if await self._is_ours(watched.account):
                asked = self._clock.monotonic()
                await self._poll(watched)
                return asked
        return None

    async def _is_ours(self, account: Account) -> bool:
        left = await self._turns.take(account, self._interval * TURN_SHARE)
        if left > 0:
            spread = self._interval * quotas.SPREAD * self._chance.fraction()
            self._plan(account, min(left, self._interval) + spread)
            self._events.quotas_left(account.id)
        return left <= 0

    async def _poll(self, watched: Watched) -> None:
        account = watched.account
        reading = await self._ask(account)
        watched.misses = 0 if isinstance(reading, Allowance) else watched.misses + 1
        seconds = quotas.next_poll(reading, watched.misses, self._interval, self._chance.fraction())
        self._plan(account, seconds)
        self._events.quotas_polled(account.id, reading)
        if watched.misses:
            # Or another replica would ask before it is time.
            await self._turns.take(account, seconds * TURN_SHARE)

    async def _ask(self, account: Account) -> Reading:
        try:
            return await self._source.ask(account)
        except Exception as bug:
            self._events.quota_poll_crashed(account.id, bug)
            return Miss(Outcome.CRASHED)

    def _plan(self, account: Account, seconds: float) -> None:
        self._agenda.put(account.id, self._clock.monotonic() + seconds)
