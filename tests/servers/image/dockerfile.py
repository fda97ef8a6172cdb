"""A Dockerfile as values: its stages, and what each of them does in order."""

import json
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

KNOWN = {"FROM", "ENV", "COPY", "RUN", "LABEL", "WORKDIR", "USER", "EXPOSE", "CMD"}


class DockerfileError(Exception):
    """An instruction that is not known here."""


@dataclass(frozen=True)
class Instruction:
    """One instruction and what follows it, continued lines joined."""

    word: str
    rest: str


@dataclass
class Stage:
    """One stage."""

    base: str
    name: str
    instructions: list[Instruction] = field(default_factory=list)

    def of(self, word: str) -> Iterator[str]:
        """What follows each of these instructions."""
        return (each.rest for each in self.instructions if each.word == word)

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it sets."""
        pairs = [pair for rest in self.of("ENV") for pair in shlex.split(rest)]
        return dict(pair.split("=", 1) for pair in pairs)

    @property
    def command(self) -> list[str]:
        """What a container runs; ValueError for the form that starts a shell."""
        (rest,) = self.of("CMD")
        words: list[str] = json.loads(rest)
        return words


def read(path: Path) -> list[Stage]:
    """Its stages. Raises DockerfileError."""
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.word not in KNOWN:
            raise DockerfileError(f"{instruction.word} is not known here")
        if instruction.word == "FROM":
            base, _, name = instruction.rest.partition(" AS ")
            stages.append(Stage(base, name))
        else:
            stages[-1].instructions.append(instruction)
    return stages


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, rest = line.strip().partition(" ")
            yield Instruction(word, " ".join(rest.split()))
