"""The listeners of a run: opened together, closed at once, ended by a signal."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from aiohttp import web

from simulator.state.world import MAIN, World
from simulator.web.control import Control
from simulator.web.handling import Handler

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Answers under way get no time: nothing here is worth waiting for.
SHUTDOWN_SECONDS = 0.01
BACKLOG = 4096
KEEPALIVE_SECONDS = 75.0


class PortTaken(Exception):
    """A port that cannot be listened on; the text is one line for a person."""


@dataclass(frozen=True)
class Addresses:
    """Where to listen: the main port, and a port for each plan with a host of its own."""

    host: str
    port: int
    plan_ports: Mapping[str, int]

    @property
    def main_url(self) -> str:
        """The base URL of the listener that is everything."""
        return self._url(self.port)

    @property
    def plan_urls(self) -> dict[str, str]:
        """The base URLs of the plans' API hosts."""
        return {plan: self._url(port) for plan, port in self.plan_ports.items()}

    def _url(self, port: int) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port}"


@contextlib.asynccontextmanager
async def listening(world: World, addresses: Addresses) -> AsyncIterator[None]:
    """Listen on all addresses inside the block. Raises PortTaken."""
    control = Control(world)
    ports = {MAIN: addresses.port, **addresses.plan_ports}
    async with contextlib.AsyncExitStack() as stack:
        for listener, port in ports.items():
            handler = Handler(world, control, listener)
            await stack.enter_async_context(_one(handler, addresses.host, port))
        yield


@contextlib.asynccontextmanager
async def _one(handler: Handler, host: str, port: int) -> AsyncIterator[None]:
    protocols = web.Server(
        handler,
        handler_cancellation=True,
        access_log=None,
        auto_decompress=False,
        keepalive_timeout=KEEPALIVE_SECONDS,
    )
    loop = asyncio.get_running_loop()
    try:
        server = await loop.create_server(protocols, host, port, backlog=BACKLOG)
    except OSError as error:
        raise PortTaken(f"cannot listen on {host}:{port}: {_reason(error)}") from None
    try:
        yield
    finally:
        server.close()
        await protocols.shutdown(SHUTDOWN_SECONDS)


async def stop_signal() -> None:
    """Wait for a signal that ends the process."""
    loop = asyncio.get_running_loop()
    received = asyncio.Event()
    for signum in STOP_SIGNALS:
        loop.add_signal_handler(signum, received.set)
    await received.wait()


def _reason(error: OSError) -> str:
    """uvloop wraps the reason in its own sentence; the last part is the system's."""
    return (error.strerror or str(error)).rpartition(": ")[2]
