"""TokenProvider for all platforms: accounts with an API key of their own, and those of the broker.

Keys come from the configuration, which is reloaded while the gateway runs.
"""

from collections.abc import Mapping

from gateway.domain.groups import GroupAccount
from gateway.ports.tokens import AccountToken, TokenProvider


class OwnKeys:
    """Answers for accounts that have a key; asks `broker` for the others."""

    def __init__(self, broker: TokenProvider, accounts: Mapping[str, GroupAccount]) -> None:
        self._broker = broker
        self._tokens: Mapping[str, AccountToken] = {}
        self.replace(accounts)

    def replace(self, accounts: Mapping[str, GroupAccount]) -> None:
        """These are the accounts from now on."""
        self._tokens = {
            account.id: AccountToken(
                account=account.id,
                value=account.api_key,
                token_id="",
                api_base_url=account.base_url.rstrip("/"),
                headers={},
            )
            for account in accounts.values()
            if account.api_key is not None and account.base_url is not None
        }

    async def get(self, account: str) -> AccountToken:
        """See ports.tokens.TokenProvider."""
        own = self._tokens.get(account)
        return await self._broker.get(account) if own is None else own

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        """See ports.tokens.TokenProvider. For a key of its own there is no other one."""
        if account in self._tokens:
            return None
        return await self._broker.invalidate(account, token_id)
