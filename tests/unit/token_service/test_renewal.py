"""One attempt: that its claim is held for as long as the exchange lasts, and what it remembers."""

import asyncio

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock, settle
from tests.fakes.service_events import FakeServiceEvents
from tests.fakes.token_source import FakeTokenSource
from tests.fakes.token_store import FakeTokenStore
from token_service.domain.credentials import Choice
from token_service.domain.errors import GitHubUnavailable
from token_service.domain.freshness import FreshnessPolicy
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId
from token_service.renewal import Limits, Obtained, Renewal

pytestmark = pytest.mark.anyio

SEAT = Account(AccountId("seat-1"), Choice.AUTO, Site("https://api.github.com"))
LIMITS = Limits(exchange=60.0, claim=15.0)


class Attempting:
    """A renewal and all that is around it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.source = FakeTokenSource()
        self.store = FakeTokenStore(self.clock.monotonic)
        self.renewal = Renewal(
            self.source,
            self.store,
            self.clock,
            FakeChance(),
            FakeServiceEvents(),
            FreshnessPolicy(),
            LIMITS,
        )


async def test_a_claim_is_prolonged_every_third_of_it_while_the_exchange_lasts() -> None:
    """And no longer: a holder that is done, or gone, must not keep others out."""
    made = Attempting()
    made.source.hold()
    async with asyncio.TaskGroup() as tasks:
        attempt = tasks.create_task(made.renewal.attempt(SEAT, 0))
        await made.clock.advance(4.9)
        assert made.store.prolonged == []
        await made.clock.advance(10.2)
        assert made.store.prolonged == [SEAT.id] * 3
        made.source.release()
        await settle()
        await made.clock.advance(60)

    assert isinstance(attempt.result(), Obtained)
    assert made.store.prolonged == [SEAT.id] * 3


async def test_it_knows_what_the_last_exchange_took() -> None:
    """Not what failed: that says nothing of how long the next one takes."""
    made = Attempting()
    assert made.renewal.exchange_seconds(SEAT.id) is None
    made.source.hold()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(made.renewal.attempt(SEAT, 0))
        await made.clock.advance(3)
        made.source.release()
    assert made.renewal.exchange_seconds(SEAT.id) == 3
    await made.clock.advance(1800)
    made.source.script.append(GitHubUnavailable("down"))
    await made.renewal.attempt(SEAT, 1)

    assert made.renewal.exchange_seconds(SEAT.id) == 3
    made.renewal.forget(SEAT.id)
    assert made.renewal.exchange_seconds(SEAT.id) is None
