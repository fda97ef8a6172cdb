"""`make run`'s supervisor under test: started as a newcomer would, watched from outside.

Linux only: who its children are and whether they are gone is read from /proc.
"""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.servers.ports import free_ports
from tests.servers.process import clean_environment

WAIT_SECONDS = 120.0
"""What a first `make run` may take, its installation included."""
PORT_NAMES = ("gateway", "gateway-ops", "token-service", "token-service-ops", "simulator")


class Supervisor:
    """`python -m tools.run` in `root`, on free ports, with a temporary directory of its own.

    hang_up_after: stop reading, as `| head` does, once this has been printed.
    through_make: run `make run` instead, which installs what it needs into `root`/.venv.
    """

    def __init__(
        self,
        root: Path,
        temporary: Path,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        hang_up_after: str | None = None,
        through_make: bool = False,
        ports: Mapping[str, int] | None = None,
    ) -> None:
        self._through_make = through_make
        self._hang_up_after = hang_up_after
        self.root = root
        self.temporary = temporary
        self.ports = ports or dict(zip(PORT_NAMES, free_ports(len(PORT_NAMES)), strict=True))
        self._arguments = [*(f"--{name}-port={n}" for name, n in self.ports.items()), *arguments]
        self._environment = clean_environment({"TMPDIR": str(temporary), **(environment or {})})
        self._text = ""
        self._changed = threading.Condition()
        self.process: subprocess.Popen[bytes]
        self.children: tuple[int, ...] = ()

    def __enter__(self) -> Self:
        self.temporary.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            self._command(),
            cwd=self.root,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        # A test that fails must not keep the whole suite from ending.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # The session that was started here: make takes no child along when it is killed.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join(WAIT_SECONDS)

    def _command(self) -> list[str]:
        if self._through_make:
            return ["make", "run", f"PYTHON={sys.executable}", f"ARGS={' '.join(self._arguments)}"]
        return [sys.executable, "-m", "tools.run", *self._arguments]

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            for raw in output:
                with self._changed:
                    self._text += raw.decode(errors="replace")
                    self._changed.notify_all()
                if self._hang_up_after is not None and self._hang_up_after in self._text:
                    break
        with self._changed:
            self._changed.notify_all()

    @property
    def output(self) -> str:
        """Everything it has printed so far."""
        with self._changed:
            return self._text

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until its output has a match. Raises AssertionError if it ends without one."""
        deadline = time.monotonic() + WAIT_SECONDS
        with self._changed:
            while not (found := re.search(pattern, self._text, re.MULTILINE)):
                over = not self._reader.is_alive() or time.monotonic() > deadline
                assert not over, f"no {pattern!r} in:\n{self._text}"
                self._changed.wait(0.2)
        return found

    def wait_ready(self) -> str:
        """Wait until the first call can be made; its curl line."""
        line = self.wait_for(r"^curl -N .*$")[0]
        self.wait_for("^Ctrl-C stops everything")
        self.children = descendants_of(self.process.pid)
        return line

    def end(self, signum: signal.Signals) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(signum)
        return self.ended()

    def press_ctrl_c(self) -> int:
        """Signal the whole foreground group, as a terminal does; the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end; the exit code."""
        try:
            code = self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end:\n{self.output}") from None
        self._reader.join(WAIT_SECONDS)
        return code

    def left_behind(self) -> list[str]:
        """Processes and files that should be gone."""
        alive = [f"process {pid}" for pid in self.children if is_alive(pid)]
        return alive + [str(path) for path in self.temporary.iterdir()]


def descendants_of(pid: int) -> tuple[int, ...]:
    """The processes it has started, and those they have started, that still run."""
    listing = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    children = [int(each) for each in listing.split()]
    return tuple(found for child in children for found in (child, *descendants_of(child)))


def is_alive(pid: int) -> bool:
    """Whether it runs; one that has ended and was not waited for (a zombie) does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in ("Z", "X")


def wait_until_gone(pids: Sequence[int]) -> None:
    """Wait for processes that nobody here can wait for. Raises AssertionError."""
    deadline = time.monotonic() + WAIT_SECONDS
    while alive := [pid for pid in pids if is_alive(pid)]:
        assert time.monotonic() < deadline, f"still running: {alive}"
        os.sched_yield()
        time.sleep(0.02)
