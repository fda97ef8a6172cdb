"""Metrics of usage: tokens and credits as records have them, budgets, and the records' own way.

Labels from closed sets: no key is one (design §8). What a record is counted in is looked up once
for each kind of record and then known, since this is in the path of every request.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway.adapters.label_bounds import LabelBounds
from gateway.domain.budgets.holder import Holder
from gateway.domain.usage.credits import NANO_AIU_PER_CREDIT
from gateway.domain.usage.record import UsageRecord
from runtime.tallies import Number, Tally, TallyCounter, TallyHistogram

TOKEN_BUCKETS = tuple(4**power for power in range(14))
OUTPUT_TOKEN_BUCKETS = (
    *(0.001, 0.01, 0.025, 0.05, 0.075, 0.1, 0.15),
    *(0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5),
)
EMBEDDINGS = "embeddings"
CHAT_OPERATION = "chat"
"""OpenTelemetry's word for every conversation, whatever its protocol."""
PROVIDERS = {"copilot": "github.copilot"}
"""By platform; a platform that is not here goes by its own name."""
MOST_KINDS = 4096
"""Remembered; then they are looked up anew. Some 2 MB."""
LABELS = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")


class _Counted(NamedTuple):
    """What a kind of record is counted in."""

    input: Tally
    output: Tally
    per_token: Tally
    credits: Number


class UsageMetrics:
    """All of them, in a registry that others use too."""

    def __init__(self, registry: CollectorRegistry, bounds: LabelBounds) -> None:
        self._bounds = bounds
        self._known: dict[tuple[str | None, ...], _Counted] = {}
        self._tokens = TallyHistogram(
            "gen_ai_client_token_usage",
            "Tokens of a request, as upstream counts them; cached ones are part of the input.",
            (*LABELS, "gen_ai_token_type"),
            TOKEN_BUCKETS,
        )
        self._per_token = TallyHistogram(
            "gen_ai_server_time_per_output_token_seconds",
            "Time from the first byte of a stream to its end, per output token after the first.",
            LABELS,
            OUTPUT_TOKEN_BUCKETS,
        )
        registry.register(self._tokens)
        registry.register(self._per_token)
        self._credits = TallyCounter(
            "gateway_credits",
            "AI credits that requests have used, estimated ones included.",
            ("group",),
        )
        registry.register(self._credits)
        self._over_budget = Counter(
            "gateway_budget_exceeded",
            "Requests that met a used-up budget: refused, or let through where it is in shadow.",
            ("holder", "measure", "shadow"),
            registry=registry,
        )
        self._shipped = Counter(
            "gateway_usage_records_shipped",
            "Usage records that have come into the ledger.",
            registry=registry,
        )
        self._dropped = Counter(
            "gateway_usage_records_dropped",
            "Requests served without a usage record, since the journal had no room.",
            registry=registry,
        )
        self._torn = Counter(
            "gateway_usage_lines_torn",
            "Lines of usage journals that were cut off, and unreadable ones in the shared store.",
            registry=registry,
        )
        self._ledger_up = Gauge(
            "gateway_ledger_up",
            "1 while the usage ledger's database takes records.",
            registry=registry,
        )
        # Nothing is wrong before anything was tried.
        self._ledger_up.set(1)

    def recorded(self, record: UsageRecord, is_listed: bool) -> None:
        """See ports.events.GatewayEvents."""
        if not (record.input_tokens or record.output_tokens or record.nano_aiu):
            return
        # A model that a caller has made up is none of what is remembered, whatever alias it fitted.
        model = record.served_model if is_listed else None
        kind = (record.endpoint, record.platform, model, record.group_id)
        counted = self._known.get(kind) or self._remembered(kind, record, is_listed)
        counted.input.add(record.input_tokens)
        counted.output.add(record.output_tokens)
        if record.nano_aiu:
            counted.credits.value += record.nano_aiu / NANO_AIU_PER_CREDIT
        first, more = record.first_byte_seconds, record.output_tokens - 1
        if record.stream and more > 0 and first is not None and not record.is_partial:
            counted.per_token.add((record.duration_seconds - first) / more)

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        """See ports.events.GatewayEvents. Whose budget is in the ledger: keys are no labels."""
        shadow = "true" if is_shadow else "false"
        self._over_budget.labels(holder.kind.value, measure, shadow).inc()

    def shipped(self, count: int) -> None:
        """Usage records have come into the ledger."""
        self._shipped.inc(count)

    def ledger_is_up(self, is_up: bool) -> None:
        """Whether the ledger takes records."""
        self._ledger_up.set(int(is_up))

    def lines_torn(self, count: int) -> None:
        """Lines of a journal, or of what was spilled, were passed over."""
        self._torn.inc(count)

    def record_dropped(self) -> None:
        """A request has no record."""
        self._dropped.inc()

    def _remembered(
        self, kind: tuple[str | None, ...], record: UsageRecord, is_listed: bool
    ) -> _Counted:
        if len(self._known) >= MOST_KINDS:
            self._known.clear()
        is_embedding = record.endpoint.endswith("/embeddings")
        operation = EMBEDDINGS if is_embedding else CHAT_OPERATION
        provider = PROVIDERS.get(record.platform, record.platform)
        labels = self._bounds.model(operation, provider, record.served_model, is_listed)
        counted = self._known[kind] = _Counted(
            self._tokens.of(*labels, "input"),
            self._tokens.of(*labels, "output"),
            self._per_token.of(*labels),
            self._credits.of(*self._bounds.groups.of((record.group_id,))),
        )
        return counted


class JournalState(Collector):
    """What is in the usage journal, asked for at each scrape."""

    def __init__(
        self, pending: Callable[[], int], size: Callable[[], int], refused: Callable[[], int]
    ) -> None:
        self._pending = pending
        self._size = size
        self._refused = refused

    def collect(self) -> Iterator[Metric]:
        """Two gauges and a counter without labels."""
        yield CounterMetricFamily(
            "gateway_usage_records_refused",
            "Usage records that the database does not take for what is in them.",
            self._refused(),
        )
        yield GaugeMetricFamily(
            "gateway_usage_journal_pending",
            "Usage records of this process that are not in the ledger yet.",
            self._pending(),
        )
        yield GaugeMetricFamily(
            "gateway_usage_journal_bytes",
            "The size of the usage journal's directory; usage.journal_bytes bounds it.",
            self._size(),
        )
