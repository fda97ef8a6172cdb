"""USE CASE: the models an account may use, cached.

One fetch per account at a time, in a task of its own, shared by all who ask. A list of before is
served while upstream is asked again and while it does not answer: upstream limits this request too
(copilot-upstream.md §5.5), and no request to a model waits for a list that only has become old.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType

from gateway.answers import refusal_of
from gateway.domain import models
from gateway.domain.errors import Fault, GatewayError
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
"""How long requests wait, from the beginning of the first fetch, to learn which endpoints their
model has."""
FETCH_SECONDS = 30.0
"""The longest fetch, the account's token included."""
MAX_LIST_BYTES = 4 * 1024 * 1024
TOO_LONG = "Upstream did not list its models in time."

Models = tuple[Model, ...]


@dataclass(slots=True)
class _Entry:
    list: Models | None = None
    by_id: Mapping[str, Model] = field(default_factory=dict)
    ask_again_at: float = 0.0
    error: Exception | None = None
    """Why the last fetch gave no list: a GatewayError, or a bug."""
    trace: TracebackType | None = None
    """The error's own: each time it is raised again it would keep the frames it went through."""
    fetch: asyncio.Task[None] | None = None
    """The one under way."""
    fetch_began: float = 0.0


class Catalogue:
    """Model lists by account; accounts come from configuration, so their number is bounded.

    Usable while `running`.
    """

    def __init__(self, tokens: TokenProvider, upstream: Upstream, clock: Clock) -> None:
        self._tokens = tokens
        self._upstream = upstream
        self._clock = clock
        self._entries: dict[str, _Entry] = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Fetches may be begun; at the end those under way are given up."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                yield
            finally:
                for entry in self._entries.values():
                    if entry.fetch is not None:
                        entry.fetch.cancel()

    async def models(self, account: str, platform: str) -> Models:
        """The account's models. Raises GatewayError when there was never a list."""
        entry = self._entry(account)
        if self._is_due(entry):
            is_first = entry.fetch is None
            fetch = self._fetching(account, platform, entry)
            # One waits for the new list, for a while; a burst does not.
            if entry.list is None:
                await asyncio.shield(fetch)
            elif is_first:
                await self._wait(fetch, entry)
        if entry.list is None:
            assert entry.error is not None  # noqa: S101  a fetch leaves one or the other
            raise entry.error.with_traceback(entry.trace)
        return entry.list

    async def model(self, account: str, platform: str, model_id: str) -> Model | None:
        """What is known of a model; None where that is nothing. Bounded in time, and raises
        nothing but bugs."""
        entry = self._entries.get(account) or self._entry(account)
        if self._is_due(entry):
            fetch = self._fetching(account, platform, entry)
            if entry.list is None:
                await self._wait(fetch, entry)
                if not isinstance(entry.error, GatewayError | None):
                    raise entry.error.with_traceback(entry.trace)
        return entry.by_id.get(model_id)

    # --- parts ---

    def _entry(self, account: str) -> _Entry:
        return self._entries.setdefault(account, _Entry())

    def _is_due(self, entry: _Entry) -> bool:
        return self._clock.monotonic() >= entry.ask_again_at

    async def _wait(self, fetch: asyncio.Task[None], entry: _Entry) -> None:
        left = entry.fetch_began + KNOWING_SECONDS - self._clock.monotonic()
        if left > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await asyncio.shield(fetch)

    def _fetching(self, account: str, platform: str, entry: _Entry) -> asyncio.Task[None]:
        """The fetch under way, which is begun where there is none."""
        if entry.fetch is None:
            entry.fetch_began = self._clock.monotonic()
            entry.fetch = self._tasks.create_task(
                self._renew(account, platform, entry), name=f"models of {account}"
            )
        return entry.fetch

    async def _renew(self, account: str, platform: str, entry: _Entry) -> None:
        pause = PAUSE_SECONDS
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                entry.list = await self._fetch(account, platform)
            entry.by_id = {model.id: model for model in entry.list}
            pause = FRESH_SECONDS
        except TimeoutError:
            entry.error, entry.trace = GatewayError(Fault.UPSTREAM_TIMEOUT, TOO_LONG), None
        except Exception as error:
            # A bug among them is for whoever asks, and does not end the others' fetches.
            entry.error, entry.trace = error, error.__traceback__
        finally:
            entry.ask_again_at = self._clock.monotonic() + pause
            entry.fetch = None

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
