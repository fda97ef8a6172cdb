"""The client against a real gRPC server that answers by script; time moves by hand."""

import asyncio
from collections.abc import Awaitable, Callable

import grpc
import pytest

from tests.fakes.clock import FakeClock
from tests.servers.ports import free_ports
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client.calls import token_of
from token_client.client import TokenClient
from token_client.errors import BrokerUnreachable, TokenRefused, TokenUnavailable

pytestmark = pytest.mark.anyio
UNAVAILABLE = Failure(grpc.StatusCode.UNAVAILABLE, "GITHUB_UNAVAILABLE", retry_after=7.0)


def client_of(port: int, clock: FakeClock) -> TokenClient:
    return TokenClient(
        f"127.0.0.1:{port}", connect_seconds=0.5, clock=clock.monotonic, jitter=lambda: 0.0
    )


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait, in bounded real time, for what another process's sockets bring about."""
    async with asyncio.timeout(5):
        while not await condition():
            await asyncio.sleep(0.005)


async def calls_reach(broker: ScriptedBroker, count: int) -> None:
    async def reached() -> bool:
        return len(broker.calls) >= count

    await until(reached)


async def token_becomes(client: TokenClient, value: str) -> None:
    async def become() -> bool:
        return (await client.get("seat-1")).value == value

    await until(become)


async def test_a_hundred_callers_at_once_cause_one_call() -> None:
    broker, clock = ScriptedBroker(hold=asyncio.Event()), FakeClock()
    async with (
        serving(broker) as port,
        client_of(port, clock) as client,
        asyncio.TaskGroup() as all_,
    ):
        callers = [all_.create_task(client.get("seat-1")) for _ in range(100)]
        await calls_reach(broker, 1)
        assert broker.hold is not None
        broker.hold.set()
        assert {(await caller).value for caller in callers} == {"token-1"}
        assert broker.calls == ["seat-1"]


async def test_a_fresh_token_costs_no_call() -> None:
    broker, clock = ScriptedBroker(), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
        await clock.advance(1_499)
        assert (await client.get("seat-1")).value == "token-1"
        assert client.peek("seat-1") is not None
        assert len(broker.calls) == 1


async def test_every_call_has_a_deadline() -> None:
    broker, clock = ScriptedBroker(), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
    assert broker.deadlines[0] is not None
    assert 0 < broker.deadlines[0] < 13  # 12 s; gRPC rounds a deadline up on its way


async def test_a_due_token_is_renewed_while_callers_go_on_with_it() -> None:
    broker, clock = ScriptedBroker([token(1), token(2)]), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
        broker.hold = asyncio.Event()
        await clock.advance(1_500)
        assert (await client.get("seat-1")).value == "token-1"
        assert (await client.get("seat-1")).value == "token-1"
        await calls_reach(broker, 2)
        broker.hold.set()
        await token_becomes(client, "token-2")
        assert len(broker.calls) == 2


async def test_a_living_token_outlives_failed_renewals() -> None:
    """Invariant 3: what still works is not thrown away because its renewal failed."""
    broker, clock = ScriptedBroker([token(1), UNAVAILABLE]), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
        await clock.advance(1_500)
        await client.get("seat-1")
        await calls_reach(broker, 2)
        await clock.advance(299)
        assert (await client.get("seat-1")).value == "token-1"
        await clock.advance(1)
        with pytest.raises(TokenUnavailable):
            await client.get("seat-1")


async def test_a_failed_renewal_is_not_tried_again_before_its_pause() -> None:
    broker, clock = ScriptedBroker([token(1), UNAVAILABLE]), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
        await clock.advance(1_500)
        await client.get("seat-1")
        await calls_reach(broker, 2)
        await asyncio.sleep(0.02)
        for _ in range(10):
            await client.get("seat-1")
            await asyncio.sleep(0.005)  # a call that should not be made would arrive meanwhile
        assert len(broker.calls) == 2
        await clock.advance(8)
        await client.get("seat-1")
        await calls_reach(broker, 3)


