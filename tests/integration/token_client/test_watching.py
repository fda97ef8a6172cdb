"""The stream of a client and its cache, against a real gRPC server that plays a script."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import grpc
import pytest

from tests.fakes.clock import FakeClock
from tests.servers.ports import free_ports
from tests.servers.scripted_broker import Failure, ScriptedBroker, serving, token
from token_client.client import TokenClient
from token_client.errors import TokenRefused
from token_client.watch import MAX_ACCOUNTS

pytestmark = pytest.mark.anyio
UNKNOWN = Failure(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND")


async def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    """Wait, in bounded real time, for what sockets bring about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def client_of(*ports: int, clock: FakeClock | None = None) -> AsyncIterator[TokenClient]:
    """A client of replicas on these ports; with a clock, time passes only by hand."""
    target = "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)
    own = clock.monotonic if clock else time.monotonic
    async with TokenClient(target, connect_seconds=1.0, clock=own, jitter=lambda: 0.0) as client:
        yield client


def value(client: TokenClient, account: str = "seat-1") -> str | None:
    found = client.peek(account)
    return found.value if found else None


async def test_a_new_token_arrives_without_anyone_asking() -> None:
    broker = ScriptedBroker([token(1), token(2)])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        await until(lambda: len(broker.streams) == 1)
        broker.push(token(2))
        await until(lambda: value(client) == "token-2")
        assert broker.watched == [["seat-1"]]


async def test_its_first_user_tells_the_broker_that_the_account_is_in_use() -> None:
    """Once in the life of a token, and without waiting: a follower alone is no demand."""
    broker = ScriptedBroker([token(7)], on_watch={"seat-1": token(7)})
    async with serving(broker) as port, client_of(port) as client:
        client.follow(["seat-1", "seat-8"])
        await until(lambda: len(broker.streams) == 1)
        await asyncio.sleep(0.05)
        assert broker.calls == []
        await until(lambda: value(client) == "token-7")
        await until(lambda: len(broker.calls) == 1)
        for _ in range(20):
            assert (await client.get("seat-1")).value == "token-7"
            await asyncio.sleep(0.001)
        assert broker.calls == ["seat-1"]
        assert value(client, "seat-8") is None


async def test_a_removed_account_is_asked_for_by_the_next_caller_who_hears_why() -> None:
    broker = ScriptedBroker([token(1), UNKNOWN])
    async with serving(broker) as port, client_of(port) as client:
        await client.get("seat-1")
        await until(lambda: len(broker.streams) == 1)
        broker.remove("seat-1")
        await until(lambda: value(client) is None)
        with pytest.raises(TokenRefused) as caught:
            await client.get("seat-1")
        assert caught.value.reason == "ACCOUNT_NOT_FOUND"


async def test_a_refused_account_is_not_followed() -> None:
    broker = ScriptedBroker([UNKNOWN])
    async with serving(broker) as port, client_of(port) as client:
        with pytest.raises(TokenRefused):
            await client.get("seat-1")
        await asyncio.sleep(0.2)  # a stream that should not be opened would be by then
        assert broker.watched == []


async def test_who_waits_for_a_replica_that_hangs_takes_what_the_stream_brings() -> None:
    broker = ScriptedBroker(hold=asyncio.Event())
    async with serving(broker) as port, client_of(port) as client, asyncio.TaskGroup() as group:
        client.follow(["seat-1"])
        await until(lambda: len(broker.streams) == 1)
        waiting = group.create_task(client.get("seat-1"))
        await until(lambda: len(broker.calls) == 1)
        broker.push(token(3))
        async with asyncio.timeout(5):
            assert (await waiting).value == "token-3"


@pytest.mark.parametrize(
    "refusal",
    [
        Failure(grpc.StatusCode.UNIMPLEMENTED),
        Failure(grpc.StatusCode.PERMISSION_DENIED),
        Failure(grpc.StatusCode.UNAUTHENTICATED, "CALLER_UNAUTHENTICATED"),
        Failure(grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
async def test_without_streams_everything_works_as_before(refusal: Failure) -> None:
    broker, clock = ScriptedBroker([token(1), token(2)], refuse_streams=refusal), FakeClock()
    async with serving(broker) as port, client_of(port, clock=clock) as client:
        await client.get("seat-1")
        await until(lambda: len(broker.watched) == 1)
        await clock.advance(1_500)
        assert (await client.get("seat-1")).value == "token-1"
        await until(lambda: value(client) == "token-2")
        assert len(broker.watched) == 1


async def test_the_stream_survives_the_restart_of_every_replica() -> None:
    """Two replicas are replaced, one after the other; what the last one pushes arrives."""
    one, two = free_ports(2)
    first = ScriptedBroker()
    async with client_of(one, two) as client:
        async with serving(first, one), serving(ScriptedBroker(), two):
            await client.get("seat-1")
        held = {"seat-1": token(2)}
        second = ScriptedBroker(on_watch=held)
        async with serving(second, one):
            await until(lambda: value(client) == "token-2")
            assert len(second.streams) == 1
        third = ScriptedBroker(on_watch={"seat-1": token(3)})
        async with serving(third, two):
            await until(lambda: value(client) == "token-3")


async def test_a_connection_that_ends_for_its_age_takes_no_token_with_it() -> None:
    broker, clock = ScriptedBroker(), FakeClock()
    ages = (("grpc.max_connection_age_ms", 200), ("grpc.max_connection_age_grace_ms", 100))
    async with serving(broker, options=ages) as port, client_of(port, clock=clock) as client:
        await client.get("seat-1")
        await until(lambda: len(broker.watched) >= 3)
        assert value(client) == "token-1"
        assert len(broker.calls) == 1
        broker.on_watch["seat-1"] = token(2)
        await until(lambda: value(client) == "token-2")


async def test_many_accounts_share_one_stream_and_a_change_of_all_is_cheap() -> None:
    """5,000 accounts: a second or so to take all their tokens, and none is asked for."""
    names = [f"seat-{number}" for number in range(5_000)]
    broker = ScriptedBroker(on_watch={name: token(1, account=name) for name in names})
    async with serving(broker) as port, client_of(port) as client:
        client.follow(names)
        # Looking at a token is using it, so only at the last one of those that come in order.
        await until(lambda: value(client, names[-1]) == "token-1", 30)
        broker.push(*(token(2, account=name) for name in names))
        await until(lambda: value(client, names[-1]) == "token-2", 30)
        assert all(value(client, name) == "token-2" for name in names[::500])
        assert len(broker.watched) == 1


async def test_more_accounts_than_can_be_followed_are_refused_by_name_of_the_limit() -> None:
    client = TokenClient("127.0.0.1:1")
    with pytest.raises(ValueError, match=str(MAX_ACCOUNTS)):
        client.follow(f"seat-{number}" for number in range(MAX_ACCOUNTS + 1))


async def test_a_client_that_is_told_not_to_watch_opens_no_stream() -> None:
    broker = ScriptedBroker()
    async with serving(broker) as port, TokenClient(f"127.0.0.1:{port}", watch=False) as client:
        await client.get("seat-1")
        await asyncio.sleep(0.2)  # a stream that should not be opened would be by then
        assert broker.watched == []
