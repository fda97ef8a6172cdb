"""Why upstream cannot be reached: a closed list, for operators.

The words are what the log and `doctor` say. A caller is told that it is so, and not why.
"""

from enum import Enum

from gateway.domain.errors import Fault, GatewayError


class Reason(Enum):
    """What kept a request from an answer. Behind a proxy the host's name is the proxy's to find."""

    NAME_NOT_FOUND = "name_not_found"
    NOT_ALLOWED = "not_allowed"
    """The name leads to no address that the egress guard lets through."""
    REFUSED = "refused"
    NO_ROUTE = "no_route"
    TIMED_OUT = "timed_out"
    NO_ROOM = "no_room"
    """There are as many connections as may be, and none came free in time."""
    PROXY_UNREACHABLE = "proxy_unreachable"
    PROXY_REFUSED = "proxy_refused"
    CERTIFICATE = "certificate"
    NO_TLS = "no_tls"
    """What answers on the port does not speak TLS."""
    TLS_FAILED = "tls_failed"
    CLOSED = "closed"
    """A new connection ended before an answer."""
    CLOSED_IDLE = "closed_idle"
    """One that had been idle ended as the request went out."""
    NO_HTTP = "no_http"
    """What came is no answer of HTTP/1.1."""
    NOT_SENDABLE = "not_sendable"
    """The URL, or a header, is none."""
    OTHER = "other"


class UpstreamUnreachable(GatewayError):
    """See above. was_sent: whether the request, or some of it, went out: it may have been taken."""

    def __init__(self, reason: Reason, *, was_sent: bool = False) -> None:
        super().__init__(Fault.UPSTREAM_UNAVAILABLE, "Upstream cannot be reached.", retry_after=1.0)
        self.reason = reason
        self.was_sent = was_sent
        # It had lasted long enough to be closed for its age alone.
        self.blames_account = reason is not Reason.CLOSED_IDLE
