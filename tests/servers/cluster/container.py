"""One container: a process in its sandbox, its output, and the signals it gets."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.servers.cluster.sandbox import Mount, Rights, contained, inside
from tests.servers.process import ROOT

TICK_SECONDS = 0.05
START_SECONDS = 5.0
TAIL_CHARACTERS = 1500


class Container:
    """Start it as often as it has to be; what all its processes wrote is kept together."""

    def __init__(
        self,
        name: str,
        directory: Path,
        command: Sequence[str],
        environment: Mapping[str, str],
        mounts: Sequence[Mount],
        rights: Rights,
        hostname: str,
        programs: Mapping[str, Path],
    ) -> None:
        self.name = name
        self._rights = rights
        root = directory / f"root-{name}"
        root.mkdir(parents=True, exist_ok=True)
        self._command = contained(root, command, environment, mounts, rights, hostname, programs)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the container
        self._outer: subprocess.Popen[bytes] | None = None
        self._pid: int | None = None
        self.is_ready = False
        self.exits: list[int] = []
        """How each of its processes ended: a code, or a signal's number below zero."""
        self.complaint = ""
        """What the last probe that failed has found."""

    def start(self) -> None:
        """Start it. Until it has built its root it is not the manifest's command yet."""
        self.is_ready = False
        self._outer = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env={"PATH": os.defpath + ":/usr/sbin:/sbin"},
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        self._pid = _child(self._outer)

    @property
    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._outer is not None and self._outer.poll() is None

    async def ended(self) -> int:
        """Wait for its end; how it ended."""
        assert self._outer is not None
        while (code := self._outer.poll()) is None:
            await asyncio.sleep(TICK_SECONDS)
        self.is_ready = False
        self.exits.append(code)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.is_alive and self._pid is not None:
            os.kill(self._pid, number)

    def kill(self) -> None:
        """End it and all it has started, at once."""
        self.signal(signal.SIGKILL)
        if self._outer is not None:
            self._outer.kill()
            self._outer.wait(10)

    async def run(self, command: Sequence[str]) -> str:
        """Run a command in it, as `kubectl exec` does; empty, or why it failed."""
        code, output = await self.execute(command)
        return "" if code == 0 else f"{command[0]} ended with {code}: {output[-200:]}"

    async def execute(self, command: Sequence[str]) -> tuple[int, str]:
        """Run a command in it: exit code and what it wrote."""
        assert self._pid is not None
        process = await asyncio.create_subprocess_exec(
            *inside(self._pid, command, self._rights),
            env=self._environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
        return process.returncode or 0, output.decode(errors="replace")

    def output(self) -> str:
        """The end of what it wrote."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-TAIL_CHARACTERS:]

    def whole_output(self) -> str:
        """All it wrote."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def close(self) -> None:
        """Its end, whatever state it is in."""
        self.kill()
        self._output.close()

    def _environment(self) -> dict[str, str]:
        """Of its process, which another one in it shares."""
        content = Path(f"/proc/{self._pid}/environ").read_bytes().decode(errors="replace")
        return dict(each.split("=", 1) for each in content.split("\0") if "=" in each)


def _child(outer: subprocess.Popen[bytes]) -> int | None:
    """The first process of the PID namespace, which `unshare` waits for."""
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and outer.poll() is None:
        found = children.read_text(encoding="ascii").split()
        if found:
            return int(found[0])
        time.sleep(0.002)
    return None
