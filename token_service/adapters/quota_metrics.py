"""The metrics of accounts' quotas (design §8): what was read last, as it is at the scrape.

Accounts are those of the configuration; with more than so many of them the label `account` is
always `all`, and the series are sums.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from token_service.domain.quotas import UNLIMITED, Allowance, Outcome, Quota, Reading
from token_service.domain.tokens import AccountId

ALL = "all"


@dataclass(frozen=True)
class Row:
    """One gauge. of_unlimited: whether an unlimited quota has it; in_sum: and is added up."""

    name: str
    text: str
    value_of: Callable[[Quota], float]
    of_unlimited: bool = False
    in_sum: bool = False


# What an unlimited quota has none of has no series: most accounts' are such.
ROWS = (
    Row(
        "copilot_quota_remaining",
        "What is left of a quota, in requests or credits; may be negative.",
        lambda quota: quota.remaining or 0.0,
    ),
    Row(
        "copilot_quota_entitlement",
        "What a period has in it, in requests or credits; -1: unlimited.",
        lambda quota: quota.entitlement,
        of_unlimited=True,
    ),
    Row("copilot_quota_overage", "What was used beyond it.", lambda quota: quota.overage),
    Row(
        "copilot_quota_exhausted",
        "1 for a quota that is used up; with many accounts, how many are.",
        lambda quota: float(quota.is_used_up),
        of_unlimited=True,
        in_sum=True,
    ),
)


class QuotaMetrics(Collector):
    """`copilot_quota_*`."""

    def __init__(self, accounts: Collection[AccountId], most_accounts: int) -> None:
        self._accounts = accounts
        self._most_accounts = most_accounts
        self._read: dict[AccountId, Allowance] = {}
        self._polls = dict.fromkeys(Outcome, 0)

    def follow(self, accounts: Collection[AccountId]) -> None:
        """These are the accounts from now on."""
        self._accounts = accounts
        self._read = {name: each for name, each in self._read.items() if name in accounts}

    def polled(self, account: AccountId, reading: Reading) -> None:
        """What was read before stays while GitHub cannot be asked, and goes when it refuses."""
        if isinstance(reading, Allowance):
            self._polls[Outcome.OK] += 1
            # A poll may outlive its account's removal.
            if account in self._accounts:
                self._read[account] = reading
            return
        self._polls[reading.outcome] += 1
        if reading.outcome is Outcome.REFUSED:
            self.left(account)

    def left(self, account: AccountId) -> None:
        """There is nothing to say of it."""
        self._read.pop(account, None)

    def collect(self) -> Iterable[GaugeMetricFamily | CounterMetricFamily]:
        """One sample per account and quota, or sums when there are many accounts."""
        read = self._read.copy()
        is_many = len(self._accounts) > self._most_accounts
        for row in ROWS:
            family = GaugeMetricFamily(row.name, row.text, labels=("account", "quota"))
            samples = _sums(row, read.values()) if is_many else _each(row, read)
            for labels, value in samples:
                family.add_metric(labels, value)
            yield family
        yield _resets(read, is_many)
        yield self._outcomes()

    def _outcomes(self) -> CounterMetricFamily:
        family = CounterMetricFamily(
            "copilot_quota_polls",
            "Questions to GitHub for an account's quotas, by how they ended.",
            labels=("outcome",),
        )
        for outcome, count in self._polls.items():
            family.add_metric((outcome.value,), count)
        return family


Sample = tuple[tuple[str, str], float]


def _each(row: Row, read: dict[AccountId, Allowance]) -> Iterator[Sample]:
    for account, allowance in read.items():
        for quota in allowance.quotas:
            if row.of_unlimited or quota.entitlement != UNLIMITED:
                yield (account, quota.name), row.value_of(quota)


def _sums(row: Row, read: Iterable[Allowance]) -> Iterable[Sample]:
    """A sum of entitlements is one of those that have an end."""
    sums: dict[tuple[str, str], float] = {}
    for allowance in read:
        for quota in allowance.quotas:
            if row.in_sum or quota.entitlement != UNLIMITED:
                labels = (ALL, quota.name)
                sums[labels] = sums.get(labels, 0.0) + row.value_of(quota)
    return sums.items()


def _resets(read: dict[AccountId, Allowance], is_many: bool) -> GaugeMetricFamily:
    family = GaugeMetricFamily(
        "copilot_quota_reset_timestamp_seconds",
        "When the account's quotas begin anew; with many accounts, the first of them.",
        labels=("account",),
    )
    moments = {name: each.resets_at for name, each in read.items() if each.resets_at is not None}
    if is_many and moments:
        family.add_metric((ALL,), min(moments.values()))
    for name, moment in () if is_many else moments.items():
        family.add_metric((name,), moment)
    return family
