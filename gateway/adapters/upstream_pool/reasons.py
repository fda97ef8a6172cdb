"""What an error of sockets or of TLS means: one of the reasons of domain/unreachable."""

import errno
import socket
import ssl

from gateway.adapters.egress import NoUsableAddress
from gateway.domain.unreachable import Reason

BY_NUMBER = {
    errno.ECONNREFUSED: Reason.REFUSED,
    errno.ETIMEDOUT: Reason.TIMED_OUT,
    errno.ECONNRESET: Reason.CLOSED,
    errno.ENETUNREACH: Reason.NO_ROUTE,
    errno.ENETDOWN: Reason.NO_ROUTE,
    errno.EHOSTUNREACH: Reason.NO_ROUTE,
    errno.EACCES: Reason.NO_ROUTE,
    errno.EPERM: Reason.NO_ROUTE,
}
"""The last two are what a firewall of the machine makes of it."""
NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL says of bytes that are no TLS."""


def of_connecting(error: Exception) -> Reason:
    """Why there is no connection: the look-up, or no address took one."""
    if isinstance(error, NoUsableAddress):
        return Reason.NOT_ALLOWED
    # What is no name at all cannot be encoded as one.
    if isinstance(error, (socket.gaierror, ValueError)):
        return Reason.NAME_NOT_FOUND
    return BY_NUMBER.get(getattr(error, "errno", None) or 0, Reason.OTHER)


def of_handshake(error: Exception) -> Reason:
    """Why there is no TLS over a connection."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return Reason.CERTIFICATE
    if isinstance(error, (ssl.SSLEOFError, ConnectionError)):
        return Reason.CLOSED
    if isinstance(error, ssl.SSLError):
        # OpenSSL's have a reason; what Python makes itself has none.
        is_other = getattr(error, "reason", None) in NOT_TLS
        return Reason.NO_TLS if is_other else Reason.TLS_FAILED
    return Reason.OTHER
