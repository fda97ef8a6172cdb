"""The composition root: builds the service from its settings, runs it, and ends it in order.

The one place that knows every part; nothing but __main__ imports it.
"""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

from runtime.clock import SystemClock
from runtime.listening import parse_address, taken
from runtime.logs import fields
from runtime.ops import OpsServer, rendered
from runtime.reload import Reloader
from runtime.signals import stop_signal
from runtime.tracing.metrics import LostSpans
from runtime.version import VERSION
from token_service.adapters.audit_log import AuditLog
from token_service.adapters.chance import SystemChance
from token_service.adapters.event_log import LoggedEvents
from token_service.adapters.github import HttpxGitHub, client
from token_service.adapters.held_metrics import HeldCollector
from token_service.adapters.memory_store import MemoryStore
from token_service.adapters.prometheus import PrometheusEvents
from token_service.adapters.sources.chosen import ChosenSource
from token_service.assembly import (
    PRODUCT,
    callers_of,
    certificates_of,
    http_client_of,
    limits_of,
    policy_of,
    quota_source_of,
    sources_of,
    store_of,
    tls_of,
    traces_of,
    turns_of,
)
from token_service.broker import Broker
from token_service.cli.account_entry import Destination, check, deliver
from token_service.cli.login import App, sign_in
from token_service.domain.credentials import choose, classify
from token_service.domain.errors import CredentialKindUnsupported
from token_service.domain.hosts import web_url_of
from token_service.domain.tokens import Account, AccountId
from token_service.ports.clock import Clock
from token_service.ports.configuration import ConfigurationEvents
from token_service.ports.tokens import TokenStore
from token_service.quotas import QuotaPoller
from token_service.refresher import Refresher
from token_service.renewal import Outcome, Renewal
from token_service.rpc.interceptors import CallBoundary
from token_service.rpc.server import RpcServer, ServerOptions
from token_service.rpc.servicer import TokenServiceServicer
from token_service.rpc.warm import WarmAnswers
from token_service.settings.document import Settings
from token_service.settings.reading import Configuration
from token_service.settings.snapshot import Snapshot, snapshot_of
from token_service.singleflight import SingleFlight

log = logging.getLogger("token_service")

# For calls under way when the process is to end. Those answered from memory take milliseconds;
# one that waits for an exchange gets this long, well within the 30 s Kubernetes gives.
GRACE_SECONDS = 5.0
# Who does not look at the health first learns from an answer, with RetryInfo, that it is to go
# elsewhere; a listener that is closed can only cut it off.
FAREWELL_SECONDS = 1.0
LOGIN_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Origin:
    """Where settings were read from. begun: wall time when reading them began."""

    path: Path
    begun: float


async def serve(
    settings: Settings,
    stop: Callable[[], Awaitable[object]] | None = None,
    on_ready: Callable[[], None] = lambda: None,
    clock: Clock | None = None,
    origin: Origin | None = None,
    farewell_seconds: float = FAREWELL_SECONDS,
) -> None:
    """Run the service until `stop` returns, or until a stop signal comes.

    origin: is read again while the service runs. Raises ListenError when a port cannot be had.
    """
    service = Service(settings, clock or SystemClock(), origin, farewell_seconds)
    await service.run(stop or service.stop_signal, on_ready)


