"""The machine and the versions a measurement was made with."""

import os
import platform
import statistics
import sys
import timeit
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import programs
from bench.processes import cores
from runtime.version import VERSION

PACKAGES = ("aiohttp", "uvloop", "httptools", "msgspec", "grpcio", "prometheus-client", "redis")


def described() -> dict[str, Any]:
    """Machine, cores, versions."""
    proxy, others = cores()
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(_memory_bytes() / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "core_of_proxy": proxy,
        "core_of_load_and_upstream": others,
        "load_average_at_start": round(os.getloadavg()[0], 2),
        "versions": {
            "copilot-gateway": VERSION,
            "python": sys.version.split()[0],
            "python_build": _build(),
            **{name: _version(name) for name in PACKAGES},
            "nginx": _of(programs.nginx, "-v"),
            "caddy": _of(programs.caddy, "version"),
            "cc": programs.version_of("cc", "--version"),
        },
    }


def _build() -> str:
    """Which Python it is: one without profile-guided optimisation is slower by a fifth."""
    loop = statistics.median(timeit.repeat(_calls, number=1, repeat=7))
    compiler = platform.python_compiler()
    return f"{compiler}; 100,000 calls of a method in {loop * 1e3:.1f} ms"


class _One:
    __slots__ = ()

    def call(self) -> int:
        return 1


def _calls() -> None:
    one = _One()
    for _ in range(100_000):
        one.call()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _version(name: str) -> str:
    try:
        return version(name)
    except ModuleNotFoundError:
        return "not there"


def _of(find: Any, argument: str) -> str:
    try:
        return programs.version_of(find(), argument)
    except programs.Missing:
        return "not there"
