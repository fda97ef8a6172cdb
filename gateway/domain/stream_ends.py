"""How streams end, in the closed set of words that the metric and the log use (design §8)."""

from enum import Enum

from gateway.domain.errors import Fault


class StreamEnd(Enum):
    """Why nothing more comes."""

    COMPLETE = "complete"
    CLIENT_GONE = "client_gone"
    UPSTREAM_ERROR = "upstream_error"
    """Upstream said that it failed."""
    TRUNCATED = "truncated"
    """Upstream broke off, or ended without its protocol's end."""
    IDLE = "idle"
    DEADLINE = "deadline"
    DRAINED = "drained"
    REVOKED = "revoked"
    """Its key was taken back."""
    UNAVAILABLE = "unavailable"
    """Only pings had been sent when it turned out that nobody could answer."""


_ENDS: dict[Fault, StreamEnd] = {
    Fault.UPSTREAM_CUT_OFF: StreamEnd.TRUNCATED,
    Fault.UPSTREAM_TRUNCATED: StreamEnd.TRUNCATED,
    Fault.UPSTREAM_IDLE: StreamEnd.IDLE,
    Fault.UPSTREAM_STREAM_ERROR: StreamEnd.UPSTREAM_ERROR,
    Fault.GATEWAY_DEADLINE: StreamEnd.DEADLINE,
    Fault.GATEWAY_DRAINING: StreamEnd.DRAINED,
    Fault.CALLER_KEY_REVOKED: StreamEnd.REVOKED,
}


def end_of(fault: Fault, has_begun: bool = True) -> StreamEnd:
    """How a stream ended that ended with this fault. has_begun: whether any of it was passed on."""
    if fault in _ENDS:
        return _ENDS[fault]
    return StreamEnd.UPSTREAM_ERROR if has_begun else StreamEnd.UNAVAILABLE
