"""The models a caller may name, from whichever account answers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.affinity import MemoryAffinity
from gateway.adapters.board import MemoryBoard
from gateway.adapters.slots import MemorySlots
from gateway.catalogue import Catalogue
from gateway.domain import subjects
from gateway.domain.errors import Fault, GatewayError
from gateway.health import Health
from gateway.offers import Offers
from gateway.ports.shared_state import Posted
from gateway.rooms import Rooms
from gateway.seats import Seats
from tests.fakes.calls import a_group
from tests.fakes.clock import FakeClock
from tests.fakes.gateway_ports import FakeTokens, RecordedEvents
from tests.fakes.upstream import FakeReply
from tests.unit.gateway.test_catalogue import Upstream, listing

pytestmark = pytest.mark.anyio
GROUP = a_group("a", "b")


@asynccontextmanager
async def offers(*replies: FakeReply) -> AsyncIterator[tuple[Offers, MemoryBoard]]:
    clock, events = FakeClock(), RecordedEvents()
    board = MemoryBoard(clock)
    health = Health(board, clock, events)
    seats = Seats(health, Rooms(MemorySlots()), MemoryAffinity(clock), clock, events)
    catalogue = Catalogue(FakeTokens("https://up"), Upstream(list(replies)), clock)
    async with catalogue.running():
        yield Offers(seats, catalogue), board


async def test_another_account_is_asked_when_the_first_does_not_answer() -> None:
    async with offers(FakeReply(500, (b"",)), listing("m")) as (asked, _):
        account, found = await asked.models(GROUP, None)
        assert account.id == "b"
        assert [model.id for model in found] == ["m"]


async def test_an_account_that_is_set_aside_is_not_asked() -> None:
    async with offers(listing("m")) as (asked, board):
        board.post(subjects.account("a"), Posted(60.0, "seat_rate_limited"))
        assert (await asked.models(GROUP, None))[0].id == "b"
        with pytest.raises(GatewayError) as caught:
            await asked.models(GROUP, "a")
        assert caught.value.fault is Fault.SEAT_RATE_LIMITED
