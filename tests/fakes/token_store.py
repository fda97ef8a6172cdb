"""The TokenStore port as a store that other replicas write to as well."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from token_service.domain import holding
from token_service.domain.failures import Failure
from token_service.domain.holding import Claim, Held
from token_service.domain.tokens import Account, AccountId, CopilotToken, Grant


class FakeTokenStore:
    """What this process has seen, and what lies in the shared place; they meet in `load`.

    busy: the accounts that another replica has claimed; `report` is its doing.
    """

    def __init__(self, now: Callable[[], float] = lambda: 0.0) -> None:
        self.seen: dict[AccountId, Held] = {}
        self.shared: dict[AccountId, Held] = {}
        self.busy: set[AccountId] = set()
        self.claimed: set[AccountId] = set()
        self.prolonged: list[AccountId] = []
        self.broken: Exception | None = None
        self.is_alone = False
        self.looked_at: list[AccountId] = []
        self._now = now
        self._listeners: list[Callable[[AccountId], None]] = []
        self._reported = asyncio.Event()

    def held(self, account: AccountId) -> Held:
        return self.seen.get(account, Held())

    def on_change(self, listener: Callable[[AccountId], None]) -> None:
        self._listeners.append(listener)

    def look_soon(self, account: Account) -> None:
        self.looked_at.append(account.id)

    async def load(self, account: Account) -> Held:
        await asyncio.sleep(0)
        if self.broken is not None:
            raise self.broken
        return self._see(account.id)

    async def claim(self, account: Account) -> Claim:
        held = await self.load(account)
        granted = account.id not in self.busy
        if granted:
            self.claimed.add(account.id)
        return Claim(account, granted, held)

    async def extend(self, claim: Claim) -> None:
        await asyncio.sleep(0)
        self.prolonged.append(claim.account.id)

    async def release(self, claim: Claim) -> None:
        await asyncio.sleep(0)
        self.claimed.discard(claim.account.id)

    async def changed(self, account: Account, seconds: float) -> None:
        self._reported.clear()
        await self._reported.wait()

    async def keep(
        self, claim: Claim, grant: Grant, obtained: float, refresh_after: float
    ) -> CopilotToken | None:
        await asyncio.sleep(0)
        account = claim.account.id
        before = self.shared.get(account, Held())
        number = 1 + (before.token.generation if before.token is not None else 0)
        token = token_of(account, grant, number, obtained, refresh_after)
        strikes = holding.strikes_after(before, self._now())
        await self.release(claim)
        return self.write(account, Held(token, strikes=strikes)).token

    async def fail(self, claim: Claim, failure: Failure) -> None:
        await self.release(claim)
        before = self.shared.get(claim.account.id, Held())
        self.write(claim.account.id, replace(before, failure=failure))

    async def reject(self, account: Account, token_id: str) -> Held:
        await asyncio.sleep(0)
        before = self.shared.get(account.id, Held())
        return self.write(account.id, holding.rejected(before, token_id, self._now()))

    def pardon(self, account: AccountId) -> None:
        self.write(account, Held(self.held(account).token))

    def drop(self, account: AccountId) -> None:
        self.seen.pop(account, None)

    async def forget(self, account: Account) -> None:
        await asyncio.sleep(0)
        self.drop(account.id)
        self.shared.pop(account.id, None)

    def write(self, account: AccountId, held: Held) -> Held:
        """What this process does to the shared place, and therefore sees."""
        self.shared[account] = held
        return self._see(account)

    def report(self, account: AccountId, held: Held | None = None) -> None:
        """Another replica is done with the account, or has given it up."""
        if held is not None:
            self.shared[account] = held
        self.busy.discard(account)
        self._reported.set()

    def _see(self, account: AccountId) -> Held:
        self.seen[account] = self.shared.get(account, Held())
        for listener in self._listeners:
            listener(account)
        return self.seen[account]


def token_of(
    account: AccountId, grant: Grant, generation: int, obtained: float, refresh_after: float
) -> CopilotToken:
    """The token that a grant becomes."""
    return CopilotToken(
        account=account,
        value=grant.value,
        token_id=f"id-{generation}",
        generation=generation,
        strategy=grant.strategy,
        api_base_url=grant.api_base_url,
        headers=grant.headers,
        sku=grant.sku,
        obtained=obtained,
        life=grant.life,
        refresh_after=refresh_after,
        expires_at=grant.expires_at,
    )
