"""One caller's request and what became of it, and its place in a trace."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from gateway.domain.budgets.reservation import Reservation
from gateway.domain.errors import Fault
from gateway.domain.initiator import Verdict
from gateway.domain.usage.prices import Prices
from gateway.domain.usage.spent import NOTHING, Spent
from gateway.ports.upstream import UpstreamRequest


@dataclass(frozen=True, slots=True)
class Tried:
    """An attempt that came to nothing."""

    account: str
    fault: Fault


MAX_TRIED = 32
"""More than max_switches allows, so that every attempt of a request is in its record."""


class RequestTrace(Protocol):
    """One request's place in a trace. None of these waits or raises."""

    def attempt(
        self, exchange: "Exchange", request: UpstreamRequest
    ) -> AbstractContextManager[UpstreamRequest]:
        """Around one attempt upstream: the request as it is to be sent, naming the trace."""

    def answered(self, status: int) -> None:
        """Upstream's status of the attempt."""

    def failed(self, fault: Fault) -> None:
        """The attempt came to nothing, or broke off later."""

    def end(self, exchange: "Exchange") -> None:
        """The request is over. Called once, in the task in which it began."""


class Tracing(Protocol):
    """Traces, where they are wanted."""

    def begin(self, exchange: "Exchange", method: str, traceparent: str | None) -> RequestTrace:
        """A request that is somebody's. traceparent: as the caller sent it, whatever that is.

        What the present task does until the request ends belongs to it.
        """


class Exchange(msgspec.Struct, gc=False):
    """One caller's request and what became of it: for metrics and the access log.

    Filled in as the request goes along. Holds no content and no secret. Not followed by the garbage
    collector: nothing that it holds may hold it.
    """

    request_id: str
    route: str
    started: float
    """Monotonic seconds."""
    time: float = 0.0
    """When it came, in seconds since the epoch."""
    caller_request_id: str = ""
    key: str = ""
    group: str = ""
    account: str = ""
    """The account tried last."""
    served_by: str = ""
    """The group whose account that is: the key's own, or its fallback."""
    platform: str = ""
    model: str = ""
    served_model: str = ""
    """What was asked of upstream, aliases resolved."""
    premium_multiplier: float | None = None
    """The model's, as upstream's catalogue has it."""
    attempts: int = 0
    """How many requests were sent upstream."""
    spent: Spent = NOTHING
    """What upstream has said that it cost, over all attempts."""
    is_cost_unknown: bool = False
    """Whether an attempt failed of which nobody can say what it cost."""
    prices: Prices | None = None
    """The served model's, for when upstream does not say what it cost."""
    is_metered: bool = False
    """Whether it is to have a usage record, and has none yet."""
    reservation: Reservation | None = None
    """What it holds of its budgets."""
    is_listed: bool = False
    """Whether the model is in upstream's catalogue: what callers make up is no label."""
    upstream_protocol: str = ""
    """What was spoken upstream."""
    stream: bool = False
    verdict: Verdict | None = None
    fault: str = ""
    status: int = 0
    upstream_seconds: float = 0.0
    """Time spent waiting for upstream, over all attempts, until an answer could be handed out."""
    waited_seconds: float = 0.0
    """Time spent waiting for others than upstream: for the body, a place, a token."""
    first_byte_seconds: float | None = None
    stream_end: str = ""
    answer_bytes: int = 0
    trace: RequestTrace | None = None
    """None where nothing is traced."""
    tried: tuple[Tried, ...] = ()

    def note(self, tried: Tried) -> None:
        """Record an attempt that came to nothing."""
        if len(self.tried) < MAX_TRIED:
            self.tried = (*self.tried, tried)
