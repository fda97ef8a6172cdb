"""The gateway's HTTP front in this process, on a real socket, with a given upstream."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from gateway.adapters.affinity import MemoryAffinity
from gateway.adapters.audit_log import AuditLog
from gateway.adapters.board import MemoryBoard
from gateway.adapters.budget_counters import MemoryBudgets
from gateway.adapters.egress import Guard
from gateway.adapters.slots import MemorySlots
from gateway.adapters.tokenizer import Tokenizer
from gateway.adapters.upstream_pool.deadlines import Deadlines
from gateway.adapters.upstream_pool.upstream import open_upstream
from gateway.admission import Admission
from gateway.bootstrap import callers_server
from gateway.budgets import Budgets
from gateway.callers import Callers
from gateway.catalogue import Catalogue
from gateway.domain.api_keys import ApiKey, Rate, digest
from gateway.domain.budgets.budget import Budget
from gateway.domain.groups import Group, GroupAccount
from gateway.domain.models import Model
from gateway.guesses import Guesses
from gateway.health import Health
from gateway.keys import Keys
from gateway.metering import Metering
from gateway.offers import Offers
from gateway.plan import Planner
from gateway.quota_watch import QuotaWatch
from gateway.relay import Relay
from gateway.rooms import Rooms
from gateway.seats import Seats
from gateway.web.connections import Connections
from gateway.web.context import Context
from gateway.web.late_answers import LateAnswers
from gateway.web.lifetimes import Lifetimes
from runtime.clock import SystemClock
from runtime.ids import RandomIds
from tests.fakes.gateway_ports import FakeTokens, RecordedEvents
from tests.fakes.journal import RecordedJournal
from tests.fakes.key_events import RecordedKeyEvents
from tests.fakes.ledger import FakeLedger
from tests.fakes.shipping import Told

KEY = "callers-key"
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
BODY_BYTES = 64 * 1024
ONE_SEAT = Group("group", "copilot", (GroupAccount("seat-1"),), keys=1)
NEVER = 3600.0


class WallClock(SystemClock):
    """A clock whose wall time stands still until a test moves it; durations are real."""

    def __init__(self, now: float) -> None:
        self.wall = now

    def now(self) -> float:
        return self.wall


@dataclass(frozen=True)
class Limits:
    """Seconds, as in the section `limits` and `listen` of gateway.yaml."""

    first_byte: float = 10
    idle: float = 10
    total: float = 20
    heartbeat: float = NEVER
    connection_max_age: float = NEVER


class Unknowing(Catalogue):
    """Asks upstream for no list when a request comes, so that a script is of that request alone."""

    async def model(self, account: str, platform: str, model_id: str) -> Model | None:
        return None


@dataclass
class FrontUnderTest:
    """Where it listens, and what it saw."""

    url: str
    host: str
    port: int
    tokens: FakeTokens
    events: RecordedEvents
    context: Context
    slots: MemorySlots
    health: Health
    journal: RecordedJournal
    ledger: FakeLedger
    dropped: Told


@asynccontextmanager
async def fronting(
    upstream_url: str,
    limits: Limits | None = None,
    may_mark_agent: bool = False,
    *,
    group: Group = ONE_SEAT,
    fallback: Group | None = None,
    max_concurrency: int | None = None,
    max_waiting: int = 20,
    seat_urls: Mapping[str, str] | None = None,
    budget: Budget | None = None,
    rate: Rate | None = None,
    clock: SystemClock | None = None,
    refuses_when_full: bool = True,
) -> AsyncIterator[FrontUnderTest]:
    """Serve on loopback with one key in one group.

    seat_urls: where accounts are that are not at `upstream_url`.
    """
    limits = limits or Limits()
    tokens, events, clock = FakeTokens(upstream_url), RecordedEvents(), clock or SystemClock()
    tokens.urls.update(seat_urls or {})
    key = ApiKey(
        id="test-key",
        group=group.id,
        account=None,
        expires_at=None,
        may_mark_agent=may_mark_agent,
        max_concurrency=max_concurrency,
        max_waiting=max_waiting,
        sha256=digest(KEY),
        budget=budget,
        rate=rate,
    )
    async with AsyncExitStack() as stack:
        upstream = await stack.enter_async_context(
            open_upstream(None, Guard(()), Deadlines(limits.first_byte, limits.total + 5), None)
        )
        slots = MemorySlots()
        rooms = Rooms(slots)
        health = Health(MemoryBoard(clock), clock, events)
        seats = Seats(health, rooms, MemoryAffinity(clock), clock, events)
        catalogue = Catalogue(tokens, upstream, clock)
        await stack.enter_async_context(catalogue.running())
        journal, ledger, told = RecordedJournal(), FakeLedger(), Told()
        budgets = Budgets(MemoryBudgets(clock), ledger, clock, events)
        metering = Metering(
            journal, budgets, clock, events, told, refuses_when_full=refuses_when_full
        )
        keys = Keys({digest(KEY): key}, None, lambda _: None, RecordedKeyEvents(), lambda: 0.5)
        context = Context(
            relay=Relay(
                seats,
                health,
                tokens,
                Planner(Unknowing(tokens, upstream, clock), clock, RandomIds()),
                upstream,
                clock,
                events,
                metering,
                QuotaWatch(events),
                members=keys.members,
                idle_seconds=limits.idle,
                total_seconds=limits.total,
            ),
            admission=Admission(rooms, clock, events),
            budgets=budgets,
            metering=metering,
            ledger=ledger,
            offers=Offers(seats, catalogue),
            counter=Tokenizer(),
            scan_history=False,
            clock=clock,
            events=events,
            lifetimes=Lifetimes(limits.total),
            heartbeat_seconds=limits.heartbeat,
            callers=Callers(keys, None, Guesses(clock), clock),
            keys=keys,
            groups={each.id: each for each in (group, fallback) if each is not None},
            body_bytes=BODY_BYTES,
            connections=Connections(clock, limits.connection_max_age),
            audit=AuditLog(clock),
            late_answers=LateAnswers(clock, seconds=0),
            trusted_proxies=(),
            new_id=RandomIds(),
        )
        server = callers_server(context)
        stack.push_async_callback(server.close, 1)
        await server.listen("127.0.0.1", 0)
        host, port = "127.0.0.1", server.port
        yield FrontUnderTest(
            f"http://{host}:{port}",
            host,
            port,
            tokens,
            events,
            context,
            slots,
            health,
            journal,
            ledger,
            told,
        )
