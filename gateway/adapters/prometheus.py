"""The gateway's metrics: every name in this file, labels from closed sets (design §8).

Names and buckets of the gen_ai_* family follow OpenTelemetry's GenAI conventions as Envoy AI
Gateway spells them for Prometheus (peers.md §1.6).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.domain.budgets.holder import Holder
from gateway.domain.errors import Fault
from gateway.domain.quotas import Quota
from gateway.domain.subjects import Subject
from gateway.domain.usage.record import UsageRecord
from gateway.ports import Exchange

REQUEST_BUCKETS = tuple(0.01 * 2**power for power in range(14))
FIRST_TOKEN_BUCKETS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75),
    *(1, 2.5, 5, 7.5, 10, 15, 20, 30, 45, 60),
)
OVERHEAD_BUCKETS = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
OUTPUT_TOKEN_BUCKETS = (
    0.001,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.75,
    1,
    2.5,
)
TOKEN_BUCKETS = tuple(4**power for power in range(14))
NANO_AIU_PER_CREDIT = 1e9
EMBEDDINGS = "embeddings"
OPERATIONS = {EMBEDDINGS: EMBEDDINGS}
CHAT_OPERATION = "chat"
"""OpenTelemetry's word for every conversation, whatever its protocol."""
PROVIDERS = {"copilot": "github.copilot"}
"""By platform; a platform that is not here goes by its own name."""
MAX_ACCOUNTS = 200
"""With more accounts, their states are counted, and further ones are `other` (design §8)."""
GEN_AI_LABELS = (
    *("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model", "error_type"),
)
OTHER = "other"
MAX_MODELS = 40
"""Model names come from callers; only those in upstream's catalogue become labels, and not more."""


