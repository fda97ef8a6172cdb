"""A GitHub in this process that answers as a test tells it: exchange and device flow, real HTTP."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

from aiohttp import web

from tests.servers.ports import free_ports

EXCHANGE = "/copilot_internal/v2/token"


@dataclass
class Reply:
    """One answer; a `body` that is no text goes out as JSON."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)


def granted(number: int = 1, life: int = 1800, **fields: Any) -> Reply:
    """A good exchange. Its token says `secret`, for tests that look where it must not be."""
    now = int(time.time())
    body = {
        "token": f"tid={number:032x};exp={now + life};sku=plus:secret-token-{number}",
        "expires_at": now + life,
        "refresh_in": max(1, life - 300),
        "sku": "plus",
        "endpoints": {"api": "https://api.individual.githubcopilot.com"},
    }
    return Reply(200, {**body, **fields}, {"Date": formatdate(now, usegmt=True)})


class ScriptedGitHub:
    """Answers from the script of each path, then with new tokens; can be held back."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[tuple[str, dict[str, str], dict[str, str]]] = []
        self.exchanges: deque[Reply] = deque()
        self.device: deque[Reply] = deque()
        self.arrived = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()

    @property
    def exchange_count(self) -> int:
        """How many exchanges were asked for."""
        return sum(1 for path, _, _ in self.requests if path == EXCHANGE)

    def hold(self) -> None:
        """Let every exchange wait until `release`."""
        self._open.clear()
        self.arrived.clear()

    def release(self) -> None:
        """Let the waiting exchanges go on."""
        self._open.set()

    async def exchange(self, request: web.Request) -> web.Response:
        """The exchange endpoint."""
        self.requests.append((request.path, dict(request.headers), {}))
        number = self.exchange_count
        self.arrived.set()
        await self._open.wait()
        return _response(self.exchanges.popleft() if self.exchanges else granted(number))

    async def device_flow(self, request: web.Request) -> web.Response:
        """Both endpoints of the device flow."""
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.requests.append((request.path, dict(request.headers), form))
        return _response(self.device.popleft())


@asynccontextmanager
async def scripted_github() -> AsyncIterator[ScriptedGitHub]:
    """One that listens on loopback until the end of the block."""
    (port,) = free_ports(1)
    github = ScriptedGitHub(port)
    app = web.Application()
    app.router.add_get(EXCHANGE, github.exchange)
    app.router.add_post("/login/device/code", github.device_flow)
    app.router.add_post("/login/oauth/access_token", github.device_flow)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield github
    finally:
        github.release()
        await runner.cleanup()


def _response(reply: Reply) -> web.Response:
    if isinstance(reply.body, str):
        return web.Response(status=reply.status, text=reply.body, headers=reply.headers)
    return web.json_response(reply.body, status=reply.status, headers=reply.headers)
