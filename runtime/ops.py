"""The operators' HTTP port: /metrics, /healthz, /readyz.

It runs on the service's own event loop, so that /healthz answering at all is the loop's
heartbeat: a loop that is stuck does not answer, and the probe's time-out says so. Readiness is
the service's own state only; it never asks a dependency (design §2, invariant 9).
"""

import asyncio
from collections.abc import Callable

from aiohttp import web

from runtime.listening import Address, reason_of, taken

METRICS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class OpsServer:
    """Serves the operators' port until it is stopped."""

    def __init__(
        self,
        address: Address,
        setting: str,
        metrics: Callable[[], bytes],
        is_ready: Callable[[], bool],
    ) -> None:
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
        site = web.TCPSite(self._runner, self._address.host, self._address.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise taken(self._setting, self._address, reason_of(error)) from error

    async def stop(self) -> None:
        """Stop listening; answers under way are finished."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _serve_metrics(self, request: web.Request) -> web.Response:
        # Rendering hundreds of series takes milliseconds: not on the loop that serves callers.
        body = await asyncio.to_thread(self._metrics)
        return web.Response(body=body, headers={"Content-Type": METRICS_CONTENT_TYPE})

    async def _serve_health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def _serve_readiness(self, request: web.Request) -> web.Response:
        if self._is_ready():
            return web.json_response({"status": "ready"})
        return web.json_response({"status": "starting or draining"}, status=503)
