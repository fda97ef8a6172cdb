"""Upstream refused a token: what the client tells the broker, and what its callers get."""

import asyncio

import grpc
import pytest

from tests.fakes.clock import FakeClock
from tests.integration.token_client.test_watching import client_of, until, value
from tests.servers.ports import free_ports
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client.client import TokenClient
from token_client.entries import COMPLAINT_PAUSE_SECONDS
from token_client.errors import TokenUnavailable

pytestmark = pytest.mark.anyio
REJECTED = Failure(grpc.StatusCode.UNAVAILABLE, "TOKEN_REJECTED_UPSTREAM", retry_after=60)


async def test_the_new_token_is_fetched_and_given() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        newer = await client.invalidate("seat-1", "id-1", "401 from upstream")
        assert newer is not None
        assert newer.value == "token-2"
        assert (await client.get("seat-1")).value == "token-2"
    assert broker.complaints == [("seat-1", "id-1", "401 from upstream")]
    assert all(deadline is not None and deadline < 13 for deadline in broker.deadlines)


async def test_a_hundred_complaints_about_one_token_are_one() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        newer = await asyncio.gather(*(client.invalidate("seat-1", "id-1") for _ in range(100)))
        assert {found.value for found in newer if found} == {"token-2"}
        assert len(newer) == 100
    assert (len(broker.complaints), len(broker.calls)) == (1, 2)


async def test_a_late_complaint_costs_no_call() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        await client.invalidate("seat-1", "id-1")
        late = await client.invalidate("seat-1", "id-1")
        assert late is not None
        assert late.value == "token-2"
    assert len(broker.complaints) == 1


async def test_callers_wait_for_the_brokers_word_and_other_accounts_callers_do_not() -> None:
    broker = ScriptedBroker([token(1), token(1, account="seat-2"), token(2)])
    async with serving(broker) as port, client_of(port) as client, asyncio.TaskGroup() as group:
        await client.get("seat-1")
        await client.get("seat-2")
        broker.hold = asyncio.Event()
        complaining = group.create_task(client.invalidate("seat-1", "id-1"))
        await until(lambda: len(broker.calls) == 3)
        waiting = group.create_task(client.get("seat-1"))
        assert (await client.get("seat-2")).account == "seat-2"
        assert value(client) is None
        assert not waiting.done()
        broker.hold.set()
        assert (await waiting).value == "token-2"
        assert await complaining is not None


async def test_a_renewal_under_way_does_not_pass_for_an_answer_to_the_complaint() -> None:
    broker, clock = ScriptedBroker([token(1), token(1), token(2)]), FakeClock()
    async with (
        serving(broker) as port,
        client_of(port, clock=clock) as client,
        asyncio.TaskGroup() as group,
    ):
        await client.get("seat-1")
        broker.hold = asyncio.Event()
        await clock.advance(1_500)
        await client.get("seat-1")
        await until(lambda: len(broker.calls) == 2)
        complaining = group.create_task(client.invalidate("seat-1", "id-1"))
        await asyncio.sleep(0)
        assert broker.complaints == []
        broker.hold.set()
        newer = await complaining
        assert newer is not None
        assert newer.value == "token-2"
        assert len(broker.complaints) == 1


async def test_the_refused_token_may_be_the_current_one_until_its_renewal_is_done() -> None:
    """What InvalidateCopilotToken answers is no verdict; the call that follows waits for one."""
    broker = ScriptedBroker([token(1), token(2)], verdicts=["id-1"])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        newer = await client.invalidate("seat-1", "id-1")
        assert newer is not None
        assert newer.value == "token-2"


async def test_a_token_the_broker_stands_by_is_used_on_and_it_is_not_pestered() -> None:
    """The broker changes a token at most once a minute, whoever complains."""
    broker, clock = ScriptedBroker([token(1)], verdicts=["id-1"]), FakeClock()
    async with serving(broker) as port, client_of(port, clock=clock) as client:
        await client.get("seat-1")
        for _ in range(50):
            assert await client.invalidate("seat-1", "id-1") is None
            assert (await client.get("seat-1")).value == "token-1"
        assert (len(broker.complaints), len(broker.calls)) == (1, 2)
        await clock.advance(COMPLAINT_PAUSE_SECONDS)
        await client.invalidate("seat-1", "id-1")
        assert len(broker.complaints) == 2


async def test_a_broker_that_backs_off_is_believed() -> None:
    broker, clock = ScriptedBroker([token(1), REJECTED]), FakeClock()
    async with serving(broker) as port, client_of(port, clock=clock) as client:
        await client.get("seat-1")
        assert await client.invalidate("seat-1", "id-1") is None
        for _ in range(3):
            with pytest.raises(TokenUnavailable) as caught:
                await client.get("seat-1")
            assert caught.value.reason == "TOKEN_REJECTED_UPSTREAM"
        assert len(broker.calls) == 2
        broker.answers[:] = [token(2)]
        await clock.advance(61)
        assert (await client.get("seat-1")).value == "token-2"


@pytest.mark.parametrize(
    "failure",
    [
        Failure(grpc.StatusCode.UNIMPLEMENTED),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_after=30),
        Failure(grpc.StatusCode.INTERNAL),
    ],
)
async def test_a_broker_that_takes_no_complaints_costs_nobody_the_token(failure: Failure) -> None:
    broker = ScriptedBroker([token(1)], verdicts=[failure])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        assert await client.invalidate("seat-1", "id-1") is None
        assert (await client.get("seat-1")).value == "token-1"
        assert len(broker.calls) == 1


async def test_without_a_broker_the_token_is_used_on() -> None:
    """Upstream's refusal may have been a passing one, and nobody has a better token."""
    port = free_ports(1)[0]
    async with client_of(port) as client:
        async with serving(ScriptedBroker(), port):
            await client.get("seat-1")
        assert await client.invalidate("seat-1", "id-1") is None
        assert (await client.get("seat-1")).value == "token-1"


async def test_a_broker_that_takes_the_complaint_and_vanishes_leaves_the_token() -> None:
    gone = Failure(grpc.StatusCode.UNAVAILABLE)
    broker = ScriptedBroker([token(1), gone])
    async with serving(broker) as port, asyncio.TaskGroup() as group:
        async with TokenClient(f"127.0.0.1:{port}", watch=False, sleep=at_once) as client:
            await client.get("seat-1")
            complaining = group.create_task(client.invalidate("seat-1", "id-1"))
            await asyncio.sleep(0)
            assert (await client.get("seat-1")).value == "token-1"
            assert await complaining is None
            assert (await client.get("seat-1")).value == "token-1"
    assert (len(broker.complaints), len(broker.calls)) == (1, 6)


async def at_once(seconds: float) -> None:
    await asyncio.sleep(0)


async def test_a_complaint_about_a_token_that_is_not_cached_reaches_the_broker() -> None:
    broker = ScriptedBroker([token(2)], verdicts=["id-2"])
    async with serving(broker) as port, client_of(port) as client:
        newer = await client.invalidate("seat-1", "id-1")
        assert newer is not None
        assert newer.value == "token-2"
    assert len(broker.complaints) == 1


async def test_a_long_reason_is_cut() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        await client.invalidate("seat-1", "id-1", "x" * 10_000)
    assert len(broker.complaints[0][2]) == 200
