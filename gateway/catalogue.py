"""USE CASE: the models an account may use, cached.

One fetch per account at a time, shared by all who ask. While upstream does not answer, the list
of before is served: upstream limits this request too (copilot-upstream.md §5.5).
"""

import asyncio
import uuid
from dataclasses import dataclass

from gateway.domain import models
from gateway.domain.errors import GatewayError
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.models import Model
from gateway.domain.platforms.table import PLATFORMS
from gateway.ports import Clock, TokenProvider, Upstream, UpstreamRequest
from gateway.relay import refusal_of
from gateway.seats import Seats

FRESH_SECONDS = 300.0
PAUSE_SECONDS = 10.0
MAX_LIST_BYTES = 4 * 1024 * 1024
MAX_ACCOUNTS_ASKED = 3
"""Further accounts are asked when one does not answer, but a caller does not wait for all."""


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock
    list: tuple[Model, ...] | None = None
    good_until: float = 0.0
    error: GatewayError | None = None
    """Why there is no list; whoever waited for it is told the same until `good_until`."""


class Catalogue:
    """Model lists by account; accounts come from configuration, so their number is bounded."""

    def __init__(
        self, seats: Seats, tokens: TokenProvider, upstream: Upstream, clock: Clock
    ) -> None:
        self._seats = seats
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def models(
        self, group: Group, bound_to: str | None
    ) -> tuple[GroupAccount, tuple[Model, ...]]:
        """What the group's accounts offer, and which of them was asked. Raises GatewayError."""
        accounts = self._seats.ordered(group, bound_to)[:MAX_ACCOUNTS_ASKED]
        for account in accounts[:-1]:
            try:
                return account, await self._of(account, group)
            except GatewayError:
                continue
        return accounts[-1], await self._of(accounts[-1], group)

    async def _of(self, account: GroupAccount, group: Group) -> tuple[Model, ...]:
        entry = self._entries.setdefault(account.id, _Entry(asyncio.Lock()))
        async with entry.lock:
            if self._clock.monotonic() >= entry.good_until:
                await self._renew(account, group, entry)
            if entry.list is None:
                assert entry.error is not None  # noqa: S101  _renew leaves one or the other
                raise entry.error
            return entry.list

    async def _renew(self, account: GroupAccount, group: Group, entry: _Entry) -> None:
        try:
            entry.list = await self._fetch(account, group)
            entry.good_until = self._clock.monotonic() + FRESH_SECONDS
        except GatewayError as error:
            entry.error = error
            entry.good_until = self._clock.monotonic() + PAUSE_SECONDS

    async def _fetch(self, account: GroupAccount, group: Group) -> tuple[Model, ...]:
        token = await self._tokens.get(account.id)
        request = UpstreamRequest(
            method="GET",
            url=f"{token.api_base_url}/models",
            headers=PLATFORMS[group.platform].headers(
                caller={},
                token_value=token.value,
                token_headers=token.headers,
                attempt_id=str(uuid.uuid4()),
                initiator=None,
                vision=False,
                stream=False,
            ),
        )
        async with self._upstream.send(request) as reply:
            if reply.status != 200:
                raise await refusal_of(reply, self._clock.now(), group.platform)
            return models.parse(await reply.read(MAX_LIST_BYTES))
