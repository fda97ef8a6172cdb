"""COMPOSITION ROOT: builds the gateway from its settings, runs it, and ends it in order."""

import asyncio
import gc
import logging
import random  # noqa: TID251  only spreads processes' questions in time
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

from gateway.adapters.audit_log import AuditLog
from gateway.adapters.egress import Guard
from gateway.adapters.event_log import LoggedEvents
from gateway.adapters.key_log import LoggedKeys
from gateway.adapters.own_keys import OwnKeys
from gateway.adapters.prometheus import AccountStates, PrometheusEvents
from gateway.adapters.tokenizer import Tokenizer
from gateway.adapters.upstream_pool.upstream import open_upstream
from gateway.adapters.usage_metrics import JournalState
from gateway.admission import Admission
from gateway.assembly import (
    deadlines_of,
    shared_state_of,
    token_callers_of,
    token_provider_of,
    traces_of,
)
from gateway.bookkeeping import Books, books_of
from gateway.budgets import Budgets
from gateway.callers import Callers
from gateway.catalogue import Catalogue
from gateway.domain.client_address import networks
from gateway.drain import LAST_WORDS_SECONDS, drain
from gateway.guesses import Guesses
from gateway.health import Health
from gateway.keys import Keys
from gateway.metering import Metering
from gateway.offers import Offers
from gateway.plan import Planner
from gateway.quota_watch import QuotaWatch
from gateway.relay import Relay
from gateway.review import warnings
from gateway.rooms import Rooms
from gateway.seats import Seats
from gateway.settings.document import Settings
from gateway.settings.reading import Configuration
from gateway.settings.snapshot import Snapshot, snapshot_of
from gateway.web.connections import Connections
from gateway.web.context import Context
from gateway.web.front import Front
from gateway.web.late_answers import LateAnswers
from gateway.web.lifetimes import Lifetimes
from gateway.web.server import CallersServer
from runtime import logs
from runtime.clock import SystemClock
from runtime.ids import RandomIds
from runtime.listening import Address, reason_of, taken
from runtime.ops import OpsServer, rendered
from runtime.reload import Reloader
from runtime.signals import stop_signal
from runtime.tracing.metrics import LostSpans
from runtime.workers import end_with_parent

log = logging.getLogger("gateway")

KEYS_SECONDS = 5.0
"""How long the start waits for the database's keys; then it goes on with the configuration's."""


@dataclass(frozen=True)
class Origin:
    """Where settings were read from. begun: wall time when reading them began.

    ops_socket: where this process's parent asks it, whose worker it is.
    """

    path: Path
    begun: float
    ops_socket: Path | None = None


async def serve(settings: Settings, origin: Origin | None = None) -> None:
    """Run until a stop signal. Raises ListenError when a port is taken.

    origin: is read again while the gateway runs.
    """
    logs.setup(settings.log.level, settings.log.format)
    for warning in warnings(settings):
        log.warning("configuration", extra=logs.fields(warning=warning))
    await Service(settings, origin).run()


