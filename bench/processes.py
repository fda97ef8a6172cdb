"""Processes of a measurement: on which core they run, when they are ready, CPU time and memory."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 240.0
"""A configuration with fifty thousand keys takes its time."""
QUIET_SHARE = 0.02
"""A process that uses no more of a core than this is done with what it was given."""
SCRUBBED = ("TOKEN_SERVICE__", "GATEWAY__")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, all threads, to the nanosecond; Linux only.

    What clock_getcpuclockid(3) gives for another process; Python offers it for threads alone.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in RAM, without files that are mapped."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def children(pid: int) -> list[int]:
    """The processes it has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    """A port on loopback that nothing listened on a moment ago."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def cores() -> tuple[int, int]:
    """One core for the proxy, another one for everything else; the same where there is only one."""
    allowed = sorted(os.sched_getaffinity(0))
    return allowed[0], allowed[-1]


def pinned(core: int, command: Sequence[str]) -> list[str]:
    """The command, on this core alone."""
    return ["taskset", "-c", str(core), *command]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer a service."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SCRUBBED)}
    return {**kept, **(extra or {})}


@contextmanager
def running(
    command: Sequence[str],
    core: int,
    log: Path,
    port: int,
    extra: Mapping[str, str] | None = None,
) -> Iterator[int]:
    """A process on one core until the block ends; its pid, once it takes connections on the port.

    Its output goes to the file `log`: writing an access log is part of what is measured.
    """
    with log.open("ab") as output:
        process = subprocess.Popen(
            pinned(core, command),
            cwd=ROOT,
            env=environment(extra),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_for(process, port, log)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise RuntimeError(f"{process.args!r} did not start:\n{log.read_text()[-2000:]}")


def settle(pid: int, at_most: float = 5.0) -> None:
    """Wait until a process has done what it puts off, such as bringing records into a ledger."""
    step = 0.1
    before = cpu_seconds(pid)
    for _ in range(int(at_most / step)):
        time.sleep(step)
        now = cpu_seconds(pid)
        if now - before < QUIET_SHARE * step:
            return
        before = now
