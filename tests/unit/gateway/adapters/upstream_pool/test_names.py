"""The addresses of names, for new connections."""

import asyncio
import socket

import pytest
from aiohttp.abc import ResolveResult

from gateway.adapters.egress import Guard, NoUsableAddress
from gateway.adapters.upstream_pool import names as module
from gateway.adapters.upstream_pool.names import Names
from tests.fakes.names import FakeNames

pytestmark = pytest.mark.anyio

PUBLIC = ["93.184.216.34", "93.184.216.35", "2606:2800:220:1::1"]


async def hosts(names: Names, host: str = "api.example") -> list[str]:
    return [str(where[0]) for *_, where in await names.addresses(host, 443)]


async def test_many_who_ask_at_once_ask_once() -> None:
    class Slow(FakeNames):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            found = await super().resolve(host, port, family)
            await asyncio.sleep(0)
            return found

    asked = Slow({"api.example": PUBLIC})
    names = Names(Guard([], asked))
    await asyncio.gather(*(hosts(names) for _ in range(20)))
    assert asked.asked == ["api.example"]


async def test_a_name_is_asked_again_and_may_have_moved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT_SECONDS", 0.0)
    asked = FakeNames({"api.example": PUBLIC[:1]})
    names = Names(Guard([], asked))
    assert await hosts(names) == PUBLIC[:1]
    asked.addresses = {"api.example": PUBLIC[1:2]}
    assert await hosts(names) == PUBLIC[1:2]


async def test_each_connection_begins_with_another_address() -> None:
    names = Names(Guard([], FakeNames({"api.example": PUBLIC})))
    firsts = [(await hosts(names))[0] for _ in range(3)]
    assert sorted(firsts) == sorted(PUBLIC)


async def test_families_are_told_apart() -> None:
    names = Names(Guard([], FakeNames({"api.example": PUBLIC})))
    found = {where: family for family, *_, where in await names.addresses("api.example", 443)}
    assert found == {
        (PUBLIC[0], 443): socket.AF_INET,
        (PUBLIC[1], 443): socket.AF_INET,
        (PUBLIC[2], 443, 0, 0): socket.AF_INET6,
    }


async def test_who_leads_inside_leads_nowhere_and_is_asked_again() -> None:
    asked = FakeNames({"api.example": ["10.0.0.1"]})
    names = Names(Guard([], asked))
    for _ in range(2):
        with pytest.raises(NoUsableAddress):
            await hosts(names)
    assert len(asked.asked) == 2


async def test_an_address_stands_for_itself() -> None:
    names = Names(Guard([], FakeNames({})))
    assert await hosts(names, "10.0.0.1") == ["10.0.0.1"]
    assert await hosts(names, "::1") == ["::1"]
    for odd in ("127.1", "2130706433", "0x7f.1"):
        with pytest.raises(OSError, match=r"no such name"):
            await hosts(names, odd)


async def test_who_leaves_while_asking_holds_nobody_up() -> None:
    class Slow(FakeNames):
        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
        ) -> list[ResolveResult]:
            if not self.asked:
                self.asked.append(host)
                await asyncio.Event().wait()
            return await super().resolve(host, port, family)

    names = Names(Guard([], Slow({"api.example": PUBLIC[:1]})))
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(hosts(names))
        second = tasks.create_task(hosts(names))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == PUBLIC[:1]
