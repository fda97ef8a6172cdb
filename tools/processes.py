"""One process started by the supervisor: its output, its readiness, its end.

Each runs in a session of its own, so that a terminal's Ctrl-C reaches the supervisor only and
the order of stopping is the supervisor's; and on Linux the kernel kills it when the supervisor
is gone, however that happened. Knows nothing of what the processes do.
"""

import ctypes
import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.05
PROBE_SECONDS = 1.0
LAST_LINES = 20
MAX_LINE_BYTES = 64 * 1024
PR_SET_PDEATHSIG = 1  # prctl(2)

Say = Callable[[str], None]


@dataclass(frozen=True)
class Command:
    """How a process is started and when it counts as started."""

    name: str
    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    ready_port: int
    ready_path: str
    stop_seconds: float = 8.0
    """How long it may take to end by itself before it is killed."""


class Child:
    """A running process. Its lines are shown from the moment it is ready; the last are kept."""

    def __init__(self, command: Command, say: Say) -> None:
        self.name = command.name
        self._command = command
        self._say = say
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._shown = False
        self._lock = threading.Lock()
        self._process = start(command.arguments, command.environment, command.directory)
        self._reader = threading.Thread(target=self._relay, daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.poll()

    def is_ready(self) -> bool:
        """Whether its ready URL answers 200 now."""
        return answers(self._command.ready_port, self._command.ready_path)

    def show(self) -> None:
        """Pass its lines on from now, after those it has written so far."""
        with self._lock:
            self._shown = True
            for line in self._lines:
                self._say(f"{self.name} | {line}")

    def last_lines(self) -> list[str]:
        """The last lines it wrote; of a process that has ended, up to its very last."""
        if self.exit_code is not None:
            self._reader.join(PROBE_SECONDS)
        with self._lock:
            return list(self._lines)

    def stop(self, is_urgent: Callable[[], bool]) -> bool:
        """End it: ask, wait, kill. False if it had to be killed for taking too long."""
        self._process.terminate()
        deadline = time.monotonic() + self._command.stop_seconds
        while self.exit_code is None and time.monotonic() < deadline and not is_urgent():
            time.sleep(POLL_SECONDS)
        in_time = self.exit_code is not None or is_urgent()
        if self.exit_code is None:  # so its number is still its own: it was not waited for
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(PROBE_SECONDS)
        return in_time

    def _relay(self) -> None:
        output = self._process.stdout
        if output is None:  # start() always gives one; the type says it might not be there
            return
        with output:
            while raw := output.readline(MAX_LINE_BYTES):
                line = raw.decode(errors="replace").rstrip()
                with self._lock:
                    self._lines.append(line)
                    if self._shown:
                        self._say(f"{self.name} | {line}")


def start(
    arguments: Sequence[str], environment: Mapping[str, str], directory: Path
) -> subprocess.Popen[bytes]:
    """Start a process in a session of its own, its output in one pipe."""
    return subprocess.Popen(
        arguments,
        cwd=directory,
        env={**environment, "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=_die_with(os.getpid()),
    )


def _die_with(supervisor: int) -> Callable[[], None] | None:
    """What makes the kernel kill the new process when the supervisor's main thread is gone."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl  # loaded here: between fork and exec little is safe

    def bind() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != supervisor:  # it was already gone
            os.kill(os.getpid(), signal.SIGKILL)

    return bind


def answers(port: int, path: str) -> bool:
    """Whether GET `path` on loopback is answered 200; never through a proxy."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
