"""COMPOSITION ROOT: builds the gateway from its settings, runs it, and ends it in order."""

import asyncio
import logging
from contextlib import AbstractAsyncContextManager, AsyncExitStack

from aiohttp import web

from gateway.adapters.copilot_upstream import Deadlines, HttpUpstream, open_session
from gateway.adapters.prometheus import PrometheusEvents
from gateway.adapters.token_provider import ClientTokenProvider, open_token_provider
from gateway.catalogue import Catalogue
from gateway.domain.api_keys import ApiKey
from gateway.domain.groups import Group
from gateway.relay import Relay
from gateway.review import warnings
from gateway.settings import Settings, TokenService
from gateway.web.context import Context
from gateway.web.server import Front
from runtime import logs
from runtime.clock import SystemClock
from runtime.listening import Address, reason_of, taken
from runtime.ops import OpsServer
from runtime.signals import stop_signal

log = logging.getLogger("gateway")

KEEPALIVE_SECONDS = 75.0
"""Longer than a load balancer's usual 60 s, so that it is the one to close an idle connection:
the other way round a request can meet a connection that is just being closed."""


async def serve(settings: Settings) -> None:
    """Run until a stop signal. Raises ListenError when a port is taken."""
    logs.setup(settings.log.level, settings.log.format)
    for warning in warnings(settings):
        log.warning("configuration", extra=logs.fields(warning=warning))
    stopping = asyncio.Event()
    started = asyncio.Event()
    async with AsyncExitStack() as stack:
        # Closed in reverse: the ops port last, so that probes and scrapes see the drain.
        events = PrometheusEvents()
        ops = OpsServer(
            Address(settings.listen.host, settings.listen.ops_port),
            "listen.ops_port",
            metrics=events.render,
            is_ready=lambda: started.is_set() and not stopping.is_set(),
        )
        await ops.start()
        stack.push_async_callback(ops.stop)
        context = await _build(settings, events, stack)
        runner = await _listen(settings, context, stack)
        started.set()
        log.info(
            "listening",
            extra=logs.fields(address=str(Address(settings.listen.host, settings.listen.port))),
        )
        signum = await stop_signal()
        stopping.set()
        log.info("draining", extra=logs.fields(signal=signum.name))
        await _drain(settings, runner)
    log.info("stopped")


async def _build(settings: Settings, events: PrometheusEvents, stack: AsyncExitStack) -> Context:
    clock = SystemClock()
    tokens = await stack.enter_async_context(_token_provider(settings.token_service))
    session = await stack.enter_async_context(open_session(settings.egress.ca_file))
    limits = settings.limits
    deadlines = Deadlines(limits.first_byte_seconds, limits.idle_seconds, limits.total_seconds)
    upstream = HttpUpstream(session, deadlines, settings.egress.proxy_url)
    return Context(
        relay=Relay(tokens, upstream, clock),
        catalogue=Catalogue(tokens, upstream, clock),
        clock=clock,
        events=events,
        keys=keys_of(settings),
        groups=groups_of(settings),
        body_bytes=limits.body_bytes,
    )


def _token_provider(section: TokenService) -> AbstractAsyncContextManager[ClientTokenProvider]:
    return open_token_provider(
        section.target,
        ca_file=section.tls.ca_file,
        cert_file=section.tls.cert_file,
        key_file=section.tls.key_file,
        token_file=section.token_file,
    )


async def _listen(settings: Settings, context: Context, stack: AsyncExitStack) -> web.ServerRunner:
    runner = web.ServerRunner(front_server(context), shutdown_timeout=settings.drain.stream_seconds)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    address = Address(settings.listen.host, settings.listen.port)
    try:
        await web.TCPSite(runner, address.host, address.port).start()
    except OSError as error:
        raise taken("listen.port", address, reason_of(error)) from error
    return runner


def front_server(context: Context) -> web.Server:
    """The callers' HTTP server, not listening yet."""
    return web.Server(
        Front(context).handle,
        # A caller that leaves cancels its handler, and with it the upstream request, at once.
        handler_cancellation=True,
        access_log=None,
        keepalive_timeout=KEEPALIVE_SECONDS,
    )


async def _drain(settings: Settings, runner: web.ServerRunner) -> None:
    """End in order; not ready is already said."""
    # Endpoints are removed from load balancers with a delay; until then requests still come.
    await asyncio.sleep(settings.drain.grace_seconds)
    # Stops listening, then gives answers under way drain.stream_seconds.
    await runner.cleanup()


def keys_of(settings: Settings) -> dict[str, ApiKey]:
    """The configured keys by digest."""
    return {
        key.sha256: ApiKey(
            id=key.id,
            group=key.group,
            account=key.account,
            expires_at=key.expires_at.timestamp() if key.expires_at else None,
            may_mark_agent=key.may_mark_agent,
        )
        for key in settings.keys
    }


def groups_of(settings: Settings) -> dict[str, Group]:
    """The configured groups by id, each with its first account by priority."""
    return {
        group.id: Group(
            id=group.id,
            platform=group.platform,
            account=min(group.accounts, key=lambda account: account.priority).id,
            allow=group.models.allow,
        )
        for group in settings.groups
    }
