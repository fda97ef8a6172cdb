"""Accounts' states and tokens as metrics: what is held at the moment of a scrape."""

from collections import Counter as Tally
from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from token_service.domain.leases import AccountState, account_state, alert
from token_service.domain.tokens import AccountId
from token_service.ports.clock import Clock
from token_service.ports.tokens import TokenStore

MOST_ACCOUNTS = 200
"""With more of them the label `account` is always `all`."""
ALL = "all"


class HeldCollector(Collector):
    """The accounts' states and tokens as they are at the moment of the scrape.

    Read from the store, not counted along, because a token expires without an event.
    """

    def __init__(self, accounts: Iterable[AccountId], store: TokenStore, clock: Clock) -> None:
        self.follow(accounts)
        self._store = store
        self._clock = clock

    def follow(self, accounts: Iterable[AccountId]) -> None:
        """These are the accounts from now on."""
        self._accounts = sorted(accounts)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample per account, or sums when there are many accounts."""
        if len(self._accounts) > MOST_ACCOUNTS:
            return (self._counts(), self._alerts())
        return (self._states(), self._alerts(), *self._tokens())

    def _states(self) -> GaugeMetricFamily:
        family = _states_family()
        now = self._clock.monotonic()
        for account in self._accounts:
            current = account_state(self._store.held(account), now)
            for state in AccountState:
                family.add_metric((account, state.value), float(state is current))
        return family

    def _counts(self) -> GaugeMetricFamily:
        now = self._clock.monotonic()
        tally = Tally(account_state(self._store.held(each), now) for each in self._accounts)
        family = _states_family()
        for state in AccountState:
            family.add_metric((ALL, state.value), tally[state])
        return family

    def _alerts(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "copilot_account_alert",
            "1 for an account that a person has to look at; with many accounts, how many.",
            labels=("account", "kind"),
        )
        is_many = len(self._accounts) > MOST_ACCOUNTS
        tally: Tally[tuple[str, str]] = Tally()
        for account in self._accounts:
            kind = alert(self._store.held(account))
            if kind is not None:
                tally[ALL if is_many else account, kind.value] += 1
        for labels, count in tally.items():
            family.add_metric(labels, count)
        return family

    def _tokens(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        expiry = GaugeMetricFamily(
            "copilot_token_expiry_timestamp_seconds",
            "When the account's token expires, by GitHub's clock.",
            labels=("account",),
        )
        generation = GaugeMetricFamily(
            "copilot_token_generation",
            "The generation of the account's token.",
            labels=("account",),
        )
        for account in self._accounts:
            token = self._store.held(account).token
            if token is not None:
                expiry.add_metric((account,), token.expires_at)
                generation.add_metric((account,), token.generation)
        return expiry, generation


def _states_family() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "copilot_account_state",
        "1 for the state an account is in; with many accounts, how many are in each.",
        labels=("account", "state"),
    )
