"""The gateway's HTTP front in this process, on a real socket, with a given upstream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from gateway.adapters.copilot_upstream import Deadlines, HttpUpstream, open_session
from gateway.bootstrap import front_server
from gateway.catalogue import Catalogue
from gateway.domain.api_keys import ApiKey, digest
from gateway.domain.groups import Group
from gateway.relay import Relay
from gateway.web.context import Context
from runtime.clock import SystemClock
from tests.fakes.gateway_ports import FakeTokens, RecordedEvents

KEY = "callers-key"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
GENEROUS = Deadlines(first_byte=10, idle=10, total=20)
BODY_BYTES = 64 * 1024


@dataclass
class FrontUnderTest:
    """Where it listens, and what it saw."""

    url: str
    host: str
    port: int
    tokens: FakeTokens
    events: RecordedEvents


@asynccontextmanager
async def fronting(
    upstream_url: str, deadlines: Deadlines = GENEROUS, may_mark_agent: bool = False
) -> AsyncIterator[FrontUnderTest]:
    """Serve on loopback with one key in one group."""
    tokens, events, clock = FakeTokens(upstream_url), RecordedEvents(), SystemClock()
    async with open_session(None) as session:
        upstream = HttpUpstream(session, deadlines, proxy_url=None)
        context = Context(
            relay=Relay(tokens, upstream, clock),
            catalogue=Catalogue(tokens, upstream, clock),
            clock=clock,
            events=events,
            keys={digest(KEY): ApiKey("test-key", "group", None, None, may_mark_agent)},
            groups={"group": Group("group", "copilot", "seat-1")},
            body_bytes=BODY_BYTES,
        )
        runner = web.ServerRunner(front_server(context), shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield FrontUnderTest(f"http://{host}:{port}", host, port, tokens, events)
        finally:
            await runner.cleanup()
