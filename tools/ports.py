"""Whether the ports `make run` wants are free, told for all of them at once."""

import errno
import socket
from collections.abc import Mapping

from tools.options import option_of
from tools.plan import HOST, Refused


def check(wanted: Mapping[str, int]) -> None:
    """Raise Refused, naming every port that cannot be listened on and the option that moves it.

    wanted: ports by the names that `option_of` knows.
    """
    taken = list(wanted.values())
    problems = []
    for name, port in wanted.items():
        reason = "wanted more than once" if taken.count(port) > 1 else _why_not(port)
        if reason is not None:
            problems.append(f"  {port} ({name}) is {reason}; another: {option_of(name)} PORT")
    if problems:
        raise Refused(
            "these ports cannot be used (is another `make run` still running?):\n"
            + "\n".join(problems)
            + '\nOptions go into ARGS: make run ARGS="--gateway-port 18080"'
        )


def _why_not(port: int) -> str | None:
    with socket.socket() as probe:
        # As servers do: a connection of the last run in TIME_WAIT is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return "in use" if error.errno == errno.EADDRINUSE else f"refused: {error.strerror}"
    return None
