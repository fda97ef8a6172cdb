"""The operators' HTTP port: /metrics, /healthz, /readyz.

It runs on the service's own event loop, so that /healthz answering at all is the loop's
heartbeat: a loop that is stuck does not answer, and the probe's time-out says so. Readiness is
the service's own state only; it never asks a dependency (design §2, invariant 9).
"""

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import web

from runtime.listening import Address, reason_of, taken

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
TURN_SECONDS = 0.0002


class OpsServer:
    """Serves the operators' port until it is stopped."""

    def __init__(
        self,
        address: Address | Path,
        setting: str,
        metrics: Callable[[], Awaitable[bytes]],
        is_ready: Callable[[], bool],
    ) -> None:
        """address: a path is that of a socket, for the process that this one is a worker of.

        metrics: rendering hundreds of series takes milliseconds: not on the loop that serves
        callers; see `rendered`.
        """
        self._address = address
        self._setting = setting
        self._metrics = metrics
        self._is_ready = is_ready
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begin to listen. Raises ListenError."""
        app = web.Application()
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_health)
        app.router.add_get("/readyz", self._serve_readiness)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        try:
            await self._site(self._runner).start()
        except OSError as error:
            await self._runner.cleanup()
            raise taken(self._setting, self._address, reason_of(error)) from error

    def _site(self, runner: web.AppRunner) -> web.BaseSite:
        if isinstance(self._address, Path):
            return web.UnixSite(runner, self._address)
        return web.TCPSite(runner, self._address.host, self._address.port)

    async def stop(self) -> None:
        """Stop listening; answers under way are finished."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        return web.Response(
            body=await self._metrics(), headers={"Content-Type": METRICS_CONTENT_TYPE}
        )

    async def _serve_health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        if self._is_ready():
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "starting or draining"}, status=503)


def rendered(render: Callable[[], bytes]) -> Callable[[], Awaitable[bytes]]:
    """A scrape rendered in a thread, which lets the loop go first; see `_yielding`."""

    def render_yielding() -> bytes:
        with _yielding():
            return render()

    return lambda: asyncio.to_thread(render_yielding)


@contextmanager
def _yielding() -> Iterator[None]:
    """Threads take turns after 0.2 ms, not after 5, for the length of the block.

    A request has a dozen turns of the loop, and each may find a thread that renders: with 5,000
    series it took 20 ms longer while one did.
    """
    with _turns:
        before = sys.getswitchinterval()
        sys.setswitchinterval(TURN_SECONDS)
        try:
            yield
        finally:
            sys.setswitchinterval(before)


_turns = threading.Lock()
"""One scrape at a time: what it sets is the process's."""
