"""Several replicas: one that dies, leaves or hangs costs callers time, not the token."""

import asyncio

import grpc
import pytest

from tests.integration.token_client.test_watching import client_of, until
from tests.servers.ports import free_ports
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client import client as client_module
from token_client.errors import BrokerUnreachable, TokenUnavailable
from token_client.token import Token

pytestmark = pytest.mark.anyio
DRAINING = Failure(grpc.StatusCode.UNAVAILABLE, "DRAINING", retry_after=1)
CUT = Failure(grpc.StatusCode.UNAVAILABLE)


async def test_calls_are_spread_over_the_replicas() -> None:
    one, two = ScriptedBroker(), ScriptedBroker()
    async with serving(one) as a, serving(two) as b, client_of(a, b) as client:
        async with asyncio.timeout(10):  # until both are connected; a channel uses the first alone
            while not (one.calls and two.calls):
                await client.get(f"first-{len(one.calls)}-{len(two.calls)}")
        before = len(one.calls), len(two.calls)
        for number in range(20):
            await client.get(f"seat-{number}")
    assert min(len(one.calls) - before[0], len(two.calls) - before[1]) >= 8


@pytest.mark.parametrize("failure", [DRAINING, CUT])
async def test_a_replica_that_leaves_sends_its_callers_to_another(failure: Failure) -> None:
    broker = ScriptedBroker([failure, token(1)])
    async with serving(broker) as port, client_of(port) as client:
        assert (await client.get("seat-1")).value == "token-1"
        assert len(broker.calls) == 2


async def test_a_replica_that_dies_in_an_exchange_costs_its_callers_no_token() -> None:
    one, two = free_ports(2)
    dying, other = ScriptedBroker(hold=asyncio.Event()), ScriptedBroker([token(7)])
    async with asyncio.timeout(20), client_of(one, two) as client, asyncio.TaskGroup() as group:
        async with serving(other, two):
            async with serving(dying, one):
                callers: list[asyncio.Task[Token]] = []
                while not dying.calls:  # which of the two is connected first is a matter of luck
                    callers.append(group.create_task(client.get(f"seat-{len(callers)}")))
                    await asyncio.sleep(0.01)
                await until(lambda: len(dying.calls + other.calls) == len(callers))
            assert {(await caller).value for caller in callers} == {"token-7"}
            assert sorted(other.calls) == sorted(f"seat-{n}" for n in range(len(callers)))


async def test_what_a_replica_has_decided_is_not_asked_again() -> None:
    github = Failure(grpc.StatusCode.UNAVAILABLE, "GITHUB_UNAVAILABLE", retry_after=9)
    broker = ScriptedBroker([github])
    async with serving(broker) as port, client_of(port) as client:
        with pytest.raises(TokenUnavailable) as caught:
            await client.get("seat-1")
    assert (caught.value.reason, len(broker.calls)) == ("GITHUB_UNAVAILABLE", 1)


async def test_attempts_have_a_bound() -> None:
    broker = ScriptedBroker([CUT])
    async with serving(broker) as port:
        async with client_module.TokenClient(f"127.0.0.1:{port}", sleep=_at_once) as client:
            with pytest.raises(BrokerUnreachable):
                await client.get("seat-1")
    assert len(broker.calls) == 5


async def test_a_replica_that_hangs_costs_one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ATTEMPT_SECONDS", 0.2)
    hanging, other = ScriptedBroker(hold=asyncio.Event()), ScriptedBroker([token(7)])
    async with serving(hanging) as a, serving(other) as b, client_of(a, b) as client:
        await asyncio.gather(*(client.get(f"seat-{n}") for n in range(6)))
        assert {(await client.get(f"seat-{n}")).value for n in range(6)} == {"token-7"}


async def test_the_whole_wait_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "ATTEMPT_SECONDS", 0.1)
    broker = ScriptedBroker(hold=asyncio.Event())
    async with serving(broker) as port:
        target = f"127.0.0.1:{port}"
        async with client_module.TokenClient(target, call_seconds=0.5) as client:
            async with asyncio.timeout(5):
                with pytest.raises(BrokerUnreachable):
                    await client.get("seat-1")


async def test_a_closed_client_says_so() -> None:
    async with serving(ScriptedBroker()) as port, client_of(port) as client:
        pass
    with pytest.raises(BrokerUnreachable, match="closed"):
        await client.get("seat-1")


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)
