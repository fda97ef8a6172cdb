"""TokenStore of a fleet: who renews, and how what is obtained becomes everybody's.

While the store is up it says who renews, and every newer token found there or offered to it is
everybody's. While it is down this process is alone and its memory stands for the store
(docs/decisions/0008). Numbers are given here (docs/decisions/0007).
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from runtime.valkey.link import StoreLink
from runtime.valkey.server import Place, connected
from token_service.adapters.memory_store import STRIDES, MemoryStore, token_of
from token_service.adapters.sealing import Keyring
from token_service.adapters.store_step import StoreStep, is_shared
from token_service.adapters.store_time import StoreTime
from token_service.adapters.valkey_shelf import Sighting, ValkeyShelf, channel_of
from token_service.domain import holding, records
from token_service.domain.failures import Failure
from token_service.domain.holding import Claim, Held
from token_service.domain.tokens import Account, AccountId, CopilotToken, Grant
from token_service.ports.clock import Chance, Clock
from token_service.ports.tokens import StoreEvents

# A write is numbered anew when the store has gone back; more often than this it is not itself.
MOST_NUMBERINGS = 4


@dataclass(frozen=True)
class SharedClaim(Claim):
    """A claim in the store. owner: its name there; seen: what the store held then."""

    owner: str
    seen: Sighting


class SharedStore:
    """What all replicas know."""

    def __init__(
        self,
        memory: MemoryStore,
        link: StoreLink[ValkeyShelf],
        time: StoreTime,
        chance: Chance,
        events: StoreEvents,
        claim_seconds: float,
        is_sealed: bool,
    ) -> None:
        self.link = link
        self._memory = memory
        self._step = StoreStep(memory, link, time, events, is_sealed)
        self._time = time
        self._chance = chance
        self._claim_seconds = claim_seconds

    @property
    def is_alone(self) -> bool:
        return self._step.is_alone

    def held(self, account: AccountId) -> Held:
        return self._memory.held(account)

    def on_change(self, listener: Callable[[AccountId], None]) -> None:
        self._memory.on_change(listener)

    def pardon(self, account: AccountId) -> None:
        self._memory.pardon(account)

    def look_soon(self, account: Account) -> None:
        self._step.look_soon(account)

    async def changed(self, account: Account, seconds: float) -> None:
        await self._step.changed(account, seconds)

    def running(self) -> AbstractAsyncContextManager[None]:
        """See StoreStep.running."""
        return self._step.running()

    async def load(self, account: Account) -> Held:
        await self._step.load(account)
        return self.held(account.id)

    async def claim(self, account: Account) -> Claim:
        owner = self._chance.token_id()
        seen = await self._step.ask(
            account, lambda shelf: shelf.claim(account, owner, self._claim_seconds)
        )
        if seen is None:
            return await self._memory.claim(account)
        granted = seen.verdict == "granted"
        return SharedClaim(account, granted, self.held(account.id), owner, seen)

    async def extend(self, claim: Claim) -> None:
        if isinstance(claim, SharedClaim):
            account, owner, seconds = claim.account, claim.owner, self._claim_seconds
            await self._step.do(account, lambda shelf: shelf.extend(account, owner, seconds))

    async def release(self, claim: Claim) -> None:
        if isinstance(claim, SharedClaim):
            account, owner = claim.account, claim.owner
            await self._step.do(account, lambda shelf: shelf.release(account, owner))

    async def keep(
        self, claim: Claim, grant: Grant, obtained: float, refresh_after: float
    ) -> CopilotToken | None:
        name = self._chance.token_id()
        if isinstance(claim, SharedClaim) and self._step.may_share(grant.strategy, grant.value):
            done, token = await self._keep_shared(claim, grant, name, obtained, refresh_after)
            if done:
                return token
        else:
            await self.release(claim)
        return self._keep_alone(claim.account, grant, name, obtained, refresh_after)

    async def fail(self, claim: Claim, failure: Failure) -> None:
        done = None
        if isinstance(claim, SharedClaim):
            account, owner, seen = claim.account, claim.owner, claim.seen
            done = await self._step.ask(account, lambda s: s.fail(account, owner, seen, failure))
        if done is None or done.verdict == "failed":
            await self._memory.fail(claim, failure)

    async def reject(self, account: Account, token_id: str) -> Held:
        done = await self._step.ask(account, lambda shelf: shelf.reject(account, token_id))
        # What only this process has, it alone can mark.
        if done is None or done.verdict != "rejected":
            await self._memory.reject(account, token_id)
        return self.held(account.id)

    def drop(self, account: AccountId) -> None:
        self._step.drop(account)

    async def forget(self, account: Account) -> None:
        self._step.leave(account.id)
        if is_shared(account):
            await self._step.do(account, lambda shelf: shelf.forget(account))
        self.drop(account.id)

    async def _keep_shared(
        self, claim: SharedClaim, grant: Grant, name: str, obtained: float, refresh_after: float
    ) -> tuple[bool, CopilotToken | None]:
        """Whether the store has answered, and the account's newest token, if there is one."""
        account, last = claim.account.id, claim.seen
        store_now = last.store_now
        if not (last.generation and last.is_continuous):
            # The number is made from the time of the write, not of the claim: since then others
            # may have been given numbers, and the store may have lost them.
            latest = await self._step.do(claim.account, lambda shelf: shelf.load(claim.account))
            if latest is None:
                return False, None
            store_now = latest.store_now
        for _ in range(MOST_NUMBERINGS):
            number = self._next_generation(account, last, store_now)
            token = token_of(account, grant, number, name, obtained, refresh_after)
            seen = await self._write(claim, last, token)
            if seen is None:
                return False, None
            if _is_written(seen, token):
                self._step.hold(claim.account, token, seen.held.strikes)
                return True, token
            if seen.verdict == "lost":
                return True, await self._lost(claim, seen)
            last, store_now = seen, seen.store_now
        return False, None

    async def _write(
        self, claim: SharedClaim, last: Sighting, token: CopilotToken
    ) -> Sighting | None:
        account, owner = claim.account, claim.owner
        return await self._step.do(account, lambda shelf: shelf.keep(account, owner, last, token))

    async def _lost(self, claim: SharedClaim, seen: Sighting) -> CopilotToken | None:
        """The token this one lost to; None when that is still to come."""
        await self._step.adopt(claim.account, seen)
        newest = self.held(claim.account.id).living(self._time.monotonic())
        return newest if newest is not None and newest.generation > claim.seen.generation else None

    def _keep_alone(
        self, account: Account, grant: Grant, name: str, obtained: float, refresh_after: float
    ) -> CopilotToken:
        number = self._memory.next_generation(account.id)
        token = token_of(account.id, grant, number, name, obtained, refresh_after)
        strikes = holding.strikes_after(self.held(account.id), self._time.monotonic())
        self._step.hold(account, token, strikes)
        return token

    def _next_generation(self, account: AccountId, seen: Sighting, store_now: int) -> int:
        token = self.held(account).token
        return records.numbered(
            seen.generation,
            token.generation if token is not None else 0,
            seen.is_continuous,
            store_now / records.MICROSECONDS,
            int(self._chance.fraction() * STRIDES),
        )


@dataclass(frozen=True)
class StoreOptions:
    """The settings `store.*`. keys: the first seals, all open; none: nothing is sealed."""

    place: Place
    namespace: str
    keys: Sequence[bytes] = field(repr=False)
    claim_seconds: float


def shared_store(
    options: StoreOptions, clock: Clock, chance: Chance, events: StoreEvents
) -> SharedStore:
    """The store and its parts; nothing is connected before it runs."""
    keyring = Keyring(options.keys)
    time = StoreTime(clock)
    link = StoreLink(
        lambda: connected(options.place),
        lambda connection: ValkeyShelf(connection, options.namespace, keyring, clock),
        channel_of(options.namespace),
        chance.fraction,
        events,
    )
    memory = MemoryStore(time, chance)
    return SharedStore(memory, link, time, chance, events, options.claim_seconds, keyring.is_sealed)


def _is_written(seen: Sighting, token: CopilotToken) -> bool:
    """Whether it is there: the answer to an earlier try may have been lost."""
    there = seen.held.token
    return there is not None and there.token_id == token.token_id