class Service:
    """The parts of one service. Building it assigns; `run` opens, starts and ends them."""

    def __init__(
        self, settings: Settings, clock: Clock, origin: Origin | None, farewell_seconds: float
    ) -> None:
        chance = SystemChance()
        snapshot = snapshot_of(settings)
        names = tuple(account.id for account in snapshot.accounts)
        self._settings = settings
        self._snapshot = snapshot
        self._farewell_seconds = farewell_seconds
        self._ready = False
        self._tasks = asyncio.TaskGroup()
        self._http = http_client_of(settings)
        metrics = PrometheusEvents(names)
        events = LoggedEvents(metrics)
        self._shared = store_of(settings, clock, chance, events)
        store: TokenStore = self._shared or MemoryStore(clock, chance)
        if self._shared is None:
            metrics.store_up("memory")
        self._held = HeldCollector(names, store, clock)
        metrics.registry.register(self._held)
        policy = policy_of(settings)
        self._flights: SingleFlight[AccountId, Outcome] = SingleFlight(self._tasks)
        self._source = ChosenSource(snapshot.credentials, sources_of(settings, self._http, clock))
        self._traces = traces = traces_of(settings)
        metrics.registry.register(LostSpans("copilot_spans_lost", traces.lost if traces else int))
        source = traces.source(self._source) if traces else self._source
        self._broker = Broker(
            snapshot.accounts,
            Renewal(source, store, clock, chance, events, policy, limits_of(settings)),
            store,
            self._flights,
            clock,
            chance,
            events,
            policy,
        )
        self._warm = WarmAnswers(metrics, clock)
        store.on_change(self._warm.forget)
        self._audit = AuditLog(clock)
        self._certificates = certificates_of(settings, clock, events)
        self._callers = callers_of(settings, clock, events)
        self._reloader = self._reloader_of(origin, clock, events)
        self._refresher = Refresher(self._broker, clock, settings.freshness.idle_seconds)
        self._quota_source = quota_source_of(settings, self._http, snapshot.credentials)
        self._quotas = QuotaPoller(
            lambda: self._broker.in_use(settings.freshness.idle_seconds),
            self._quota_source,
            turns_of(self._shared, chance),
            clock,
            chance,
            events,
            settings.quotas.poll_minutes * 60,
        )
        self._rpc = RpcServer(
            TokenServiceServicer(self._broker, clock),
            CallBoundary(
                events, metrics.calls, clock, self._callers.admission, self._audit, self._warm
            ),
            ServerOptions(**settings.grpc.model_dump()),
            (traces.calls,) if traces else (),
        )
        self._ops = OpsServer(
            parse_address(settings.listen.ops),
            "listen.ops",
            rendered(metrics.render),
            lambda: self._ready,
        )

    async def run(
        self, stop: Callable[[], Awaitable[object]], on_ready: Callable[[], None]
    ) -> None:
        """Open, start, wait for `stop`, end. What is opened first is closed last."""
        async with AsyncExitStack() as stack:
            # A scrape can see how the process ends: the ops port goes last.
            stack.push_async_callback(self._ops.stop)
            if self._traces is not None:
                stack.push_async_callback(asyncio.to_thread, self._traces.close)
            await self._ops.start()
            # Exchanges may use the client until the group has ended them.
            await stack.enter_async_context(self._http)
            # And what was claimed in the store is given back by whoever is cancelled.
            if self._shared is not None:
                await stack.enter_async_context(self._shared.running())
            tasks = await stack.enter_async_context(self._tasks)
            # Before the ports: who sees the service ready may send a signal at once.
            stopping = tasks.create_task(_until(stop))
            background = [tasks.create_task(self._refresher.run())]
            if self._settings.quotas.poll_minutes:
                background.append(tasks.create_task(self._quotas.run()))
            if self._reloader is not None:
                background.append(tasks.create_task(self._reloader.run()))
            # The counts of the audit's last minute are written, whatever ends the service.
            stack.callback(self._audit.close)
            background.append(tasks.create_task(self._audit.run()))
            for http in self._callers.clients:
                await stack.enter_async_context(http)
            if self._callers.ring is not None:
                background.append(tasks.create_task(self._callers.ring.run()))
            try:
                await self._listen()
                _report_accounts(self._snapshot, self._snapshot.accounts)
                on_ready()
                await stopping
            finally:
                await self._end(background)
        log.info("ended")

    async def stop_signal(self) -> object:
        """Wait for a signal that ends the process; SIGHUP reads the configuration again."""
        return await stop_signal(self._reloader.ask if self._reloader is not None else None)

    def _reloader_of(
        self, origin: Origin | None, clock: Clock, events: ConfigurationEvents
    ) -> Reloader[Snapshot] | None:
        if origin is None:
            return None
        configuration = Configuration(origin.path, self._snapshot, self._take_over, events)
        return Reloader(configuration, self._snapshot, origin.begun, clock)

    def _take_over(self, snapshot: Snapshot) -> None:
        """Nothing waits here: a call sees all of the old configuration or all of the new one."""
        before = {account.id: account for account in self._snapshot.accounts}
        new = [each for each in snapshot.accounts if before.get(each.id) != each]
        self._snapshot = snapshot
        self._source.replace(snapshot.credentials)
        self._quota_source.replace(snapshot.credentials)
        if self._callers.register.directory != snapshot.directory:
            self._callers.register.directory = snapshot.directory
            # Or a stream would outlive the rights it was opened with.
            self._broker.restart_streams()
        self._warm.clear()
        self._broker.replace_accounts(snapshot.accounts)
        self._held.follow(account.id for account in snapshot.accounts)
        _report_accounts(snapshot, new)

    async def _listen(self) -> None:
        address = parse_address(self._settings.listen.grpc)
        try:
            await self._rpc.start(str(address), tls_of(self._certificates))
        except RuntimeError as error:
            reason = "it is in use, or not an address of this machine"
            raise taken("listen.grpc", address, reason) from error
        self._ready = True
        log.info(
            "ready", extra=fields(version=VERSION, grpc=str(address), ops=self._settings.listen.ops)
        )

    async def _end(self, background: Iterable[asyncio.Task[None]]) -> None:
        """The order in which the service stops; each step needs those before it."""
        log.info("ending")
        # 1. The load balancer and the clients' health checks look elsewhere from now on.
        was_ready, self._ready = self._ready, False
        self._rpc.say_not_serving()
        # 2. Who would have to wait is sent to another replica; living tokens are still given.
        self._broker.drain()
        # 3. In real time, which is the callers': the connections that are open learn of it.
        if was_ready:
            await asyncio.sleep(self._farewell_seconds)
        # 4. No new calls; those under way get GRACE_SECONDS, and watches of the health end.
        await self._rpc.stop(GRACE_SECONDS)
        # 5. Nobody is left to wait for the tasks. The group, the client and the ops port end
        #    as the stack unwinds, in this order.
        for task in background:
            task.cancel()
        self._flights.cancel_all()


