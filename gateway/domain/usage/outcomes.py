"""How a request ended, in the ledger's words: from how its stream ended, its fault, its status."""

from gateway.domain.errors import Fault, GatewayError
from gateway.domain.stream_ends import StreamEnd
from gateway.domain.unreachable import UpstreamUnreachable
from gateway.domain.usage.record import Outcome

CLIENT_CLOSED_REQUEST = 499
"""What stands for the status of an answer that nobody waited for, as in nginx's logs."""

_OF_STREAMS: dict[StreamEnd, Outcome] = {
    StreamEnd.COMPLETE: Outcome.COMPLETE,
    StreamEnd.CLIENT_GONE: Outcome.CLIENT_GONE,
    StreamEnd.UPSTREAM_ERROR: Outcome.UPSTREAM_ERROR,
    StreamEnd.TRUNCATED: Outcome.TRUNCATED,
    StreamEnd.IDLE: Outcome.IDLE,
    StreamEnd.DEADLINE: Outcome.DEADLINE,
    StreamEnd.DRAINED: Outcome.DRAINED,
    StreamEnd.REVOKED: Outcome.REVOKED,
    StreamEnd.UNAVAILABLE: Outcome.UNAVAILABLE,
}
_OF_FAULTS: dict[Fault, Outcome] = {
    Fault.GATEWAY_DEADLINE: Outcome.DEADLINE,
    Fault.GATEWAY_DRAINING: Outcome.DRAINED,
    Fault.CALLER_KEY_REVOKED: Outcome.REVOKED,
    Fault.GATEWAY_TOKEN_SERVICE: Outcome.UNAVAILABLE,
}
_OF_PARTIES: dict[str, Outcome] = {
    "caller": Outcome.REFUSED,
    "policy": Outcome.REFUSED,
    "seat": Outcome.UNAVAILABLE,
    "upstream": Outcome.UNAVAILABLE,
    "gateway": Outcome.GATEWAY_ERROR,
}
_UNKNOWN_COST = frozenset(
    {
        Fault.UPSTREAM_CUT_OFF,
        Fault.UPSTREAM_TRUNCATED,
        Fault.UPSTREAM_IDLE,
        Fault.UPSTREAM_TIMEOUT,
        Fault.UPSTREAM_STREAM_ERROR,
        Fault.UPSTREAM_BAD_ANSWER,
        Fault.GATEWAY_OTHER,
    }
)
"""Upstream was at work when it ended, and did not say what that cost."""


def outcome_of(stream_end: str, fault: str, status: int) -> Outcome:
    """The words of the access log as one outcome; each may be empty or 0."""
    if stream_end:
        return _OF_STREAMS[StreamEnd(stream_end)]
    if fault:
        known = Fault(fault)
        return _OF_FAULTS.get(known) or _OF_PARTIES[fault.partition("_")[0]]
    if status == CLIENT_CLOSED_REQUEST:
        return Outcome.CLIENT_GONE
    return Outcome.COMPLETE


def leaves_cost_unknown(error: GatewayError) -> bool:
    """Whether upstream may have been at work on an attempt that failed so."""
    if isinstance(error, UpstreamUnreachable):
        return error.was_sent
    return error.fault in _UNKNOWN_COST


def is_partial(
    outcome: Outcome, fault: str, attempts: int, *, is_cost_unknown: bool, is_cost_said: bool
) -> bool:
    """Whether more may have been used than upstream has said.

    is_cost_unknown: of an attempt that failed. is_cost_said: whether upstream has said anything.
    """
    if not attempts:
        return False
    if is_cost_unknown:
        return True
    if outcome is Outcome.COMPLETE:
        return not is_cost_said
    if outcome in (Outcome.UNAVAILABLE, Outcome.REFUSED, Outcome.GATEWAY_ERROR):
        return bool(fault) and Fault(fault) in _UNKNOWN_COST
    return True
