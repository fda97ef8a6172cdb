"""Installs what tests need and no package of Python carries: Prometheus, and a C compiler.

`make ci-tools` runs it on a bare machine. It needs root and apt-get; without them nothing is done,
nothing fails, and the tests that need it are skipped and say why.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("prometheus", "gcc", "libc6-dev")
PROGRAMS = ("prometheus", "promtool", "cc")
INSTALL = ("apt-get", "install", "--yes", "--no-install-recommends", *PACKAGES)
START_POLICY = Path("/usr/sbin/policy-rc.d")
"""What Debian's packages ask before they start a service."""
NO_SERVICE = "#!/bin/sh\nexit 101\n"
SECONDS = 300


def main() -> int:
    """Always 0: a machine without it still has all other tests."""
    why = obstacle()
    if why is None:
        why = installed()
    print(f"ci-tools: {why}")
    return 0


def obstacle() -> str | None:
    """Why there is nothing to do, or nothing that can be done."""
    if all(map(shutil.which, PROGRAMS)):
        return "prometheus, promtool and cc are there"
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return (
            "prometheus or cc is missing, and without root and apt-get nothing is installed: "
            "tests that need it are skipped"
        )
    return None


def installed() -> str:
    """Install it; how that went."""
    print(f"ci-tools: {' '.join(INSTALL)}", flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        with services_stay_off():
            for command in (("apt-get", "update"), INSTALL):
                subprocess.run(
                    command, env=environment, check=True, capture_output=True, timeout=SECONDS
                )
    except (subprocess.SubprocessError, OSError) as error:
        return f"prometheus or gcc could not be installed, its tests are skipped: {error}"
    return "what was missing is installed; no service was started"


@contextmanager
def services_stay_off() -> Iterator[None]:
    """Have no service started by what is installed in the block."""
    if START_POLICY.exists():
        yield
        return
    START_POLICY.write_text(NO_SERVICE)
    START_POLICY.chmod(0o755)
    try:
        yield
    finally:
        START_POLICY.unlink()


if __name__ == "__main__":
    sys.exit(main())
