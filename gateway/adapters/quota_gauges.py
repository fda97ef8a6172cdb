"""The metrics of accounts' quotas, as upstream's headers had them last.

Kept as values and turned into series at the scrape, so that a request pays for neither.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from gateway.domain.quotas import UNLIMITED, Quota

MAX_QUOTA_SERIES = 300
"""What is left is told by account up to here; then the lowest of each quota."""
MAX_DETAIL_SERIES = 60
"""Of each of the other families, which say what rarely changes. All together are a small part of
the 5,000 series of a process (design §8)."""
LABELS = ("account", "quota")
ALL = ""
"""As gateway_account_state has it above its own bound."""

Row = tuple[str, str, Callable[[Quota], float | None]]
ROWS: tuple[Row, ...] = (
    (
        "gateway_account_quota_entitlement",
        "How much a period has in it, in requests or credits; -1: unlimited.",
        lambda quota: quota.entitlement,
    ),
    (
        "gateway_account_quota_overage",
        "How much was used beyond it.",
        lambda quota: None if quota.entitlement == UNLIMITED else quota.overage,
    ),
    (
        "gateway_account_quota_reset_timestamp_seconds",
        "When the period ends.",
        lambda quota: None if quota.entitlement == UNLIMITED else quota.resets_at,
    ),
)
"""What an unlimited one has none of has no series: half of all accounts' quotas are such."""


class QuotaGauges(Collector):
    """`gateway_account_quota_*`; above MAX_QUOTA_SERIES the lowest of each quota."""

    def __init__(self) -> None:
        self._accounts: dict[str, Mapping[str, Quota]] = {}

    def seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """These are the account's now, others stay as they were; none at all: it is gone."""
        if not quotas:
            self._accounts.pop(account, None)
            return
        # Another mapping each time: a scrape may be reading the old one.
        new = {quota.name: quota for quota in quotas}
        self._accounts[account] = {**self._accounts.get(account, {}), **new}

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One sample an account and quota as long as they are few."""
        accounts = self._accounts.copy()
        family = _remaining()
        _add(family, accounts, lambda quota: quota.remaining_percent)
        is_few = len(family.samples) <= MAX_QUOTA_SERIES
        yield family if is_few else _lowest(accounts)
        for name, text, value_of in ROWS:
            family = GaugeMetricFamily(name, text, labels=LABELS)
            _add(family, accounts, value_of)
            if len(family.samples) > MAX_DETAIL_SERIES:
                family.samples.clear()
            yield family


def _lowest(accounts: Mapping[str, Mapping[str, Quota]]) -> GaugeMetricFamily:
    family = _remaining()
    lowest: dict[str, float] = {}
    for quotas in accounts.values():
        for name, quota in quotas.items():
            percent = quota.remaining_percent
            lowest[name] = min(percent, lowest.get(name, percent))
    for name, percent in lowest.items():
        family.add_metric((ALL, name), percent)
    return family


def _remaining() -> GaugeMetricFamily:
    return GaugeMetricFamily(
        "gateway_account_quota_remaining_percent",
        "What is left of an account's quota; may be negative. With many accounts the lowest.",
        labels=LABELS,
    )


def _add(
    family: GaugeMetricFamily,
    accounts: Mapping[str, Mapping[str, Quota]],
    value_of: Callable[[Quota], float | None],
) -> None:
    for account, quotas in accounts.items():
        for name, quota in quotas.items():
            value = value_of(quota)
            if value is not None:
                family.add_metric((account, name), value)
