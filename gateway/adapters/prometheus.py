"""The gateway's metrics: every name in this file, labels from closed sets (design §8).

Names and buckets of the gen_ai_* family follow OpenTelemetry's GenAI conventions as Envoy AI
Gateway spells them for Prometheus (peers.md §1.6).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.adapters.issuer_metrics import IssuerMetrics
from gateway.adapters.label_bounds import LabelBounds
from gateway.adapters.quota_gauges import QuotaGauges
from gateway.adapters.request_metrics import RequestMetrics
from gateway.adapters.usage_metrics import PROVIDERS, UsageMetrics
from gateway.domain.errors import Fault
from gateway.domain.quotas import Quota
from gateway.domain.subjects import Subject
from runtime.exposition import exposition

MAX_ACCOUNTS = 200
"""With more accounts, their states are counted (design §8)."""


class PrometheusEvents:
    """GatewayEvents as Prometheus metrics, in a registry of its own."""

    def __init__(self) -> None:
        # A time of creation beside every series would double their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._bounds = LabelBounds()
        self.usage = UsageMetrics(self.registry, self._bounds)
        self.issuer = IssuerMetrics(self.registry)
        # In the path of every request, so called without a step in between.
        requests = RequestMetrics(self.registry, self._bounds)
        self.request_started = requests.started
        """See ports.events.GatewayEvents."""
        self.request_ended = requests.ended
        """See ports.events.GatewayEvents."""
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
        self._quotas = QuotaGauges()
        self.registry.register(self._quotas)
        # What an alert counts is there before it first happens: growth from nothing is none.
        for platform in PROVIDERS:
            self._client_refused.labels(platform)

    def waiting(self, group: str, change: int) -> None:
        """See ports.events.GatewayEvents."""
        self._waiting.labels(*self._bounds.groups.of((group,))).inc(change)

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """See ports.events.GatewayEvents."""
        self._failovers.labels(*self._bounds.moves.of((group, account, fault.value))).inc()

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """See ports.events.GatewayEvents. The state of accounts is asked for at each scrape."""

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """See ports.events.GatewayEvents. The state of accounts is asked for at each scrape."""

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """See ports.events.GatewayEvents. Above MAX_QUOTA_ACCOUNTS accounts no series names one."""
        self._quotas.seen(account, quotas)

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """See ports.events.GatewayEvents."""
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
