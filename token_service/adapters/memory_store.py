"""TokenStore of this process alone: what it knows in a dictionary, lost when it ends.

One entry per configured account, so bounded by the configuration. Nothing here waits; the
broker's single-flight already lets one attempt per account through.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from token_service.domain import holding
from token_service.domain.failures import Failure
from token_service.domain.holding import Claim, Held
from token_service.domain.tokens import (
    Account,
    AccountId,
    CopilotToken,
    Grant,
    next_generation,
)
from token_service.ports.clock import Chance, Clock

STRIDES = 1024
NOTHING = Held()


class MemoryStore:
    """Tokens of this process."""

    def __init__(self, clock: Clock, chance: Chance) -> None:
        self._clock = clock
        self._chance = chance
        self._held: dict[AccountId, Held] = {}
        self._listeners: list[Callable[[AccountId], None]] = []

    @property
    def is_alone(self) -> bool:
        """There are no others to know of."""
        return False

    def held(self, account: AccountId) -> Held:
        return self._held.get(account, NOTHING)

    def on_change(self, listener: Callable[[AccountId], None]) -> None:
        self._listeners.append(listener)

    def look_soon(self, account: Account) -> None:
        """There is nowhere to look."""

    async def load(self, account: Account) -> Held:
        return self.held(account.id)

    async def claim(self, account: Account) -> Claim:
        return Claim(account, granted=True, held=self.held(account.id))

    async def extend(self, claim: Claim) -> None:
        """A claim here does not end by itself."""

    async def release(self, claim: Claim) -> None:
        """Nobody waits for it."""

    async def changed(self, account: Account, seconds: float) -> None:
        """Every claim is granted, so nobody comes here; the pause keeps the contract."""
        await asyncio.sleep(0)

    async def keep(
        self, claim: Claim, grant: Grant, obtained: float, refresh_after: float
    ) -> CopilotToken | None:
        account = claim.account.id
        held = self.held(account)
        number = self.next_generation(account)
        token = token_of(account, grant, number, self._chance.token_id(), obtained, refresh_after)
        strikes = holding.strikes_after(held, self._clock.monotonic())
        self.put(account, Held(token, strikes=strikes))
        return token

    async def fail(self, claim: Claim, failure: Failure) -> None:
        self.put(claim.account.id, replace(self.held(claim.account.id), failure=failure))

    async def reject(self, account: Account, token_id: str) -> Held:
        now = self._clock.monotonic()
        self.put(account.id, holding.rejected(self.held(account.id), token_id, now))
        return self.held(account.id)

    def pardon(self, account: AccountId) -> None:
        if account in self._held:
            self.put(account, Held(self._held[account].token))

    def drop(self, account: AccountId) -> None:
        if self._held.pop(account, None) is not None:
            self._tell(account)

    async def forget(self, account: Account) -> None:
        self.drop(account.id)

    # --- for a store that is shared -----------------------------------------------------------

    @property
    def accounts(self) -> tuple[AccountId, ...]:
        """The accounts of which anything is known."""
        return tuple(self._held)

    def put(self, account: AccountId, held: Held) -> None:
        """Know this from now on; tells the listeners if it is new."""
        if self._held.get(account, NOTHING) != held:
            self._held[account] = held
            self._tell(account)

    def tell_all(self) -> None:
        """Call the listeners for every account."""
        for account in self.accounts:
            self._tell(account)

    def next_generation(self, account: AccountId) -> int:
        """A number for the account's next token, as long as nobody else gives one."""
        token = self.held(account).token
        known = token.generation if token is not None else 0
        stride = int(self._chance.fraction() * STRIDES)
        return next_generation(known, self._clock.now(), stride)

    def _tell(self, account: AccountId) -> None:
        for listener in self._listeners:
            listener(account)


def token_of(
    account: AccountId,
    grant: Grant,
    generation: int,
    token_id: str,
    obtained: float,
    refresh_after: float,
) -> CopilotToken:
    """The token that a grant becomes when it gets its number and its name."""
    return CopilotToken(
        account=account,
        value=grant.value,
        token_id=token_id,
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
