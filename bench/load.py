"""Runs the load and reads what it says."""

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.processes import cores, pinned
from bench.programs import load_program


class WrongAnswers(Exception):
    """Some answers were no good ones; figures of such a run are worth nothing."""


@dataclass(frozen=True, slots=True)
class Load:
    """What callers do; see bench/c/load.c."""

    request: Path
    connections: int
    options: dict[str, float] = field(default_factory=dict)

    @property
    def words(self) -> list[str]:
        """As the program takes it."""
        options = [f"{name}={value:g}" for name, value in self.options.items()]
        return [str(self.connections), str(self.request), *options]


def start(port: int, load: Load) -> subprocess.Popen[bytes]:
    """The load on its way."""
    command = pinned(cores()[1], [load_program(), str(port), *load.words])
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def finish(process: subprocess.Popen[bytes], may_break_off: bool = False) -> dict[str, Any]:
    """What it says. Raises WrongAnswers."""
    output, _ = process.communicate()
    try:
        said: dict[str, Any] = json.loads(output)
    except ValueError:
        raise WrongAnswers(f"the load ended with {process.returncode}") from None
    if said["wrong"] or not (said["done"] or may_break_off):
        raise WrongAnswers(f"{said['wrong']} wrong answers, {said['done']} right: {said['why']}")
    return said


def run(port: int, load: Load) -> dict[str, Any]:
    """The whole of it. Raises WrongAnswers."""
    return finish(start(port, load))
