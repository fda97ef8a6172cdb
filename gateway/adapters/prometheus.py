"""The gateway's metrics: every name in this file, labels from closed sets (design §8).

Names and buckets of the gen_ai_* family follow OpenTelemetry's GenAI conventions as Envoy AI
Gateway spells them for Prometheus (peers.md §1.6).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.adapters.children import Children
from gateway.adapters.issuer_metrics import IssuerMetrics
from gateway.adapters.label_bounds import OTHER, LabelBounds
from gateway.adapters.quota_gauges import QuotaGauges
from gateway.adapters.usage_metrics import (
    CHAT_OPERATION,
    EMBEDDINGS,
    PROVIDERS,
    UsageMetrics,
)
from gateway.domain.errors import Fault
from gateway.domain.quotas import Quota
from gateway.domain.stream_ends import StreamEnd
from gateway.domain.subjects import Subject
from gateway.ports import Exchange
from runtime.exposition import exposition

REQUEST_BUCKETS = tuple(0.01 * 2**power for power in range(14))
FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60),
)
OVERHEAD_BUCKETS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
OPERATIONS = {EMBEDDINGS: EMBEDDINGS}
MAX_ACCOUNTS = 200
"""With more accounts, their states are counted (design §8)."""
GEN_AI_LABELS = (
    *("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"),
)


class PrometheusEvents:
    """GatewayEvents as Prometheus metrics, in a registry of its own."""

    def __init__(self) -> None:
        # A time of creation beside every series would double their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._bounds = LabelBounds()
        self.usage = UsageMetrics(self.registry, self._model_labels, self._bounds.groups)
        self.issuer = IssuerMetrics(self.registry)
        self._requests = Children(
            Counter(
                "gateway_requests",
                "Requests answered, by HTTP status.",
                ("route", "group", "code"),
                registry=self.registry,
            )
        )
        self._rejections = Children(
            Counter(
                "gateway_rejections",
                "Requests answered with an error, by its x-gateway-error.",
                ("reason",),
                registry=self.registry,
            )
        )
        self._inflight = Children(
            Gauge(
                "gateway_inflight",
                "Requests being served.",
                ("group",),
                registry=self.registry,
            )
        )
        self._initiators = Children(
            Counter(
                "gateway_initiator",
                "Inference requests by who set them off, and the rule that said so.",
                ("group", "initiator", "rule"),
                registry=self.registry,
            )
        )
        self._stream_ends = Children(
            Counter(
                "gateway_stream_ends",
                "Streams by how they ended.",
                ("reason",),
                registry=self.registry,
            )
        )
        self._failovers = Counter(
            "gateway_failovers",
            "Requests that left an account for another one, by the account and why.",
            ("group", "from", "reason"),
            registry=self.registry,
        )
        self._waiting = Gauge(
            "gateway_waiting",
            "Requests that wait for one of their key's places.",
            ("group",),
            registry=self.registry,
        )
        self._client_refused = Gauge(
            "gateway_client_refused",
            "1 while a platform refuses this client, whatever the account.",
            ("platform",),
            registry=self.registry,
        )
        self._reload_failures = Counter(
            "gateway_config_reload_failures",
            "Readings of a changed configuration that were refused.",
            registry=self.registry,
        )
        self._store_up = Gauge(
            "gateway_store_up",
            "1 while the shared store answers, or there is only memory.",
            registry=self.registry,
        )
        self._overhead = Histogram(
            "gateway_overhead_seconds",
            "Time to the first byte of the answer, less the waits for upstream and for a place.",
            buckets=OVERHEAD_BUCKETS,
            registry=self.registry,
        )
        self._duration = Children(
            Histogram(
                "gen_ai_server_request_duration_seconds",
                "Time from the caller's headers to the end of the answer.",
                GEN_AI_LABELS,
                buckets=REQUEST_BUCKETS,
                registry=self.registry,
            )
        )
        self._first_token = Children(
            Histogram(
                "gen_ai_server_time_to_first_token_seconds",
                "Time from the caller's headers to the first byte of a stream.",
                GEN_AI_LABELS[:-1],
                buckets=FIRST_TOKEN_BUCKETS,
                registry=self.registry,
            )
        )
        self._quotas = QuotaGauges()
        self.registry.register(self._quotas)
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """What an alert counts is there before it first happens: growth from nothing is none."""
        for fault in Fault:
            self._rejections[fault.value,]
        for end in StreamEnd:
            self._stream_ends[end.value,]
        for platform in PROVIDERS:
            self._client_refused.labels(platform)

    def request_started(self, exchange: Exchange) -> None:
        """See ports.GatewayEvents."""
        self._inflight[self._bounds.groups.of((exchange.group,))].inc()

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        """See ports.GatewayEvents."""
        if exchange.group:
            self._inflight[self._bounds.groups.of((exchange.group,))].dec()
        labels = self._bounds.routes.of((exchange.route, exchange.group, str(exchange.status)))
        self._requests[self._bounds.codes.of(labels)].inc()
        if exchange.fault:
            self._rejections[exchange.fault,].inc()
        if exchange.verdict is not None:
            self._inference_ended(exchange, seconds)

    def waiting(self, group: str, change: int) -> None:
        """See ports.GatewayEvents."""
        self._waiting.labels(*self._bounds.groups.of((group,))).inc(change)

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """See ports.GatewayEvents."""
        self._failovers.labels(*self._bounds.moves.of((group, account, fault.value))).inc()

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """See ports.GatewayEvents. The state of accounts is asked for at each scrape."""

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """See ports.GatewayEvents. The state of accounts is asked for at each scrape."""

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """See ports.GatewayEvents. Above MAX_QUOTA_ACCOUNTS accounts no series names one."""
        self._quotas.seen(account, quotas)

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """See ports.GatewayEvents."""
        self._client_refused.labels(platform).set(int(is_refused))

    def reload_refused(self) -> None:
        """A changed configuration was not taken over."""
        self._reload_failures.inc()

    def store_is_up(self, is_up: bool) -> None:
        """Whether what replicas share can be used."""
        self._store_up.set(int(is_up))

    def render(self) -> bytes:
        """The text a scrape gets."""
        return exposition(self.registry)

    def _inference_ended(self, exchange: Exchange, seconds: float) -> None:
        verdict = exchange.verdict
        if verdict is not None:
            labels = (exchange.group, verdict.initiator.value, verdict.rule.value)
            self._initiators[self._bounds.rules.of(labels)].inc()
        operation = OPERATIONS.get(exchange.upstream_protocol, CHAT_OPERATION)
        provider = PROVIDERS.get(exchange.platform, exchange.platform)
        if exchange.fault:
            # A model's failures are counted together: models times faults would be too many.
            ended = self._bounds.errors.of((operation, provider, OTHER, exchange.fault))
            model = ended[:-1]
        else:
            model = self._model_labels(operation, provider, exchange.model, exchange.is_listed)
            ended = (*model, "")
        self._duration[ended].observe(seconds)
        self._first_byte_sent(exchange, model)
        if exchange.stream_end:
            self._stream_ends[exchange.stream_end,].inc()

    def _first_byte_sent(self, exchange: Exchange, model: Sequence[str]) -> None:
        first = exchange.first_byte_seconds
        if first is None:
            return
        self._overhead.observe(
            max(0.0, first - exchange.upstream_seconds - exchange.waited_seconds)
        )
        if exchange.stream:
            self._first_token[tuple(model)].observe(first)

    def _model_labels(
        self, operation: str, provider: str, model: str, is_listed: bool
    ) -> tuple[str, ...]:
        if not is_listed:
            return (operation, provider, OTHER)
        return self._bounds.models.of((operation, provider, model))


class AccountStates(Collector):
    """`gateway_account_state`, asked for at each scrape."""

    def __init__(self, states: Callable[[], Mapping[str, str]]) -> None:
        self._states = states

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample an account; above MAX_ACCOUNTS the number of accounts in each state."""
        family = GaugeMetricFamily(
            "gateway_account_state",
            "1 for the state an account is in: ok, or why it is set aside.",
            labels=("account", "state"),
        )
        states = self._states()
        if len(states) <= MAX_ACCOUNTS:
            for account, state in states.items():
                family.add_metric((account, state), 1)
        else:
            for state in sorted(set(states.values())):
                family.add_metric(("", state), sum(each == state for each in states.values()))
        yield family
