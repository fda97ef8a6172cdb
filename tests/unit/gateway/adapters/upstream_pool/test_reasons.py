"""What errors of sockets and of TLS mean."""

import errno
import socket
import ssl

import pytest

from gateway.adapters.egress import NoUsableAddress
from gateway.adapters.upstream_pool.reasons import of_connecting, of_handshake
from gateway.domain.unreachable import Reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NoUsableAddress(None, "none"), Reason.NOT_ALLOWED),
        (socket.gaierror(socket.EAI_AGAIN, "again"), Reason.NAME_NOT_FOUND),
        (UnicodeError("label too long"), Reason.NAME_NOT_FOUND),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Reason.REFUSED),
        # Of several addresses that all failed in the same way.
        (OSError(errno.ECONNREFUSED, "Multiple exceptions: a, b"), Reason.REFUSED),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), Reason.TIMED_OUT),
        (OSError(errno.ENETUNREACH, "unreachable"), Reason.NO_ROUTE),
        (OSError(errno.EHOSTUNREACH, "unreachable"), Reason.NO_ROUTE),
        (PermissionError(errno.EPERM, "not permitted"), Reason.NO_ROUTE),
        (OSError(errno.EMFILE, "too many open files"), Reason.OTHER),
        (OSError("Multiple exceptions: a, b"), Reason.OTHER),
        (RuntimeError("of uvloop"), Reason.OTHER),
    ],
)
def test_of_connecting(error: Exception, reason: Reason) -> None:
    assert of_connecting(error) is reason


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ssl.SSLCertVerificationError(1, "self-signed"), Reason.CERTIFICATE),
        (ssl.SSLEOFError(8, "eof"), Reason.CLOSED),
        (ConnectionResetError(), Reason.CLOSED),
        (ConnectionAbortedError(), Reason.CLOSED),
        (ssl.SSLError(1, "of some other kind"), Reason.TLS_FAILED),
        (OSError("something"), Reason.OTHER),
        (ValueError("something"), Reason.OTHER),
    ],
)
def test_of_the_handshake(error: Exception, reason: Reason) -> None:
    assert of_handshake(error) is reason
