"""QuotaTurns of a fleet, and of a process that is alone.

A turn is a key with a time to live; whoever has it may prolong it, so that the same replica goes
on asking for an account, and the others learn of its end by the key's.
"""

from runtime.valkey.link import StoreLink
from token_service.adapters.valkey_shelf import ValkeyShelf
from token_service.domain.tokens import Account


class OwnTurns:
    """It is always this process's turn."""

    async def take(self, account: Account, seconds: float) -> float:
        return 0.0


class SharedTurns:
    """Kept in the store. owner: this process's name there, which no other one has."""

    def __init__(self, link: StoreLink[ValkeyShelf], owner: str) -> None:
        self._link = link
        self._owner = owner

    async def take(self, account: Account, seconds: float) -> float:
        left = await self._link.ask(lambda shelf: shelf.turn(account, self._owner, seconds))
        return 0.0 if left is None else left
