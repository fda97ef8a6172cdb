"""An issuer's keys: unknown and unreadable are told apart, and strangers cost it little.

How keys are read, kept and passed over: tests/unit/token_service/adapters/callers/test_key_ring.py.
"""

import asyncio

import pytest

from runtime.jwks.key_set import IssuerUnavailable
from runtime.jwks.ring import LEAST_SECONDS, KeyRing, KeysUnavailable, KeyUnknown
from tests.fakes.clock import FakeClock
from tests.servers.jwt_issuer import Issuer, ec_key

pytestmark = pytest.mark.anyio

K1, K2 = ec_key(), ec_key()


class Served:
    """A JWK Set that can be taken away, and what was told of reading it."""

    def __init__(self) -> None:
        self.document: bytes | None = Issuer(k1=K1).jwks()
        self.clock = FakeClock()
        self.told: list[int | str] = []
        self.ring = KeyRing(self, self.clock, self)

    async def __call__(self) -> bytes:
        if self.document is None:
            raise IssuerUnavailable("away")
        return self.document

    def issuer_answered(self, keys: int) -> None:
        self.told.append(keys)

    def issuer_failed(self, explanation: str) -> None:
        self.told.append(explanation)


async def test_a_key_that_the_issuer_does_not_name() -> None:
    served = Served()
    with pytest.raises(KeyUnknown):
        await served.ring.key("k2")

    assert served.told == [1]


async def test_without_the_issuer_nothing_is_said_of_a_key() -> None:
    served = Served()
    served.document = None
    with pytest.raises(KeysUnavailable) as raised:
        await served.ring.key("k1")

    assert raised.value.retry_after == LEAST_SECONDS
    assert served.told == ["away"]


async def test_known_keys_outlast_the_issuer_and_new_ones_come_with_it() -> None:
    served = Served()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(served.ring.run())
        await served.clock.advance(300)
        served.document = None
        await served.clock.advance(300)
        assert served.ring.knows("k1")
        with pytest.raises(KeysUnavailable):
            await served.ring.key("k2")
        served.document = Issuer(k2=K2).jwks()
        await served.clock.advance(LEAST_SECONDS)
        assert (await served.ring.key("k2")).key_id == "k2"
        assert not served.ring.knows("k1")
        running.cancel()

    assert served.told == [1, 1, "away", 1]
