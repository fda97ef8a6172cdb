"""Where an issuer publishes its keys: over HTTP, in this process; it can be taken away."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from tests.servers.jwt_issuer import Issuer


@dataclass
class JwksEndpoint:
    """`status`: what it answers; `reads`: how often it was asked."""

    issuer: Issuer
    url: str = ""
    status: int = 200
    reads: int = 0

    async def keys(self, request: web.Request) -> web.Response:
        """The JWK Set."""
        self.reads += 1
        return web.Response(body=self.issuer.jwks(), status=self.status)


@asynccontextmanager
async def publishing(issuer: Issuer) -> AsyncIterator[JwksEndpoint]:
    """Serve on loopback."""
    endpoint = JwksEndpoint(issuer)
    app = web.Application()
    app.router.add_get("/keys", endpoint.keys)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        endpoint.url = f"http://{host}:{port}/keys"
        yield endpoint
    finally:
        await runner.cleanup()
