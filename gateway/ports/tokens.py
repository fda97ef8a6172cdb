"""Accounts' tokens: where they come from, and how one is used."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.domain.headers import Standing


@dataclass(frozen=True, slots=True)
class AccountToken:
    """A token that lives, and how to use it."""

    account: str
    value: str = field(repr=False)
    token_id: str
    """Names the token without revealing it."""
    api_base_url: str
    headers: Mapping[str, str]
    strategy: str = ""
    """How the broker came by it; empty for an API key from the configuration."""
    standing: dict[Hashable, Standing] = field(default_factory=dict, repr=False, compare=False)
    """The headers of requests with this token, by what they depend on beside it: a few, kept
    by whoever makes requests, and gone with the token."""


class TokenProvider(Protocol):
    """Tokens of accounts."""

    async def get(self, account: str) -> AccountToken:
        """A living token, without waiting when one is cached.

        Raises GatewayError (SEAT_* or GATEWAY_TOKEN_SERVICE).
        """

    async def invalidate(self, account: str, token_id: str) -> AccountToken | None:
        """Upstream refused a token: another one that lives, or None. Raises nothing."""
