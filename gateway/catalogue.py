"""USE CASE: the models an account may use, cached.

One fetch per account at a time, shared by all who ask. While upstream does not answer, the list
of before is served: upstream limits this request too (copilot-upstream.md §5.5).
"""

import asyncio
import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.answers import refusal_of
from gateway.domain import models
from gateway.domain.errors import GatewayError
from gateway.domain.headers import Outgoing, attempt
from gateway.domain.models import Model
from gateway.domain.platforms.table import PLATFORMS
from gateway.ports.clock import Clock
from gateway.ports.tokens import TokenProvider
from gateway.ports.upstream import Upstream, UpstreamRequest

FRESH_SECONDS = 300.0
PAUSE_SECONDS = 10.0
"""After a fetch that failed; with a list from before, that is served meanwhile."""
KNOWING_SECONDS = 2.0
"""How long a request waits to learn which endpoints its model has."""
MAX_LIST_BYTES = 4 * 1024 * 1024

Models = tuple[Model, ...]


@dataclass(slots=True)
class _Entry:
    lock: asyncio.Lock
    list: Models | None = None
    by_id: Mapping[str, Model] = field(default_factory=dict)
    ask_again_at: float = 0.0
    error: GatewayError | None = None
    """Why there is no list."""


class Catalogue:
    """Model lists by account; accounts come from configuration, so their number is bounded."""

    def __init__(self, tokens: TokenProvider, upstream: Upstream, clock: Clock) -> None:
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    async def models(self, account: str, platform: str) -> Models:
        """The account's models. Raises GatewayError when there was never a list."""
        entry = self._entries.setdefault(account, _Entry(asyncio.Lock()))
        if self._is_due(entry) and (entry.list is None or not entry.lock.locked()):
            async with entry.lock:
                if self._is_due(entry):
                    await self._renew(account, platform, entry)
        if entry.list is None:
            assert entry.error is not None  # noqa: S101  _renew leaves one or the other
            raise entry.error
        return entry.list

    async def model(self, account: str, platform: str, model_id: str) -> Model | None:
        """What is known of a model; None where that is nothing. Bounded in time, raises nothing."""
        entry = self._entries.get(account)
        if entry is None or self._is_due(entry):
            with contextlib.suppress(GatewayError, TimeoutError):
                async with asyncio.timeout(KNOWING_SECONDS):
                    await self.models(account, platform)
            entry = self._entries[account]
        return entry.by_id.get(model_id)

    def _is_due(self, entry: _Entry) -> bool:
        return self._clock.monotonic() >= entry.ask_again_at

    async def _renew(self, account: str, platform: str, entry: _Entry) -> None:
        try:
            entry.list = await self._fetch(account, platform)
            entry.by_id = {model.id: model for model in entry.list}
            entry.ask_again_at = self._clock.monotonic() + FRESH_SECONDS
        except GatewayError as error:
            entry.error = error
            entry.ask_again_at = self._clock.monotonic() + PAUSE_SECONDS

    async def _fetch(self, account: str, platform: str) -> Models:
        token = await self._tokens.get(account)
        request = UpstreamRequest(
            method="GET",
            url=f"{token.api_base_url}/models",
            headers=attempt(
                PLATFORMS[platform].standing(
                    Outgoing(token_value=token.value, token_headers=token.headers, initiator=None)
                ),
                {},
                str(uuid.uuid4()),
            ),
        )
        async with self._upstream.send(request) as reply:
            if reply.status != 200:
                raise await refusal_of(reply, self._clock.now(), platform)
            return models.parse(
                await reply.read(MAX_LIST_BYTES), PLATFORMS[platform].names_endpoints
            )
