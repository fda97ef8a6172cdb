"""Renewing ahead of need."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock, settle
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import FakeTokenSource, grant
from tests.fakes.token_store import FakeTokenStore, token_of
from token_service.broker import Broker
from token_service.domain.credentials import Choice
from token_service.domain.errors import CredentialRejected, GitHubUnavailable
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.holding import Held
from token_service.domain.hosts import Site
from token_service.domain.leases import Lease
from token_service.domain.tokens import Account, AccountId
from token_service.refresher import MOST_AT_ONCE, Refresher
from token_service.renewal import Limits, Renewal
from token_service.singleflight import SingleFlight

pytestmark = pytest.mark.anyio


class Office:
    """A running refresher."""

    def __init__(self, tasks: asyncio.TaskGroup, accounts: int) -> None:
        self.clock = FakeClock()
        self.source = FakeTokenSource()
        self.names = [f"seat-{number}" for number in range(accounts)]
        self.store = FakeTokenStore(self.clock.monotonic)
        events = FakeServiceEvents()
        policy = FreshnessPolicy()
        seats = [
            Account(AccountId(n), Choice.AUTO, Site("https://api.github.com")) for n in self.names
        ]
        self.account = seats[0]
        self.chance = FakeChance()
        self.broker = Broker(
            seats,
            Renewal(
                self.source, self.store, self.clock, FakeChance(), events, policy, Limits(10.0)
            ),
            self.store,
            SingleFlight(tasks),
            self.clock,
            self.chance,
            events,
            policy,
        )
        self.refresher = Refresher(self.broker, self.clock, idle_seconds=3600.0)

    async def ask_all(self) -> None:
        for name in self.names:
            await self.broker.get(name)


@asynccontextmanager
async def office(accounts: int = 1) -> AsyncIterator[Office]:
    async with asyncio.TaskGroup() as tasks:
        made = Office(tasks, accounts)
        running = tasks.create_task(made.refresher.run())
        await settle()
        yield made
        running.cancel()


async def test_what_was_asked_for_is_renewed_before_anybody_asks_again() -> None:
    async with office() as o:
        await o.ask_all()
        await o.clock.advance(1499)
        assert o.source.calls == 1
        await o.clock.advance(2)
        assert o.source.calls == 2


async def test_what_nobody_asks_for_is_left_alone() -> None:
    async with office(accounts=2) as o:
        await o.broker.get("seat-0")
        await o.clock.advance(1600)

        assert o.source.calls == 2
        assert o.store.held(AccountId("seat-1")).token is None


async def test_an_idle_account_is_renewed_no_more() -> None:
    """idle_seconds after the last question it is left to expire."""
    async with office() as o:
        await o.ask_all()
        await o.clock.advance(4 * 3600)

        assert o.source.calls == 1 + 2


async def test_a_failed_renewal_is_tried_again_after_its_pause() -> None:
    async with office() as o:
        await o.ask_all()
        o.source.script.append(GitHubUnavailable("down"))
        await o.clock.advance(1500.1)
        assert o.source.calls == 2
        await o.clock.advance(1)
        assert o.source.calls == 3


async def test_what_an_operator_has_to_mend_is_not_tried_again() -> None:
    async with office() as o:
        await o.ask_all()
        o.source.script.append(CredentialRejected("revoked"))
        await o.clock.advance(1800)

        assert o.source.calls == 2


async def test_renewals_that_fall_due_together_are_spread() -> None:
    async with office(accounts=MOST_AT_ONCE + 5) as o:
        await o.ask_all()
        before = o.source.calls
        o.source.hold()
        await o.clock.advance(1502)
        assert o.source.calls - before == MOST_AT_ONCE
        o.source.release()
        await o.clock.advance(1)
        assert o.source.calls - before == MOST_AT_ONCE + 5


async def test_short_lives_are_followed() -> None:
    async with office() as o:
        o.source.script.extend(grant(life=60.0, refresh_in=50.0) for _ in range(10))
        await o.ask_all()
        await o.clock.advance(95)

        assert o.source.calls == 4


async def test_replicas_that_cannot_see_each_other_renew_at_different_times() -> None:
    """XFetch: each earlier by chance, around what its last exchange took (decisions/0008)."""
    async with office() as o, asyncio.TaskGroup() as callers:
        o.source.hold()
        callers.create_task(o.ask_all())
        await o.clock.advance(4)
        o.source.release()
        await o.clock.advance(1)
        o.chance.value = 0.99
        o.store.is_alone = True
        await o.store.load(o.account)
        # Due 1500 s after it was asked for, less 4 s × ln 100.
        await o.clock.advance(1500 - 5 - 4 * math.log(100) - 1)
        assert o.source.calls == 1
        await o.clock.advance(2)
        assert o.source.calls == 2


async def test_following_an_account_is_no_demand() -> None:
    """Its token is known from another replica, and is left to expire."""
    async with office() as o:
        theirs = token_of(o.account.id, grant(), 7, o.clock.monotonic(), 1500.0)
        o.store.shared[o.account.id] = Held(theirs)
        changes = o.broker.watch(["seat-0"])
        await o.store.load(o.account)
        first = await anext(changes)
        await o.clock.advance(1700)
        await changes.aclose()

        assert isinstance(first, Lease)
        assert o.source.calls == 0


async def test_a_known_token_is_renewed_once_somebody_asks_for_it() -> None:
    async with office() as o:
        theirs = token_of(o.account.id, grant(), 7, o.clock.monotonic(), 1500.0)
        o.store.shared[o.account.id] = Held(theirs)
        await o.store.load(o.account)
        await o.ask_all()
        await o.clock.advance(1501)

        assert o.source.calls == 1


async def test_a_refused_token_is_renewed_as_soon_as_that_is_allowed() -> None:
    async with office() as o:
        await o.ask_all()
        await o.broker.invalidate("seat-0", "id-1", "401")
        await o.clock.advance(59)
        assert o.source.calls == 1
        await o.clock.advance(2)
        assert o.source.calls == 2


async def test_removed_accounts_are_forgotten() -> None:
    async with office(accounts=2) as o:
        await o.ask_all()
        o.broker.replace_accounts([o.account])
        await o.clock.advance(2)

        assert set(o.store.shared) == {o.account.id}
