"""USE CASE: the models a caller may name: what the accounts offer that could serve it now."""

from gateway.catalogue import Catalogue, Models
from gateway.domain.errors import GatewayError
from gateway.domain.groups import Group, GroupAccount, allowed
from gateway.seats import Seats

MAX_ACCOUNTS_ASKED = 3
"""Further accounts are asked when one does not answer, but a caller does not wait for all."""


class Offers:
    """Model lists by group."""

    def __init__(self, seats: Seats, catalogue: Catalogue) -> None:
        self._seats = seats
        self._catalogue = catalogue

    async def models(self, group: Group, bound_to: str | None) -> tuple[GroupAccount, Models]:
        """What the group may use, and the account that was asked. Raises GatewayError."""
        *others, last = self._seats.ordered(group, bound_to, most=MAX_ACCOUNTS_ASKED)
        for account in others:
            try:
                return account, await self._of(account, group)
            except GatewayError:
                continue
        return last, await self._of(last, group)

    async def _of(self, account: GroupAccount, group: Group) -> Models:
        return allowed(group, await self._catalogue.models(account.id, group.platform))