class PrometheusEvents:
    """GatewayEvents as Prometheus metrics, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._models: set[str] = set()
        self._accounts: set[str] = set()
        self._requests = Counter(
            "gateway_requests",
            "Requests answered, by HTTP status.",
            ("route", "group", "code"),
            registry=self.registry,
        )
        self._rejections = Counter(
            "gateway_rejections",
            "Requests answered with an error, by its x-gateway-error.",
            ("reason",),
            registry=self.registry,
        )
        self._inflight = Gauge(
            "gateway_inflight",
            "Requests being served.",
            ("group",),
            registry=self.registry,
        )
        self._initiators = Counter(
            "gateway_initiator",
            "Inference requests by who set them off, and the rule that said so.",
            ("group", "initiator", "rule"),
            registry=self.registry,
        )
        self._stream_ends = Counter(
            "gateway_stream_ends",
            "Streams by how they ended.",
            ("reason",),
            registry=self.registry,
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
        self._duration = Histogram(
            "gen_ai_server_request_duration_seconds",
            "Time from the caller's headers to the end of the answer.",
            GEN_AI_LABELS,
            buckets=REQUEST_BUCKETS,
            registry=self.registry,
        )
        self._first_token = Histogram(
            "gen_ai_server_time_to_first_token_seconds",
            "Time from the caller's headers to the first byte of a stream.",
            GEN_AI_LABELS[:-1],
            buckets=FIRST_TOKEN_BUCKETS,
            registry=self.registry,
        )
        self._per_token = Histogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time from the first byte of a stream to its end, per output token after the first.",
            GEN_AI_LABELS[:-1],
            buckets=OUTPUT_TOKEN_BUCKETS,
            registry=self.registry,
        )
        self._tokens = Histogram(
            "gen_ai_client_token_usage",
            "Tokens of a request, as upstream counts them; cached ones are part of the input.",
            (*GEN_AI_LABELS[:-1], "gen_ai_token_type"),
            buckets=TOKEN_BUCKETS,
            registry=self.registry,
        )
        self._credits = Counter(
            "gateway_credits",
            "AI credits that requests have used, estimated ones included.",
            ("group",),
            registry=self.registry,
        )
        self._over_budget = Counter(
            "gateway_budget_exceeded",
            "Requests that met a used-up budget: refused, or let through where it is in shadow.",
            ("holder", "measure", "shadow"),
            registry=self.registry,
        )

    def request_started(self, exchange: Exchange) -> None:
        """See ports.GatewayEvents."""
        self._inflight.labels(exchange.group).inc()

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        """See ports.GatewayEvents."""
        if exchange.group:
            self._inflight.labels(exchange.group).dec()
        self._requests.labels(exchange.route, exchange.group, str(exchange.status)).inc()
        if exchange.fault:
            self._rejections.labels(exchange.fault).inc()
        if exchange.verdict is not None:
            self._inference_ended(exchange, seconds)

    def waiting(self, group: str, change: int) -> None:
        """See ports.GatewayEvents."""
        self._waiting.labels(group).inc(change)

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """See ports.GatewayEvents."""
        self._failovers.labels(group, self._account_label(account), fault.value).inc()

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """See ports.GatewayEvents. The state of accounts is asked for at each scrape."""

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """See ports.GatewayEvents. The state of accounts is asked for at each scrape."""

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """See ports.GatewayEvents."""

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """See ports.GatewayEvents."""
        self._client_refused.labels(platform).set(int(is_refused))

    def recorded(self, record: UsageRecord, is_listed: bool) -> None:
        """See ports.GatewayEvents."""
        if record.nano_aiu:
            self._credits.labels(record.group_id).inc(record.nano_aiu / NANO_AIU_PER_CREDIT)
        if record.input_tokens or record.output_tokens:
            self._tokens_used(record, is_listed)

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        """See ports.GatewayEvents. Whose budget it was is in the ledger: keys are no labels."""
        shadow = "true" if is_shadow else "false"
        self._over_budget.labels(holder.kind.value, measure, shadow).inc()

    def reload_refused(self) -> None:
        """A changed configuration was not taken over."""
        self._reload_failures.inc()

    def store_is_up(self, is_up: bool) -> None:
        """Whether what replicas share can be used."""
        self._store_up.set(int(is_up))

    def render(self) -> bytes:
        """The text a scrape gets."""
        return generate_latest(self.registry)

    def _inference_ended(self, exchange: Exchange, seconds: float) -> None:
        verdict = exchange.verdict
        if verdict is not None:
            self._initiators.labels(
                exchange.group, verdict.initiator.value, verdict.rule.value
            ).inc()
        # A model's failures are counted together: models times faults would be too many series.
        model = OTHER if exchange.fault else self._model_label(exchange.model, exchange.is_listed)
        operation = OPERATIONS.get(exchange.upstream_protocol, CHAT_OPERATION)
        provider = PROVIDERS.get(exchange.platform, exchange.platform)
        self._duration.labels(operation, provider, model, exchange.fault).observe(seconds)
        if exchange.first_byte_seconds is not None:
            self._overhead.observe(
                max(
                    0.0,
                    exchange.first_byte_seconds
                    - exchange.upstream_seconds
                    - exchange.waited_seconds,
                )
            )
            if exchange.stream:
                self._first_token.labels(operation, provider, model).observe(
                    exchange.first_byte_seconds
                )
        if exchange.stream_end:
            self._stream_ends.labels(exchange.stream_end).inc()

    def _tokens_used(self, record: UsageRecord, is_listed: bool) -> None:
        labels = (
            EMBEDDINGS if record.endpoint.endswith("/embeddings") else CHAT_OPERATION,
            PROVIDERS.get(record.platform, record.platform),
            self._model_label(record.requested_model, is_listed),
        )
        self._tokens.labels(*labels, "input").observe(record.input_tokens)
        self._tokens.labels(*labels, "output").observe(record.output_tokens)
        first = record.first_byte_seconds
        if record.stream and not record.is_partial and first is not None:
            more = record.output_tokens - 1
            if more > 0:
                self._per_token.labels(*labels).observe((record.duration_seconds - first) / more)

    def _account_label(self, account: str) -> str:
        if account in self._accounts:
            return account
        if len(self._accounts) >= MAX_ACCOUNTS:
            return OTHER
        self._accounts.add(account)
        return account

    def _model_label(self, model: str, is_listed: bool) -> str:
        if model in self._models:
            return model
        if not is_listed or len(self._models) >= MAX_MODELS:
            return OTHER
        self._models.add(model)
        return model


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
