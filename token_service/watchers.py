"""The use case: follow accounts, and be told of each newer token.

Who follows an account is no demand for its token: nothing is exchanged here. What changed is
remembered by name only and looked up when its follower comes to it, so that a slow one costs
an entry per account it follows, and gets the latest when it comes.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

from token_service.domain import leases
from token_service.domain.errors import ArgumentInvalid, Draining
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.leases import Lease, Removed
from token_service.domain.seats import Seats
from token_service.domain.tokens import AccountId
from token_service.ports.clock import Clock
from token_service.ports.tokens import TokenStore

RETRY_SECONDS = 1.0


class Following:
    """Every follower of this process."""

    def __init__(
        self, seats: Seats, store: TokenStore, clock: Clock, policy: FreshnessPolicy
    ) -> None:
        self._seats = seats
        self._store = store
        self._clock = clock
        self._policy = policy
        self._watchers = Watchers()
        self._is_over = False

    async def watch(self, accounts: Sequence[str]) -> AsyncGenerator[Lease | Removed, None]:
        """The current token of each account, then each newer one; the latest wins.

        An account that is not there, or goes away, is reported as removed. Raises
        ArgumentInvalid, and Draining at the end.
        """
        if not accounts or not all(accounts):
            raise ArgumentInvalid("accounts are required: name at least one, each by its id")
        names = tuple(dict.fromkeys(AccountId(account) for account in accounts))
        told: dict[AccountId, int] = {}
        with self._watchers.follow(names) as mailbox:
            for name in names:
                self._look(name)
            while not self._is_over and (changed := await mailbox.next()) is not None:
                news = self._news(changed, told)
                if news is not None:
                    yield news
        raise Draining("call again: this stream is to be opened anew", retry_after=RETRY_SECONDS)

    def changed(self, account: AccountId) -> None:
        """Tell those who follow the account."""
        self._watchers.changed(account)

    def restart(self) -> None:
        """End every stream there is: those who may still follow open it again."""
        self._watchers.close()

    def end(self) -> None:
        """End every stream, and those that are still to begin."""
        self._is_over = True
        self._watchers.close()

    def _look(self, name: AccountId) -> None:
        seat = self._seats.get(name)
        if seat is not None:
            self._store.look_soon(seat.account)

    def _news(self, name: AccountId, told: dict[AccountId, int]) -> Lease | Removed | None:
        """What a follower is to be told of the account; told: generations by account."""
        if self._seats.get(name) is None:
            told.pop(name, None)
            return Removed(name)
        now = self._clock.monotonic()
        held = self._store.held(name)
        token = held.living(now)
        if token is None or token.generation <= told.get(name, 0):
            return None
        told[name] = token.generation
        state = leases.verdict(held, token, 0.0, self._policy, now)
        return leases.lease(held, token, state, now)


class Mailbox:
    """The accounts that changed since their follower last looked, each once, in order."""

    def __init__(self, accounts: Sequence[AccountId]) -> None:
        self._changed = dict.fromkeys(accounts)
        self._news = asyncio.Event()
        self._news.set()
        self._closed = False

    def put(self, account: AccountId) -> None:
        """The account has changed."""
        self._changed[account] = None
        self._news.set()

    def close(self) -> None:
        """There will be no more."""
        self._closed = True
        self._news.set()

    async def next(self) -> AccountId | None:
        """The account whose change is the oldest; waits for one. None when closed."""
        while not self._closed:
            if self._changed:
                account = next(iter(self._changed))
                del self._changed[account]
                return account
            self._news.clear()
            await self._news.wait()
        return None


class Watchers:
    """Every mailbox, by the accounts it is for."""

    def __init__(self) -> None:
        self._followers: dict[AccountId, set[Mailbox]] = {}
        self._mailboxes: set[Mailbox] = set()

    @contextmanager
    def follow(self, accounts: Sequence[AccountId]) -> Iterator[Mailbox]:
        """A mailbox for the length of the block; at first every account is news."""
        mailbox = Mailbox(accounts)
        self._mailboxes.add(mailbox)
        for account in accounts:
            self._followers.setdefault(account, set()).add(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes.discard(mailbox)
            for account in accounts:
                self._leave(account, mailbox)

    def changed(self, account: AccountId) -> None:
        """Tell those who follow the account."""
        for mailbox in self._followers.get(account, ()):
            mailbox.put(account)

    def close(self) -> None:
        """End every mailbox there is."""
        for mailbox in self._mailboxes:
            mailbox.close()

    def _leave(self, account: AccountId, mailbox: Mailbox) -> None:
        others = self._followers.get(account)
        if others is not None:
            others.discard(mailbox)
            if not others:
                del self._followers[account]
