"""Registries in which everything that can be a label has been one: the most series there are."""

from itertools import product

from gateway.adapters.key_log import LoggedKeys
from gateway.adapters.prometheus import AccountStates, PrometheusEvents
from gateway.adapters.usage_metrics import JournalState
from gateway.domain.budgets.holder import Holder, HolderKind
from gateway.domain.errors import Fault
from gateway.domain.initiator import Initiator, Rule, Verdict
from gateway.domain.quotas import Quota
from gateway.domain.stream_ends import StreamEnd
from gateway.ports.exchange import Exchange
from gateway.web.routes import MODEL_ROUTES, ROUTES
from runtime.tracing.metrics import LostSpans
from tests.fakes.clock import FakeClock
from tests.fakes.token_source import grant
from tests.fakes.token_store import FakeTokenStore, token_of
from tests.fakes.usage_records import a_record
from token_service.adapters.held_metrics import MOST_ACCOUNTS, HeldCollector
from token_service.adapters.prometheus import PrometheusEvents as BrokerEvents
from token_service.domain.errors import Reason, TokenServiceError
from token_service.domain.failures import Failure
from token_service.domain.holding import Held
from token_service.domain.quotas import Allowance
from token_service.domain.quotas import Quota as BrokerQuota
from token_service.domain.tokens import AccountId

PLATFORMS = ("copilot", "openai")
MEASURES = ("requests", "tokens", "credits")
QUOTAS = ("chat", "completions", "premium_interactions", "premium_models", "session", "weekly")
CODES = (200, 400, 401, 403, 404, 405, 408, 413, 415, 422, 429, 499, 500, 502, 503, 504, 529)


def crowded_gateway(accounts: int = 200, groups: int = 90, models: int = 100) -> PrometheusEvents:
    """Many groups, accounts, models and codes, on both platforms."""
    events = PrometheusEvents()
    states = {f"seat-{number}": "ok" for number in range(accounts)}
    events.registry.register(AccountStates(lambda: states))
    events.registry.register(JournalState(int, int, int))
    LoggedKeys(events.registry).keys_configured(1)
    events.registry.register(LostSpans("gateway_spans_lost", int))
    _quotas(events, accounts // 4)
    for number in range(groups):
        _group(events, number)
    for platform, endpoint in product(PLATFORMS, ("/v1/chat/completions", "/v1/embeddings")):
        for number in range(models):
            _used(events, platform, endpoint, number)
    for kind, measure, is_shadow in product(HolderKind, MEASURES, (False, True)):
        events.usage.over_budget(Holder(kind, "x"), measure, is_shadow)
    return events


def _quotas(events: PrometheusEvents, accounts: int) -> None:
    for number in range(accounts):
        entitlement = 300 if number < 10 else -1
        quotas = [Quota(name, entitlement, 50.0, 1.0, 2.0) for name in QUOTAS]
        events.quota_seen(f"seat-{number}", quotas)


def _group(events: PrometheusEvents, number: int) -> None:
    group = f"group-{number}"
    routes = [route.name for route in (*ROUTES.values(), *MODEL_ROUTES.values())]
    for place in range(number, number + 20):
        _request(events, group, routes[place % len(routes)], CODES[place % len(CODES)], number)
    events.waiting(group, 1)
    for fault in (Fault.SEAT_QUOTA, Fault.SEAT_RATE_LIMITED, list(Fault)[number % len(Fault)]):
        events.failed_over(group, f"seat-{number}", fault)


def _request(events: PrometheusEvents, group: str, route: str, status: int, number: int) -> None:
    faults, rules, ends = list(Fault), list(Rule), list(StreamEnd)
    verdict = Verdict(list(Initiator)[number % 2], rules[number % len(rules)])
    for fault in ("", faults[number % len(faults)].value):
        exchange = Exchange("id", route, 0.0, group=group, served_model=f"model-{number % 100}")
        exchange.platform = PLATFORMS[number % 2]
        exchange.upstream_protocol = "embeddings" if number % 3 == 0 else "chat"
        exchange.is_listed, exchange.stream, exchange.status = True, True, status
        exchange.verdict, exchange.fault, exchange.first_byte_seconds = verdict, fault, 0.5
        exchange.stream_end = ends[number % len(ends)].value
        events.request_started(exchange)
        events.request_ended(exchange, 1.0)


def _used(events: PrometheusEvents, platform: str, endpoint: str, number: int) -> None:
    events.usage.recorded(
        a_record(
            platform=platform,
            endpoint=endpoint,
            served_model=f"model-{number}",
            group_id=f"group-{number}",
            input_tokens=50,
            output_tokens=11,
            nano_aiu=2_500_000_000,
        ),
        True,
    )


def crowded_broker(accounts: int = MOST_ACCOUNTS) -> BrokerEvents:
    """Every account with a token, quotas, an alert, and every outcome there is."""
    names = [AccountId(f"seat-{number}") for number in range(accounts)]
    events = BrokerEvents(names)
    store = FakeTokenStore()
    events.registry.register(HeldCollector(names, store, FakeClock()))
    events.registry.register(LostSpans("copilot_spans_lost", int))
    quotas = tuple(BrokerQuota(name, 300.0, 10.0, 1.0, False) for name in QUOTAS[:3])
    for name in names:
        store.seen[name] = Held(
            token_of(name, grant(), 5, 1000.0, 1500.0), rejected_at=0.0, strikes=3
        )
        events.served(name, "memory")
        events.served(name, "store")
        events.served(name, "exchange")
        events.served(name, "stale")
        events.rejected_upstream(name, "id", "x", 1)
        events.exchanged(token_of(name, grant(), 5, 1000.0, 1500.0), 0.3)
        events.superseded(name, 0.3)
        for reason in Reason:
            error = TokenServiceError("x")
            error.reason = reason
            events.failed(name, Failure(error, 1, 0.0), 0.3, living=False)
        events.quotas_polled(name, Allowance(quotas, "", None, 2.0))
    events.certificates_loaded(1.0)
    for method in range(12):
        labels = ("unary", "token_service.v1.TokenService", f"Method{method}")
        events.calls.started(labels)
        for code in range(17):
            events.calls.ended(labels, f"CODE{code}", 0.001)
    return events
