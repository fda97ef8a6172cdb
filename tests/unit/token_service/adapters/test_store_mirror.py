"""Which accounts are looked at again, and when."""

import asyncio
from collections.abc import Callable

import pytest

from tests.fakes.chance import FakeChance
from tests.fakes.clock import FakeClock, settle
from tests.fakes.token_source import grant
from tests.fakes.token_store import token_of
from token_service.adapters.memory_store import MemoryStore
from token_service.adapters.store_mirror import ROUND_SECONDS, Mirror
from token_service.domain.credentials import Choice
from token_service.domain.holding import Held
from token_service.domain.hosts import Site
from token_service.domain.tokens import Account, AccountId

pytestmark = pytest.mark.anyio


def account(name: str) -> Account:
    return Account(AccountId(name), Choice.AUTO, Site("https://api.github.com"))


class Looking:
    """A mirror whose looks are remembered."""

    def __init__(self) -> None:
        self.memory = MemoryStore(FakeClock(), FakeChance())
        self.mirror = Mirror(self.memory)
        self.looks: list[str] = []

    async def load(self, which: Account) -> None:
        self.looks.append(which.id)

    async def seen(self) -> list[str]:
        """The looks that were due, in order."""
        looking = asyncio.get_running_loop().create_task(self.mirror.look(self.load))
        await settle(300)
        looking.cancel()
        looks, self.looks = self.looks, []
        return looks


async def test_an_account_is_looked_at_once_when_it_is_first_followed() -> None:
    made = Looking()
    made.mirror.look_soon(account("a"))
    made.mirror.look_soon(account("a"))
    made.mirror.follow(account("b"))
    made.mirror.look_soon(account("b"))

    assert await made.seen() == ["a"]


@pytest.mark.parametrize(
    ("notice", "looks"),
    [
        (b"kept 7 a", []),
        (b"kept 8 a", ["a"]),
        (b"failed 0 a", ["a"]),
        (b"rejected 0 a", ["a"]),
        (b"forgotten 0 a", ["a"]),
        (b"released 0 a", []),
        (b"kept 8 nobody", []),
        (b"", []),
        (b"\xff\xfe", []),
        (b"kept", []),
    ],
)
async def test_a_message_is_followed_up_unless_it_is_known(notice: bytes, looks: list[str]) -> None:
    made = Looking()
    made.mirror.follow(account("a"))
    made.memory.put(AccountId("a"), Held(token_of(AccountId("a"), grant(), 7, 0.0, 1500.0)))
    made.mirror.noticed(notice)

    assert await made.seen() == looks


async def test_everything_is_looked_at_when_the_store_is_back() -> None:
    """Whatever was said meanwhile was missed."""
    made = Looking()
    for name in "abc":
        made.mirror.follow(account(name))
    made.mirror.store_rose()

    assert sorted(await made.seen()) == ["a", "b", "c"]


async def test_a_lost_message_is_made_good_within_a_round() -> None:
    made = Looking()
    names = [f"seat-{number}" for number in range(150)]
    for name in names:
        made.mirror.follow(account(name))
    most, seen = 0, []
    for _ in range(ROUND_SECONDS):
        made.mirror.ticked()
        looks = await made.seen()
        most = max(most, len(looks))
        seen += looks

    assert set(seen) == set(names)
    assert most <= 3


async def test_who_waits_is_woken_by_a_message_and_by_the_stores_fall() -> None:
    made = Looking()
    loop = asyncio.get_running_loop()
    wakes: list[Callable[[], None]] = [
        lambda: made.mirror.noticed(b"released 0 a"),
        made.mirror.store_fell,
    ]
    for wake in wakes:
        waiting = loop.create_task(made.mirror.changed(AccountId("a"), 60.0))
        await settle()
        assert made.mirror.waiting == 1
        wake()
        await settle()
        assert waiting.done()
        assert made.mirror.waiting == 0


async def test_an_account_that_is_gone_is_not_looked_at() -> None:
    made = Looking()
    made.mirror.look_soon(account("a"))
    made.mirror.leave(AccountId("a"))
    made.mirror.noticed(b"kept 8 a")

    assert await made.seen() == []
    assert not made.mirror.follows(AccountId("a"))
