"""A module of the tests as a process of its own, which says something and ends."""

import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from tests.servers.process import ROOT, clean_environment


class ModuleProcess:
    """`python -m MODULE ARGUMENTS`, ended with the block."""

    def __init__(self, module: str, arguments: Sequence[str]) -> None:
        self._command = [sys.executable, "-m", module, *arguments]

    def said(self, seconds: float) -> bytes:
        """Wait for its end; what it wrote."""
        out, _ = self._process.communicate(timeout=seconds)
        return out

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._process:
            self._process.kill()