async def login(client_id: str, scope: str, web_url: str | None, destination: Destination) -> None:
    """Sign in and deliver the credential. Raises LoginFailed."""
    check(destination)
    app = App(client_id, scope, (web_url or web_url_of(destination.host)).rstrip("/"))
    async with client(LOGIN_TIMEOUT_SECONDS, PRODUCT, proxy_url=None, ca_file=None) as http:
        github = HttpxGitHub(http, LOGIN_TIMEOUT_SECONDS)
        credential = await sign_in(app, github, SystemClock(), _say)
    text, notes = deliver(destination, credential, classify(credential))
    _say(notes)
    print(text, end="")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


async def _until(stop: Callable[[], Awaitable[object]]) -> None:
    await stop()


def _report_accounts(snapshot: Snapshot, accounts: Iterable[Account]) -> None:
    """Say once which account uses what, and which cannot work as it stands."""
    for account in accounts:
        kind = classify(snapshot.credentials[account.id])
        try:
            strategy = choose(account.choice, kind)
        except CredentialKindUnsupported as error:
            # The service starts all the same: one account must not take the others down.
            log.error("account unusable", extra=fields(account=account.id, explanation=str(error)))
        else:
            said = "app key" if account.installation is not None else kind
            log.info(
                "account", extra=fields(account=account.id, credential=said, strategy=strategy)
            )
