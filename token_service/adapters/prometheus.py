"""The metrics of the service: names, labels, buckets (design §8); what is held is held_metrics',
quotas are quota_metrics'.

Labels come from closed sets: accounts from the configuration, methods from what is served. With
more accounts than MOST_ACCOUNTS the label `account` is always `all`, and states are counts.
"""

from collections.abc import Collection, Iterable, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)

from runtime.exposition import exposition
from token_service.adapters.held_metrics import ALL, MOST_ACCOUNTS
from token_service.adapters.quota_metrics import QuotaMetrics
from token_service.adapters.tallies import CallTallies, TallyCounter
from token_service.domain.callers import Refusal
from token_service.domain.failures import Failure
from token_service.domain.quotas import Reading
from token_service.domain.records import RecordRefusal
from token_service.domain.tokens import AccountChanges, AccountId, CopilotToken
from token_service.ports.tokens import Source

MOST_QUOTA_ACCOUNTS = 120
MOST_EXCHANGE_SERIES = 600
"""Most accounts have two outcomes. With each bound met a process stays below 5,000 series."""
OK = "ok"
# An exchange takes some 300 ms; the last finite bucket is beyond the default time-out of 10 s.
EXCHANGE_BUCKETS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0, 15.0)
# From memory a call takes well under a millisecond; cold it takes as long as an exchange.
HANDLING_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class PrometheusEvents:
    """BrokerEvents and RpcEvents as metrics, in a registry of their own."""

    def __init__(self, accounts: Iterable[AccountId]) -> None:
        # A time of creation beside every series would double their number.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._accounts = frozenset(accounts)
        self._many = len(self._accounts) > MOST_ACCOUNTS
        self._define_broker_metrics(self.registry)
        self._quotas = QuotaMetrics(self._accounts, MOST_QUOTA_ACCOUNTS)
        self.registry.register(self._quotas)
        self._define_store_metrics(self.registry)
        self._define_configuration_metrics(self.registry)
        self._define_rpc_metrics(self.registry)
        self._define_caller_metrics(self.registry)

    def _define_broker_metrics(self, registry: CollectorRegistry) -> None:
        self._requests = TallyCounter(
            "copilot_token_requests",
            "Tokens given to callers, by where they came from.",
            ("account", "source"),
        )
        registry.register(self._requests)
        self._exchanges = TallyCounter(
            "copilot_token_exchanges",
            "Attempts to obtain a token; outcome is ok or the reason of the failure.",
            ("account", "outcome"),
        )
        registry.register(self._exchanges)
        self._seconds = Histogram(
            "copilot_token_exchange_seconds",
            "How long attempts to obtain a token took.",
            buckets=EXCHANGE_BUCKETS,
            registry=registry,
        )
        self._followers = Counter(
            "copilot_token_followers",
            "Callers that waited for an exchange another one had caused.",
            registry=registry,
        )

        self._takeovers = Counter(
            "copilot_token_lock_takeovers",
            "Renewals taken over from a replica that vanished.",
            registry=registry,
        )
        self._complaints = Counter(
            "copilot_token_rejections",
            "Tokens that upstream refused before their time.",
            ("account",),
            registry=registry,
        )

    def _define_store_metrics(self, registry: CollectorRegistry) -> None:
        self._store_up = Gauge("copilot_store_up", "1 while the store answers.", registry=registry)
        self._refused = Counter(
            "copilot_store_records_refused",
            "Records in the shared store that were not used, by why.",
            ("reason",),
            registry=registry,
        )
        # What an alert counts is there before it first happens: growth from nothing is none.
        for why in RecordRefusal:
            self._refused.labels(why.value)

    def _define_configuration_metrics(self, registry: CollectorRegistry) -> None:
        self._reload_failures = Counter(
            "copilot_config_reload_failures",
            "Readings of a changed configuration that were refused.",
            registry=registry,
        )

    def _define_rpc_metrics(self, registry: CollectorRegistry) -> None:
        names = ("grpc_server_started", "grpc_server_handled", "grpc_server_handling_seconds")
        self.calls = CallTallies(names, HANDLING_BUCKETS)
        registry.register(self.calls)

    def _define_caller_metrics(self, registry: CollectorRegistry) -> None:
        self._certificate: Gauge | None = None
        self._refusals = Counter(
            "copilot_caller_refusals",
            "Calls refused before their method ran, by why.",
            ("reason",),
            registry=registry,
        )
        for why in Refusal:
            self._refusals.labels(why.value)
        self._certificate_failures = Counter(
            "copilot_listener_certificate_failures",
            "Changed certificate files that could not be used.",
            registry=registry,
        )
        self._issuer_failures = Counter(
            "copilot_caller_issuer_failures",
            "Failures to read the keys of callers' tokens, or to have a token reviewed.",
            registry=registry,
        )

    def render(self) -> bytes:
        """The metrics as text for a scrape; may run in a thread of its own."""
        return exposition(self.registry)

    # --- the broker's events ------------------------------------------------------------------

    def served(self, account: AccountId, source: Source) -> None:
        self._requests.add((self._label(account), source))

    def followed(self) -> None:
        self._followers.inc()

    def exchanged(self, token: CopilotToken, seconds: float) -> None:
        self._attempted(token.account, OK, seconds)

    def failed(self, account: AccountId, failure: Failure, seconds: float, living: bool) -> None:
        self._attempted(account, failure.error.reason.value.lower(), seconds)

    def attempt_crashed(self, account: AccountId, error: Exception) -> None:
        """Counted by `failed`, which follows it."""

    def superseded(self, account: AccountId, seconds: float) -> None:
        self._attempted(account, "superseded", seconds)

    def took_over(self, account: AccountId) -> None:
        self._takeovers.inc()

    def rejected_upstream(
        self, account: AccountId, token_id: str, reason: str, strikes: int
    ) -> None:
        self._complaints.labels(self._label(account)).inc()

    # --- the quotas' events -------------------------------------------------------------------

    def quotas_polled(self, account: AccountId, reading: Reading) -> None:
        self._quotas.polled(account, reading)

    def quotas_left(self, account: AccountId) -> None:
        self._quotas.left(account)

    def quota_poll_crashed(self, account: AccountId, error: Exception) -> None:
        """Counted by `quotas_polled`, which follows it."""

    # --- the store's events -------------------------------------------------------------------

    def store_up(self, server: str) -> None:
        self._store_up.set(1)

    def store_down(self, explanation: str) -> None:
        self._store_up.set(0)

    def store_evicts(self, policy: str) -> None:
        """Not used, so it is down as well; the log says why, once."""

    def record_refused(self, account: AccountId, why: RecordRefusal) -> None:
        self._refused.labels(why.value).inc()

    def _attempted(self, account: AccountId, outcome: str, seconds: float) -> None:
        labels = (self._label(account), outcome)
        if not self._exchanges.has_room(labels, MOST_EXCHANGE_SERIES):
            labels = (ALL, outcome)
        self._exchanges.add(labels)
        self._seconds.observe(seconds)

    def _label(self, account: AccountId) -> str:
        """An attempt may outlive its account's removal: that must not bring the series back."""
        return account if account in self._accounts and not self._many else ALL

    # --- the configuration's events -----------------------------------------------------------

    def reloaded(self, changes: AccountChanges, accounts: Collection[AccountId]) -> None:
        self._accounts = frozenset(accounts)
        many = len(self._accounts) > MOST_ACCOUNTS
        for family in (self._requests, self._exchanges, self._complaints):
            for account in changes.removed:
                family.remove_by_labels({"account": account})
            if many is not self._many:
                family.clear()
        self._many = many
        self._quotas.follow(self._accounts)

    def reload_refused(self, problems: Sequence[str]) -> None:
        self._reload_failures.inc()

    def reload_crashed(self, error: Exception) -> None:
        self._reload_failures.inc()

    def restart_needed(self, settings: Sequence[str]) -> None:
        """Said in the log."""

    # --- the calls' events --------------------------------------------------------------------

    def call_crashed(self, method: str, error: Exception) -> None:
        """Counted among the calls, by its code."""

    # --- the callers' events ------------------------------------------------------------------

    def caller_refused(self, why: Refusal) -> None:
        self._refusals.labels(why.value).inc()

    def certificates_loaded(self, expires_at: float) -> None:
        # Without TLS there is no such series: 0 would be a certificate that died in 1970.
        if self._certificate is None:
            self._certificate = Gauge(
                "copilot_listener_certificate_expiry_timestamp_seconds",
                "When the certificate of the RPC's listener expires.",
                registry=self.registry,
            )
        self._certificate.set(expires_at)

    def certificates_refused(self, explanation: str) -> None:
        self._certificate_failures.inc()

    def issuer_answered(self, keys: int) -> None:
        """Of interest when it does not happen."""

    def issuer_failed(self, explanation: str) -> None:
        self._issuer_failures.inc()
