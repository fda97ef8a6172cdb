"""What every endpoint is given: the use cases and the values they work on."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.admission import Admission
from gateway.budgets import Budgets
from gateway.callers import Callers
from gateway.domain.api_keys import ApiKey
from gateway.domain.client_address import Network
from gateway.domain.groups import Group
from gateway.keys import Keys
from gateway.metering import Metering
from gateway.offers import Offers
from gateway.ports.clock import Clock
from gateway.ports.events import Audit, GatewayEvents
from gateway.ports.exchange import Tracing
from gateway.ports.token_counter import TokenCounter
from gateway.ports.usage import Sums
from gateway.relay import Relay
from gateway.web.connections import Connections
from gateway.web.late_answers import LateAnswers
from gateway.web.lifetimes import Lifetimes


@dataclass(slots=True)
class Context:
    """Built once by bootstrap.py, which replaces groups and the configuration's keys on a reload.

    Nothing waits between the two, so a request sees both of one reading.
    """

    relay: Relay
    admission: Admission
    budgets: Budgets
    metering: Metering
    ledger: Sums
    offers: Offers
    counter: TokenCounter
    clock: Clock
    events: GatewayEvents
    lifetimes: Lifetimes
    heartbeat_seconds: float
    """How long a stream may be silent before its caller gets a ping."""
    callers: Callers
    keys: Keys = field(repr=False)
    groups: Mapping[str, Group]
    """By id."""
    body_bytes: int
    scan_history: bool
    """Whether the initiator of Responses requests is judged by their history too."""
    connections: Connections
    audit: Audit
    late_answers: LateAnswers
    trusted_proxies: Sequence[Network]
    new_id: Callable[[], str]
    """Another random id each time, for requests."""
    tracing: Tracing | None = None
    """None where nothing is traced."""

    def fallback_of(self, group: Group) -> Group | None:
        """The group whose accounts help out."""
        return self.groups.get(group.fallback) if group.fallback is not None else None


class Caller(NamedTuple):
    """Whose request it is."""

    key: ApiKey
    group: Group


NOBODY = Caller(ApiKey("", "", None, None, may_mark_agent=False), Group("", "", ()))
"""Who asks where no key is needed."""
