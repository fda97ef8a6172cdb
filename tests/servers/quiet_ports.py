"""Ports for servers that start while a test makes many connections.

The system gives outgoing connections the ports from 32768 (on macOS from 49152) on; a port up
there that was free a moment ago may be one of them by the time its server listens.
"""

import random
import socket

LOWEST, LOWEST_OUTGOING = 10_000, 32_768
MOST_TRIES = 1_000


def quiet_ports(count: int) -> list[int]:
    """Distinct TCP ports on loopback that nothing listens on and no connection is given."""
    found: list[int] = []
    for _ in range(MOST_TRIES):
        if len(found) == count:
            return found
        port = random.randrange(LOWEST, LOWEST_OUTGOING)  # noqa: S311  any of them will do
        if port not in found and _is_free(port):
            found.append(port)
    raise AssertionError("there are no free ports")


def _is_free(port: int) -> bool:
    with socket.socket() as each:
        try:
            each.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