class Service:
    """The parts of one gateway. Building it assigns; `run` opens, starts and ends them."""

    def __init__(self, settings: Settings, origin: Origin | None) -> None:
        self._settings = settings
        self._origin = origin
        self._clock = SystemClock()
        self._snapshot = snapshot_of(settings)
        self._metrics = PrometheusEvents()
        self._events = LoggedEvents(self._metrics)
        self._audit = AuditLog(self._clock)
        self._state = shared_state_of(settings, self._clock, self._events)
        if not settings.store.is_shared:
            self._metrics.store_is_up(True)
        self._health = Health(self._state.board, self._clock, self._events)
        self._metrics.registry.register(
            AccountStates(lambda: self._health.states(self._snapshot.accounts))
        )
        self._quotas = QuotaWatch(self._events)
        self._jwt = token_callers_of(
            settings, self._snapshot.caller_rules, self._clock, self._events
        )
        self._traces = traces = traces_of(settings.tracing)
        self._metrics.registry.register(
            LostSpans("gateway_spans_lost", traces.lost if traces is not None else int)
        )
        self._guard = Guard(self._snapshot.private_hosts)
        self._is_ready = False
        self._is_worker = origin is not None and origin.ops_socket is not None
        self._ops = OpsServer(
            (origin.ops_socket if origin is not None else None)
            or Address(settings.listen.host, settings.listen.ops_port),
            "listen.ops_port",
            metrics=rendered(self._metrics.render),
            is_ready=lambda: self._is_ready,
        )

    async def run(self) -> None:
        """Open, start, wait for a stop signal, end. What is opened first is closed last."""
        async with AsyncExitStack() as stack:
            if self._is_worker:
                end_with_parent(asyncio.get_running_loop())
            # The ops port last, so that probes and scrapes see the drain.
            stack.push_async_callback(self._ops.stop)
            if self._traces is not None:
                stack.push_async_callback(asyncio.to_thread, self._traces.close)
            await self._ops.start()
            books = await self._open_books(stack)
            context = await self._build(stack, books)
            await _read_once(context.keys)
            server = await self._listen(context, stack)
            reloader = self._reloader(context)
            async with asyncio.TaskGroup() as tasks:
                # The counts of the audit's last minute are written, whatever ends the service.
                stack.callback(self._audit.close)
                jobs = [books.shipper.run(), context.keys.run(), self._audit.run()]
                jobs += [each.run() for each in _there(reloader)]
                if self._jwt is not None:
                    jobs.append(self._jwt.ring.run())
                background = [tasks.create_task(job) for job in jobs]
                # What was made so far lives to the end: looking through it would hold up every
                # request for a tenth of a second, each time many connections have come.
                gc.collect()
                gc.freeze()
                self._is_ready = True
                address = Address(self._settings.listen.host, self._settings.listen.port)
                log.info("listening", extra=logs.fields(address=str(address)))
                signum = await stop_signal(reloader.ask if reloader is not None else None)
                log.info("draining", extra=logs.fields(signal=signum.name))
                self._is_ready = False
                await drain(context, server, self._settings.drain)
                for task in background:
                    task.cancel()
        log.info("stopped")

    async def _open_books(self, stack: AsyncExitStack) -> Books:
        await stack.enter_async_context(self._state.running())
        books = await stack.enter_async_context(
            books_of(self._settings, self._state, self._clock, self._events)
        )
        self._metrics.registry.register(
            JournalState(
                lambda: books.own.pending,
                lambda: books.journal.bytes,
                lambda: books.ledger.refused,
            )
        )
        return books

    async def _build(self, stack: AsyncExitStack, books: Books) -> Context:
        settings, clock, events = self._settings, self._clock, self._events
        limits, new_id = settings.limits, RandomIds()
        broker = await stack.enter_async_context(
            token_provider_of(settings.token_service, self._traces)
        )
        self._tokens = OwnKeys(broker, self._snapshot.accounts)
        upstream = await stack.enter_async_context(
            open_upstream(
                settings.egress.ca_file,
                self._guard,
                deadlines_of(limits),
                settings.egress.proxy_url,
            )
        )
        rooms = Rooms(self._state.slots)
        seats = Seats(self._health, rooms, self._state.affinity, clock, events)
        catalogue = Catalogue(self._tokens, upstream, clock)
        await stack.enter_async_context(catalogue.running())
        budgets = Budgets(self._state.budgets, books.sums, clock, events)
        metering = Metering(
            books.journal,
            budgets,
            clock,
            events,
            events,
            refuses_when_full=settings.usage.on_full == "refuse",
        )
        relay = Relay(
            seats,
            self._health,
            self._tokens,
            Planner(catalogue, clock, new_id),
            upstream,
            clock,
            events,
            metering,
            self._quotas,
            members=lambda group_id: keys.members(group_id),
            idle_seconds=limits.idle_seconds,
            total_seconds=limits.total_seconds,
        )
        keys = Keys(
            self._snapshot.keys,
            books.ledger.keys(),
            lambda sha256: lifetimes.end_of(sha256),
            LoggedKeys(self._metrics.registry),
            random.random,
        )
        lifetimes = Lifetimes(limits.total_seconds, keys.revoked)
        tokens = self._jwt.callers if self._jwt is not None else None
        return Context(
            relay=relay,
            admission=Admission(rooms, clock, events),
            budgets=budgets,
            metering=metering,
            ledger=books.sums,
            offers=Offers(seats, catalogue),
            counter=Tokenizer(),
            clock=clock,
            events=events,
            lifetimes=lifetimes,
            heartbeat_seconds=limits.heartbeat_seconds,
            callers=Callers(keys, tokens, Guesses(clock), clock),
            keys=keys,
            groups=self._snapshot.groups,
            body_bytes=limits.body_bytes,
            scan_history=settings.initiator.scan_history,
            connections=Connections(clock, settings.listen.connection_max_age_seconds),
            audit=self._audit,
            late_answers=LateAnswers(clock),
            trusted_proxies=networks(settings.listen.trusted_proxies),
            new_id=new_id,
            tracing=self._traces.requests if self._traces is not None else None,
        )

    async def _listen(self, context: Context, stack: AsyncExitStack) -> CallersServer:
        server = callers_server(context)
        stack.push_async_callback(server.close, LAST_WORDS_SECONDS)
        address = Address(self._settings.listen.host, self._settings.listen.port)
        try:
            await server.listen(address.host, address.port, shares_port=self._is_worker)
        except OSError as error:
            raise taken("listen.port", address, reason_of(error)) from error
        return server

    # --- changes while it runs ---

    def _reloader(self, context: Context) -> Reloader[Snapshot] | None:
        if self._origin is None:
            return None
        configuration = Configuration(
            self._origin.path,
            self._snapshot,
            lambda snapshot: self._take_over(snapshot, context),
            self._events,
        )
        return Reloader(configuration, self._snapshot, self._origin.begun, self._clock)

    def _take_over(self, snapshot: Snapshot, context: Context) -> None:
        """Nothing waits here: a request sees all of the old configuration or all of the new one."""
        self._snapshot = snapshot
        self._tokens.replace(snapshot.accounts)
        self._guard.replace(snapshot.private_hosts)
        self._quotas.keep_only(snapshot.accounts.keys())
        context.keys.replace_file(snapshot.keys)
        context.groups = snapshot.groups
        if self._jwt is not None:
            self._jwt.callers.replace(snapshot.caller_rules)


async def _read_once(keys: Keys) -> None:
    """What is not read in time is read while the gateway serves."""
    with suppress(TimeoutError):
        async with asyncio.timeout(KEYS_SECONDS):
            await keys.refresh()


def _there(reloader: Reloader[Snapshot] | None) -> Iterable[Reloader[Snapshot]]:
    return () if reloader is None else (reloader,)


def callers_server(context: Context) -> CallersServer:
    """The callers' HTTP server, not listening yet."""
    front = Front(context)
    return CallersServer(context.connections, front.handle, front.refuse, context.clock)
