"""The listeners of a run: opened together, closed at once, ended by a signal."""

import asyncio
import contextlib
import signal
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from simulator.state.world import MAIN, World
from simulator.web.connection import Connection
from simulator.web.control import Control
from simulator.web.handling import Handler

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Answers under way get no time: nothing here is worth waiting for.
SHUTDOWN_SECONDS = 0.01
BACKLOG = 4096
KEEPALIVE_SECONDS = 75.0


class PortTaken(Exception):
    """A port that cannot be listened on; the text is one line for a person."""


class UnusableCertificate(Exception):
    """A certificate or key that cannot be used; the text is one line for a person."""


@dataclass(frozen=True)
class Addresses:
    """Where to listen: the main port, and a port for each plan with a host of its own.

    tls: what the main port speaks TLS with; the plans' ports never do.
    """

    host: str
    port: int
    plan_ports: Mapping[str, int]
    tls: ssl.SSLContext | None = None

    @property
    def main_url(self) -> str:
        """The base URL of the listener that is everything."""
        return self._url(self.port, "https" if self.tls else "http")

    @property
    def plan_urls(self) -> dict[str, str]:
        """The base URLs of the plans' API hosts."""
        return {plan: self._url(port, "http") for plan, port in self.plan_ports.items()}

    def _url(self, port: int, scheme: str) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{port}"


def server_tls(cert: Path, key: Path) -> ssl.SSLContext:
    """What a listener speaks TLS with, from files in PEM. Raises UnusableCertificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except OSError as error:  # of which ssl.SSLError is one
        raise UnusableCertificate(f"cannot use {cert} with {key}: {_reason(error)}") from None
    return context


@contextlib.asynccontextmanager
async def listening(world: World, addresses: Addresses) -> AsyncIterator[None]:
    """Listen on all addresses inside the block. Raises PortTaken."""
    control = Control(world)
    ports = {MAIN: addresses.port, **addresses.plan_ports}
    async with contextlib.AsyncExitStack() as stack:
        for listener, port in ports.items():
            handler = Handler(world, control, listener)
            tls = addresses.tls if listener == MAIN else None
            await stack.enter_async_context(_one(handler, addresses.host, port, tls))
        yield


@contextlib.asynccontextmanager
async def _one(
    handler: Handler, host: str, port: int, tls: ssl.SSLContext | None
) -> AsyncIterator[None]:
    protocols = web.Server(handler, handler_cancellation=True)
    loop = asyncio.get_running_loop()

    def connection() -> Connection:
        return Connection(
            protocols,
            loop=loop,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
        )

    try:
        server = await loop.create_server(connection, host, port, backlog=BACKLOG, ssl=tls)
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
