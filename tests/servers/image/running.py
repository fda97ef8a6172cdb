"""A container of the image that was built: any user, no rights, a root nobody writes to."""

import os
import shlex
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from tests.servers.image.build import Image, script

USER, GROUP = 12345, 54321
START_SECONDS = 20.0
STOP_SECONDS = 20.0


class Container:
    """One process of the image, PID 1 of its namespace.

    shown: files and directories of this machine by their path in it, for reading. writable:
    directories that are volumes.
    """

    def __init__(
        self,
        image: Image,
        command: Sequence[str],
        environment: Mapping[str, str],
        shown: Mapping[str, Path],
        writable: Sequence[str] = (),
    ) -> None:
        lines = script(image.root, read_only=True)
        # Volumes lie on directories, which have to be made before the root is closed.
        for path, source in shown.items():
            lines.insert(2, f"mount -o bind,ro {source} {_made(image, path)}")
        for path in writable:
            lines.insert(2, f"mount -t tmpfs -o mode=777 tmpfs {_made(image, path)}")
        variables = {**image.stage.environment, **environment}
        (workdir,) = image.stage.of("WORKDIR")
        rights = [f"--reuid={USER}", f"--regid={GROUP}", "--clear-groups", "--no-new-privs"]
        inner = ["chroot", str(image.root), "/usr/bin/setpriv", *rights]
        inner += ["--bounding-set=-all", "--inh-caps=-all", "env", "-i", "-C", workdir]
        inner += [f"{name}={value}" for name, value in variables.items()]
        lines.append(f"exec {shlex.join([*inner, *command])}")
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  lives as long as the container
        self._words = ["unshare", "--mount", "--pid", "--fork", "--kill-child=SIGKILL"]
        self._words += ["sh", "-euc", "\n".join(lines)]
        self._process: subprocess.Popen[bytes]

    def ready(self, url: str) -> None:
        """Wait until it answers there with 200."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.output()
            try:
                if httpx.get(url, timeout=1, trust_env=False).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready in time:\n{self.output()}")

    def terminate(self) -> int:
        """SIGTERM to its first process, as the kubelet sends it; how it ended."""
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        os.kill(int(children.split()[0]), signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; how it ended."""
        return self._process.wait(STOP_SECONDS)

    def output(self) -> str:
        """All it wrote."""
        self._output.seek(0)
        return self._output.read().decode(errors="replace")

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._words,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(STOP_SECONDS)
        self._output.close()


def _made(image: Image, path: str) -> Path:
    where = Path(f"{image.root}{path}")
    where.mkdir(parents=True, exist_ok=True)
    return where