async def test_an_error_is_remembered_and_says_how_long_to_wait() -> None:
    broker, clock = ScriptedBroker([UNAVAILABLE]), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        with pytest.raises(TokenUnavailable) as first:
            await client.get("seat-1")
        assert (first.value.reason, first.value.retry_after) == ("GITHUB_UNAVAILABLE", 7.0)
        await clock.advance(5)
        with pytest.raises(TokenUnavailable) as second:
            await client.get("seat-1")
        assert second.value.retry_after == pytest.approx(2.0)
        assert second.value is not first.value
        assert len(broker.calls) == 1


async def test_a_refusal_is_no_outage() -> None:
    broker = ScriptedBroker([Failure(grpc.StatusCode.FAILED_PRECONDITION, "NO_COPILOT_ACCESS")])
    async with serving(broker) as port, client_of(port, FakeClock()) as client:
        with pytest.raises(TokenRefused) as caught:
            await client.get("seat-1")
    assert caught.value.reason == "NO_COPILOT_ACCESS"
    assert caught.value.metadata == {"notification_id": "n"}


async def test_a_caller_that_leaves_does_not_take_the_call_with_it() -> None:
    broker, clock = ScriptedBroker(hold=asyncio.Event()), FakeClock()
    async with (
        serving(broker) as port,
        client_of(port, clock) as client,
        asyncio.TaskGroup() as all_,
    ):
        first = all_.create_task(client.get("seat-1"))
        await calls_reach(broker, 1)
        second = all_.create_task(client.get("seat-1"))
        await asyncio.sleep(0)
        first.cancel()
        assert broker.hold is not None
        broker.hold.set()
        assert (await second).value == "token-1"
        assert len(broker.calls) == 1


async def test_a_broker_that_is_not_there_is_said_within_the_deadline() -> None:
    async with client_of(free_ports(1)[0], FakeClock()) as client:
        with pytest.raises(BrokerUnreachable):
            await client.get("seat-1")


async def test_a_broker_that_comes_back_is_used_again() -> None:
    """Nothing has to be restarted: the cached token carries the callers, then renewal works."""
    port, clock = free_ports(1)[0], FakeClock()
    async with client_of(port, clock) as client:
        async with serving(ScriptedBroker([token(1)]), port):
            await client.get("seat-1")
        await clock.advance(1_500)
        assert (await client.get("seat-1")).value == "token-1"
        async with serving(ScriptedBroker([token(2)]), port):

            async def renewed() -> bool:
                await clock.advance(1)
                return (await client.get("seat-1")).value == "token-2"

            await until(renewed)


async def test_an_older_generation_does_not_replace_a_living_newer_one() -> None:
    broker, clock = ScriptedBroker([token(5), token(4), token(6)]), FakeClock()
    async with serving(broker) as port, client_of(port, clock) as client:
        await client.get("seat-1")
        await clock.advance(1_500)
        await client.get("seat-1")
        await calls_reach(broker, 2)
        await asyncio.sleep(0.02)
        assert (await client.get("seat-1")).generation == 5
        await clock.advance(1)
        await token_becomes(client, "token-6")


async def test_waiting_callers_are_answered_when_the_client_closes() -> None:
    broker = ScriptedBroker(hold=asyncio.Event())
    async with serving(broker) as port, asyncio.TaskGroup() as all_:
        client = client_of(port, FakeClock())
        async with client:
            waiting = all_.create_task(_error_of(client))
            await calls_reach(broker, 1)
        assert await waiting is BrokerUnreachable


async def _error_of(client: TokenClient) -> type[Exception] | None:
    try:
        await client.get("seat-1")
    except TokenUnavailable as error:
        return type(error)
    return None


def test_a_token_does_not_show_its_value() -> None:
    assert "token-1" not in repr(token_of(token(1), 0.0))
