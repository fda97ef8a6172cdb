"""The gateway's state under every contract: of one process, and on real servers; no logic."""

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack

import pytest

from gateway.adapters.shared_state import State, state_of
from runtime.clock import SystemClock
from runtime.valkey.server import Place
from tests.fakes.store_events import FakeStoreEvents
from tests.servers.valkey_server import ValkeyServer


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[str, ValkeyServer]]:
    with ExitStack() as stack:
        yield {
            "valkey": stack.enter_context(ValkeyServer()),
            "cluster": stack.enter_context(ValkeyServer(cluster=True)),
        }


@pytest.fixture(params=["memory", "valkey", "cluster"])
async def state(
    request: pytest.FixtureRequest, servers: dict[str, ValkeyServer]
) -> AsyncIterator[State]:
    place = None
    if request.param != "memory":
        servers[request.param].command("FLUSHALL")
        place = Place(servers[request.param].url)
    made = state_of(place, "test", 15.0, SystemClock(), lambda: 0.5, FakeStoreEvents())
    async with made.running():
        assert made.slots.is_shared == (place is not None)
        yield made
