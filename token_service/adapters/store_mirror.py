"""Which accounts this process follows in the shared store, and when to look at them again.

Messages say that something changed, never what: it is looked up. What a lost message would have
said is found on a round through all accounts. Bounded by the accounts of the configuration.
"""

import asyncio
from collections.abc import Awaitable, Callable

from token_service.adapters.memory_store import MemoryStore
from token_service.domain.tokens import Account, AccountId

# One round takes this long, however many accounts there are.
ROUND_SECONDS = 60


class Mirror:
    """A Reader of the store's link: turns what it says into accounts to look at."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory
        self._followed: dict[AccountId, Account] = {}
        self._to_look: dict[AccountId, None] = {}
        self._something_to_look = asyncio.Event()
        self._waiting: dict[AccountId, set[asyncio.Event]] = {}
        self._round: list[AccountId] = []

    @property
    def waiting(self) -> int:
        """For how many accounts somebody waits."""
        return len(self._waiting)

    def follow(self, account: Account) -> None:
        """Follow it from now on; it is being looked at anyway."""
        self._followed[account.id] = account

    def follows(self, account: AccountId) -> bool:
        """Whether it is followed."""
        return account in self._followed

    def leave(self, account: AccountId) -> None:
        """Follow it no more."""
        self._followed.pop(account, None)
        self._to_look.pop(account, None)

    def look_soon(self, account: Account) -> None:
        """Follow it, and look at it unless that was done before."""
        if account.id not in self._followed:
            self.follow(account)
            self._queue(account.id)

    async def look(self, load: Callable[[Account], Awaitable[object]]) -> None:
        """Look at what is to be looked at, one after the other; never ends by itself."""
        while True:
            while not self._to_look:
                self._something_to_look.clear()
                await self._something_to_look.wait()
            name = next(iter(self._to_look))
            del self._to_look[name]
            account = self._followed.get(name)
            if account is not None:
                await load(account)

    async def changed(self, account: AccountId, seconds: float) -> None:
        """Wait until something is said about the account, or for that long."""
        news = asyncio.Event()
        self._waiting.setdefault(account, set()).add(news)
        try:
            async with asyncio.timeout(seconds):
                await news.wait()
        except TimeoutError:
            return
        finally:
            self._waiting[account].discard(news)
            if not self._waiting[account]:
                del self._waiting[account]

    # --- what the link says -------------------------------------------------------------------

    def store_rose(self) -> None:
        """Whatever was said meanwhile was missed."""
        for account in self._followed:
            self._queue(account)

    def store_fell(self) -> None:
        """Whoever waits for another replica has to go on alone."""
        self._to_look.clear()
        for account in self._waiting:
            self._wake(account)
        self._memory.tell_all()

    def noticed(self, notice: bytes) -> None:
        """`KIND GENERATION ACCOUNT`, as the scripts say it."""
        kind, _, rest = notice.decode("ascii", "replace").partition(" ")
        number, _, name = rest.partition(" ")
        account = AccountId(name)
        self._wake(account)
        if account in self._followed and not self._knows(account, kind, number):
            self._queue(account)

    def ticked(self) -> None:
        """A second of the round."""
        if not self._round:
            self._round = list(self._followed)
        share = -(-len(self._followed) // ROUND_SECONDS)
        due, self._round = self._round[:share], self._round[share:]
        for account in due:
            self._queue(account)

    def _knows(self, account: AccountId, kind: str, number: str) -> bool:
        if kind == "released":
            return True
        token = self._memory.held(account).token
        return kind == "kept" and token is not None and str(token.generation) == number

    def _wake(self, account: AccountId) -> None:
        for news in self._waiting.get(account, ()):
            news.set()

    def _queue(self, account: AccountId) -> None:
        self._to_look[account] = None
        self._something_to_look.set()
