"""A real process of ours under test: started by its public command, awaited, stopped by pid."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 20.0
STOP_SECONDS = 10.0

# Variables of the machine that would change what a service reads or whom it talks to.
SCRUBBED_PREFIXES = ("TOKEN_SERVICE__", "GATEWAY__")
SCRUBBED = {
    "COPILOT_GITHUB_TOKEN",
    "GH_TOKEN",
    "GITHUB_TOKEN",
    "SIMULATOR",
    "MAKEFLAGS",
    "MAKELEVEL",
}


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would steer a service."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in SCRUBBED and not name.upper().startswith(SCRUBBED_PREFIXES)
    }
    return {**kept, **(extra or {})}


class ServiceProcess:
    """`python -m ARGUMENTS`, ready when `ready_url` answers 200; its output is kept."""

    def __init__(
        self,
        arguments: Sequence[str],
        ready_url: str,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._arguments = [sys.executable, "-m", *arguments]
        self._ready_url = ready_url
        self._environment = clean_environment(environment)
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the process
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start and wait until it is ready. Raises AssertionError with its output if it is not."""
        self.process = subprocess.Popen(
            self._arguments,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"{self._arguments[2]} ended at once:\n{self.output()}")
            try:
                if httpx.get(self._ready_url, timeout=1, trust_env=False).status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        self.kill()
        raise AssertionError(f"{self._arguments[2]} was not ready in time:\n{self.output()}")

    def output(self) -> str:
        """Everything it wrote so far."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def terminate(self) -> int:
        """Ask it to end and wait; its exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self._arguments[2]} did not end:\n{self.output()}") from None

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        self._output.close()
