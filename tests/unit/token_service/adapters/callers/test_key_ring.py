"""The issuer's keys: read, kept while it is away, dropped when it drops them."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.clock import FakeClock
from tests.fakes.service_events import FakeServiceEvents
from tests.servers.jwt_issuer import Issuer, ec_key, jwk, rsa_key
from token_service.adapters.callers.key_ring import (
    LEAST_SECONDS,
    MOST_KEYS,
    REFRESH_SECONDS,
    IssuerUnavailable,
    KeyRing,
    keys_of,
)
from token_service.domain.errors import CallerUnauthenticated

pytestmark = pytest.mark.anyio

K1, K2 = ec_key(), rsa_key()
SMALL = rsa_key(1024)


class Served:
    """A JWK Set that can be changed and taken away."""

    def __init__(self, **keys: Any) -> None:
        self.document: bytes | None = Issuer(**keys).jwks()
        self.reads = 0
        self.hold: asyncio.Event | None = None
        self.clock = FakeClock()
        self.events = FakeServiceEvents()
        self.ring = KeyRing(self, self.clock, self.events)

    async def __call__(self) -> bytes:
        self.reads += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.document is None:
            raise IssuerUnavailable("away")
        return self.document


async def refusal(served: Served, key_id: str) -> tuple[str, float | None]:
    with pytest.raises(CallerUnauthenticated) as raised:
        await served.ring.key(key_id)
    return raised.value.detail, raised.value.retry_after


async def test_the_first_call_waits_for_the_keys_and_later_ones_do_not() -> None:
    served = Served(k1=K1)
    assert (await served.ring.key("k1")).algorithm_name == "ES256"
    await served.ring.key("k1")

    assert served.reads == 1


async def test_a_hundred_first_calls_read_once() -> None:
    served = Served(k1=K1)
    served.hold = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(served.ring.key("k1")) for _ in range(100)]
        await asyncio.sleep(0)
        served.hold.set()

    assert served.reads == 1
    assert {call.result().key_id for call in calls} == {"k1"}


async def test_a_new_key_is_found_and_a_dropped_one_is_gone() -> None:
    served = Served(k1=K1)
    await served.ring.key("k1")
    served.document = Issuer(k2=K2).jwks()
    await served.clock.advance(LEAST_SECONDS)

    assert (await served.ring.key("k2")).algorithm_name == "RS256"
    assert not served.ring.knows("k1")


async def test_an_invented_key_makes_no_more_than_one_reading_in_ten_seconds() -> None:
    """Whoever can connect can name any key."""
    served = Served(k1=K1)
    await served.ring.key("k1")
    for number in range(50):
        assert (await refusal(served, f"invented-{number}"))[0] == "key_unknown"
    assert served.reads == 1
    await served.clock.advance(LEAST_SECONDS)
    for number in range(50):
        await refusal(served, f"invented-{number}")

    assert served.reads == 2


async def test_known_keys_serve_while_the_issuer_is_away() -> None:
    served = Served(k1=K1)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(served.ring.run())
        await served.clock.advance(1)
        served.document = None
        await served.clock.advance(REFRESH_SECONDS)
        assert served.events.means[-1] == "away"
        assert (await served.ring.key("k1")).key_id == "k1"
        assert await refusal(served, "k2") == ("cannot_verify", LEAST_SECONDS)
        served.document = Issuer(k1=K1, k2=K2).jwks()
        await served.clock.advance(LEAST_SECONDS)
        assert (await served.ring.key("k2")).key_id == "k2"
        running.cancel()


async def test_a_removed_key_is_gone_with_the_next_reading() -> None:
    served = Served(k1=K1, k2=K2)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(served.ring.run())
        await served.clock.advance(1)
        served.document = Issuer(k2=K2).jwks()
        await served.clock.advance(REFRESH_SECONDS)
        assert not served.ring.knows("k1")
        running.cancel()


async def test_without_any_key_nobody_is_blamed() -> None:
    served = Served()
    served.document = None

    assert await refusal(served, "k1") == ("cannot_verify", LEAST_SECONDS)


def test_keys_that_are_of_no_use_here_are_passed_over() -> None:
    keys = [
        jwk(K1, "k1"),
        {"kty": "oct", "kid": "shared", "k": "c2VjcmV0"},
        jwk(K2, "to encrypt with", use="enc"),
        jwk(K2, "of another algorithm", alg="PS256"),
        jwk(SMALL, "small"),
        {**jwk(K2, "x"), "kid": None},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        {"kid": "empty"},
        "no key",
        jwk(K2, "k2", alg="RS512"),
    ]
    found = keys_of(json.dumps({"keys": keys}).encode())

    assert {name: key.algorithm_name for name, key in found.items()} == {
        "k1": "ES256",
        "k2": "RS512",
    }


def test_a_key_set_has_bounds() -> None:
    keys = [jwk(K1, f"k{number}") for number in range(MOST_KEYS + 10)]

    assert len(keys_of(json.dumps({"keys": keys}).encode())) == MOST_KEYS


@given(
    st.one_of(st.binary(max_size=50), st.sampled_from([b"[]", b"{}", b'{"keys": {}}', b"[" * 5000]))
)
def test_what_is_no_key_set_is_a_failure(document: bytes) -> None:
    with pytest.raises(IssuerUnavailable):
        keys_of(document)
