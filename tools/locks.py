"""Pins every package with its hashes from pyproject.toml, or checks offline that this was done.

`--check` compares files and asks no index: every dependency pyproject.toml names is locked at a
version it accepts, every locked package has hashes, the dev lock contains the runtime lock, and
no lock names an index (which one is used is the user's pip configuration).
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
RUNTIME = "requirements/runtime.txt"
DEV = "requirements/dev.txt"
COMPILE = (
    *("pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-header", "--no-emit-index-url", "--quiet"),
)


@dataclass(frozen=True)
class Locked:
    """One package of a lock."""

    version: str
    hashes: frozenset[str]


def main(arguments: list[str]) -> int:
    """Write both locks, passing further arguments (`--upgrade`) on; with `--check` compare them."""
    if arguments != ["--check"]:
        return write(arguments)
    problems = check(
        *(ROOT.joinpath(name).read_text() for name in ("pyproject.toml", RUNTIME, DEV))
    )
    for problem in problems:
        print(f"{problem}: run `make lock`", file=sys.stderr)
    return 1 if problems else 0


def write(arguments: list[str]) -> int:
    """Let uv resolve both locks; the exit code."""
    uv = str(Path(sys.executable).with_name("uv"))
    for options in (["-o", RUNTIME], ["--extra", "dev", "-c", RUNTIME, "-o", DEV]):
        done = subprocess.run([uv, *COMPILE, *options, *arguments], cwd=ROOT, check=False)
        if done.returncode != 0:
            return done.returncode
    return 0


def check(pyproject: str, runtime: str, dev: str) -> list[str]:
    """Everything in the locks that does not fit pyproject.toml or each other."""
    project = tomllib.loads(pyproject)["project"]
    needed = project["dependencies"]
    extra = project["optional-dependencies"]["dev"]
    locked, locked_dev = read_lock(runtime), read_lock(dev)
    return [
        *unmet(RUNTIME, locked, needed),
        *unmet(DEV, locked_dev, [*needed, *extra]),
        *(f"{DEV}: {name} is not as in {RUNTIME}" for name in differing(locked, locked_dev)),
        *foreign_lines(RUNTIME, runtime),
        *foreign_lines(DEV, dev),
    ]


def read_lock(text: str) -> dict[str, Locked]:
    """The packages of a lock by their canonical names."""
    found: dict[str, Locked] = {}
    for entry in re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE):
        if match := re.match(r"([\w.-]+)==([^\s;\\]+)", entry):
            hashes = frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry))
            found[canonicalize_name(match[1])] = Locked(match[2], hashes)
    return found


def unmet(lock: str, locked: Mapping[str, Locked], needed: list[str]) -> Iterator[str]:
    """What pyproject.toml asks for and the lock does not give; packages without hashes."""
    for requirement in map(Requirement, needed):
        package = locked.get(canonicalize_name(requirement.name))
        if package is None:
            yield f"{lock}: {requirement.name} is missing"
        elif not requirement.specifier.contains(package.version, prereleases=True):
            yield f"{lock}: {requirement.name}=={package.version} is not {requirement.specifier}"
    for name, package in locked.items():
        if not package.hashes:
            yield f"{lock}: {name} has no hashes"


def differing(runtime: Mapping[str, Locked], dev: Mapping[str, Locked]) -> list[str]:
    """The runtime packages the dev lock lacks or pins differently."""
    return [name for name, package in runtime.items() if dev.get(name) != package]


def foreign_lines(lock: str, text: str) -> Iterator[str]:
    """Lines that steer where packages come from, or name no pinned package."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not re.match(r"\s*#|    --hash=|[A-Za-z0-9][\w.-]*==", line):
            yield f"{lock}:{number}: not a pinned package"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
