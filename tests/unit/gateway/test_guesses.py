"""Wrong keys: who is refused, for how long, and what is kept of it."""

import hashlib

import pytest

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.guesses import KEYS_AT_ONCE
from gateway.guesses import MOST_ADDRESSES, Guesses
from tests.fakes.clock import FakeClock

pytestmark = pytest.mark.anyio


def digest(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def refusals(guesses: Guesses, address: str, numbers: range) -> list[GatewayError]:
    refused = []
    for number in numbers:
        try:
            guesses.failed(address, digest(number))
        except GatewayError as error:
            refused.append(error)
    return refused


async def test_too_many_wrong_keys_are_refused_until_the_time_is_told() -> None:
    clock = FakeClock()
    guesses = Guesses(clock)
    assert refusals(guesses, "203.0.113.9", range(int(KEYS_AT_ONCE))) == []
    (error,) = refusals(guesses, "203.0.113.9", range(100, 101))
    assert error.fault is Fault.POLICY_GUESSING
    assert error.retry_after == 6
    await clock.advance(6.01)
    assert refusals(guesses, "203.0.113.9", range(100, 101)) == []


def test_another_address_is_not_refused() -> None:
    guesses = Guesses(FakeClock())
    assert len(refusals(guesses, "203.0.113.9", range(100))) == 70
    assert refusals(guesses, "203.0.113.10", range(30)) == []


def test_the_refusal_quotes_nothing() -> None:
    (error, *_) = refusals(Guesses(FakeClock()), "203.0.113.9", range(31))
    assert "203" not in str(error)
    assert digest(30)[:8] not in str(error)


def test_only_so_many_addresses_are_known_and_the_quietest_goes_first() -> None:
    guesses = Guesses(FakeClock())
    refusals(guesses, "busy", range(31))
    refusals(guesses, "quiet", range(31))
    for number in range(MOST_ADDRESSES - 2):
        guesses.failed(f"address-{number}", digest(1))
    refusals(guesses, "busy", range(31, 32))
    guesses.failed("one more", digest(1))
    assert len(guesses) == MOST_ADDRESSES
    assert refusals(guesses, "busy", range(32, 33))
    assert not refusals(guesses, "quiet", range(31, 32))
    assert len(guesses) == MOST_ADDRESSES
