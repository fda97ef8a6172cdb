"""This process's memory, kept in step with the shared store.

What is newer there is taken over, what is newer here is offered. Knows no claim, numbers nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from runtime.valkey.link import StoreLink
from runtime.valkey.server import ScriptFailed
from token_service.adapters.memory_store import MemoryStore
from token_service.adapters.store_mirror import Mirror
from token_service.adapters.store_time import StoreTime
from token_service.adapters.valkey_shelf import Sighting, ValkeyShelf
from token_service.domain import holding, records
from token_service.domain.credentials import Choice, Strategy
from token_service.domain.holding import Held
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import Account, AccountId, CopilotToken
from token_service.ports.tokens import StoreEvents

LOOKERS = 8

Operation = Callable[[ValkeyShelf], Awaitable[Sighting]]


class StoreStep:
    """Of every account that this process follows."""

    def __init__(
        self,
        memory: MemoryStore,
        link: StoreLink[ValkeyShelf],
        time: StoreTime,
        events: StoreEvents,
        is_sealed: bool,
    ) -> None:
        self._memory = memory
        self._link = link
        self._time = time
        self._events = events
        self._is_sealed = is_sealed
        # The generation of each token held, and the credential it came from.
        self._origin: dict[AccountId, tuple[int, bytes]] = {}
        self._mirror = Mirror(memory)
        link.add_reader(self._mirror)

    @property
    def is_alone(self) -> bool:
        """Whether the store is down."""
        return not self._link.is_up

    def hold(self, account: Account, token: CopilotToken, strikes: int) -> None:
        """This process obtained it."""
        self._origin[account.id] = (token.generation, account.credential_digest)
        self._memory.put(account.id, Held(token, strikes=strikes))

    def may_share(self, strategy: Strategy, value: str) -> bool:
        """Whether such a token may lie in the store."""
        return records.may_be_shared(strategy, value, self._is_sealed)

    def leave(self, account: AccountId) -> None:
        """Follow it no more; what is being asked of it brings it back no more."""
        self._mirror.leave(account)

    def drop(self, account: AccountId) -> None:
        """Follow it no more, and forget what is known of it here."""
        self.leave(account)
        self._origin.pop(account, None)
        self._memory.drop(account)

    async def ask(self, account: Account, operation: Operation) -> Sighting | None:
        """Do it, and learn what the store then holds; None when it cannot be done."""
        if not is_shared(account):
            return None
        self._mirror.follow(account)
        seen = await self.do(account, operation)
        # Forgotten meanwhile, it stays so: what was read before is not to bring it back.
        if seen is not None and self._mirror.follows(account.id):
            await self.adopt(account, seen)
        return seen

    async def do(self, account: Account, operation: Operation) -> Sighting | None:
        """Do it, and report what lies there and may not be used; None when it cannot be done."""

        async def run(shelf: ValkeyShelf) -> Sighting:
            try:
                return await operation(shelf)
            except ScriptFailed:
                self._events.record_refused(account.id, RecordRefusal.FORGED)
                raise

        seen = await self._link.ask(run)
        if seen is not None and seen.refused is not None:
            self._events.record_refused(account.id, seen.refused)
        return seen

    async def adopt(self, account: Account, seen: Sighting) -> None:
        """Take over what is newer there, and offer what is newer here."""
        self._time.learn(seen.store_now / records.MICROSECONDS, seen.seen_at)
        mine = self._memory.held(account.id)
        self._take(account, seen)
        if mine.token is not None and mine.token.generation > seen.generation:
            await self._offer(account, mine, seen)

    def _take(self, account: Account, seen: Sighting) -> None:
        now = self._time.monotonic()
        held = holding.newest(self._memory.held(account.id), seen.held, seen.generation, now)
        if held.token is seen.held.token and held.token is not None:
            self._origin[account.id] = (held.token.generation, account.credential_digest)
        self._memory.put(account.id, held)

    async def _offer(self, account: Account, mine: Held, seen: Sighting) -> None:
        """Give the others a token that they do not know of, if it is as good as new."""
        token = mine.living(self._time.monotonic())
        if token is None or mine.rejected_at is not None:
            return
        if self._origin.get(account.id) != (token.generation, account.credential_digest):
            return
        if not self.may_share(token.strategy, token.value):
            return
        now_there = await self.do(account, lambda shelf: shelf.offer(account, seen, token))
        if now_there is not None:
            self._take(account, now_there)

    async def load(self, account: Account) -> None:
        """Learn what the store holds of it."""
        await self.ask(account, lambda shelf: shelf.load(account))

    def look_soon(self, account: Account) -> None:
        """See TokenStore."""
        if is_shared(account):
            self._mirror.look_soon(account)

    async def changed(self, account: Account, seconds: float) -> None:
        """See TokenStore."""
        await self._mirror.changed(account.id, seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the link and the mirror for the length of the block, which waits for neither.

        It begins when the store was tried once: who starts alone exchanges what others have.
        """
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(self._link.run())]
            running += [tasks.create_task(self._mirror.look(self.load)) for _ in range(LOOKERS)]
            await self._link.tried()
            try:
                yield
            finally:
                for task in running:
                    task.cancel()


def is_shared(account: Account) -> bool:
    """Whether there is an exchange to be shared; what nobody is asked for stays here."""
    return account.choice not in (Choice.DIRECT, Choice.STATIC)
