"""What happened, in the gateway's words; metrics, logs and the audit are made of it."""

from collections.abc import Sequence
from typing import Protocol

from gateway.domain.budgets.holder import Holder
from gateway.domain.errors import Fault
from gateway.domain.quotas import Quota
from gateway.domain.subjects import Subject
from gateway.domain.usage.record import UsageRecord
from gateway.ports.exchange import Exchange


class Audit(Protocol):
    """Who was turned away, for those who look after the fact. Neither waits nor raises."""

    def refused(self, fault: Fault, address: str, key_id: str = "") -> None:
        """A caller was. address: as domain/client_address gives it."""


class GatewayEvents(Protocol):
    """What happened, in the gateway's words; metrics are made of it."""

    def request_started(self, exchange: Exchange) -> None:
        """A key was accepted and the request belongs to a group now."""

    def request_ended(self, exchange: Exchange, seconds: float) -> None:
        """The answer is out, or the caller is gone."""

    def waiting(self, group: str, change: int) -> None:
        """So many more or fewer requests of a group wait for a place."""

    def failed_over(self, group: str, account: str, fault: Fault) -> None:
        """A request left an account for another one."""

    def set_aside(self, subject: Subject, seconds: float, fault: Fault) -> None:
        """An account, or a model on it, cools down; or a platform refuses this client."""

    def paused(self, subject: Subject, is_paused: bool) -> None:
        """An operator has set something aside for all replicas, or brought it back."""

    def client_refused(self, platform: str, is_refused: bool) -> None:
        """A platform refuses this client, whatever the account; or no longer does."""

    def recorded(self, record: UsageRecord, is_listed: bool) -> None:
        """A request has its usage record. is_listed: whether its model is in the catalogue."""

    def over_budget(self, holder: Holder, measure: str, is_shadow: bool) -> None:
        """A request met a budget that is used up; with shadow it was let through all the same."""

    def quota_seen(self, account: str, quotas: Sequence[Quota]) -> None:
        """What upstream's headers said of an account's quotas."""
