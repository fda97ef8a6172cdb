"""What the replicas of the gateway know together, or one process alone, as its four ports.

Owns which adapter stands for which store, and their common link to it. Opens nothing before
`running` does.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.adapters.affinity import MemoryAffinity
from gateway.adapters.batches import Batches
from gateway.adapters.board import MemoryBoard
from gateway.adapters.budget_counters import MemoryBudgets
from gateway.adapters.shared_affinity import SharedAffinity
from gateway.adapters.shared_board import SharedBoard, channel_of
from gateway.adapters.shared_budgets import SharedBudgets
from gateway.adapters.shared_slots import SharedSlots
from gateway.adapters.slots import MemorySlots
from gateway.ports.clock import Clock
from runtime.valkey.link import StoreEvents, StoreLink
from runtime.valkey.server import Connection, Place, connected

OWNER_BYTES = 8


@dataclass(frozen=True, slots=True)
class OwnState:
    """What one process knows alone."""

    slots: MemorySlots
    board: MemoryBoard
    affinity: MemoryAffinity
    budgets: MemoryBudgets

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing runs; the block is as long as it is."""
        yield


@dataclass(frozen=True, slots=True)
class SharedState:
    """What all replicas know, over one link to the store."""

    link: StoreLink[Connection]
    batches: Batches
    slots: SharedSlots
    board: SharedBoard
    affinity: SharedAffinity
    budgets: SharedBudgets

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep in step with the store for the length of the block, which never waits for it.

        It begins when the store was tried once, and the board was read if the store is up: who
        starts otherwise does not know which accounts are paused.
        """
        async with asyncio.TaskGroup() as tasks, AsyncExitStack() as stack:
            link = tasks.create_task(self.link.run())
            stack.callback(link.cancel)
            # Each sends what it still has to say while the link is there.
            for part in (self.batches, self.slots, self.board, self.budgets):
                await stack.enter_async_context(part.running(tasks))
            await self.link.tried()
            await self.board.first_read()
            yield


State = OwnState | SharedState


def state_of(
    place: Place | None,
    namespace: str,
    lease_seconds: float,
    clock: Clock,
    fraction: Callable[[], float],
    events: StoreEvents,
) -> State:
    """The four ports. place: None for a process that is alone.

    namespace: what replicas of one deployment have in common, and nobody else on that store.
    lease_seconds: after these the places of a process that died are free again.
    fraction: uniform in [0, 1); spreads the replicas' attempts to have the store back.
    """
    if place is None:
        return OwnState(
            MemorySlots(), MemoryBoard(clock), MemoryAffinity(clock), MemoryBudgets(clock)
        )
    link = StoreLink[Connection](
        lambda: connected(place),
        lambda connection: connection,
        channel_of(namespace),
        fraction,
        events,
    )
    batches = Batches(link)
    owner = secrets.token_hex(OWNER_BYTES)
    return SharedState(
        link,
        batches,
        SharedSlots(link, batches, namespace, lease_seconds, owner),
        SharedBoard(link, namespace, clock, owner),
        SharedAffinity(link, batches, namespace, MemoryAffinity(clock)),
        SharedBudgets(link, batches, namespace, channel_of(namespace), clock, owner),
    )
